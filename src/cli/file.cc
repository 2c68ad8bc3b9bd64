#include "cli/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/private_file.h"
#include "crypto/random.h"

namespace peerage::cli {
namespace {

constexpr std::string_view ending = ".conf";
constexpr std::size_t longest_interface = 15;

bool fits_interface(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_=+.-").find(c) != std::string_view::npos;
}

std::string said_by_system(int number) {
  return std::generic_category().message(number);
}

errc code_of(int number) {
  if (number == ENOENT) return errc::not_found;
  return number == EACCES || number == EPERM ? errc::denied : errc::io;
}

std::string folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(path.substr(0, slash + 1));
}

std::unexpected<error> cannot_write(const std::string& path, int number) {
  return fail(code_of(number), "can't write " + path + ": " + said_by_system(number), "--file");
}

std::unexpected<error> is_there(const std::string& path) {
  return fail(errc::conflict,
              path + " is there already; give another --file, or --force to replace it", "--file");
}

}  // namespace

result<> check_wg_quick_name(std::string_view path) {
  const std::string folder = folder_of(path);
  const std::string_view name = path.substr(folder.size());
  const bool ends = name.size() > ending.size() && name.ends_with(ending);
  const std::string_view stem = ends ? name.substr(0, name.size() - ending.size()) : name;
  if (ends && stem.size() <= longest_interface &&
      std::all_of(stem.begin(), stem.end(), fits_interface)) {
    return {};
  }
  std::string fitting;
  for (const char c : stem) fitting += fits_interface(c) ? c : '-';
  if (fitting.size() > longest_interface) fitting.resize(longest_interface);
  if (fitting.empty() || fitting == ending) fitting = "wg0";
  return fail(errc::invalid,
              "wg-quick would refuse the file name \"" + std::string(name) +
                  "\": it takes 1 to 15 of a-z, A-Z, 0-9 and _=+.- before .conf; try --file " +
                  folder + fitting + std::string(ending),
              "--file");
}

private_file::private_file(std::string path, std::string temporary, int file, bool force)
    : path_(std::move(path)), temporary_(std::move(temporary)), file_(file), force_(force) {}

private_file::private_file(private_file&& from) noexcept
    : path_(std::move(from.path_)),
      temporary_(std::exchange(from.temporary_, {})),
      file_(std::exchange(from.file_, -1)),
      force_(from.force_) {}

private_file::~private_file() {
  if (file_ >= 0) ::close(file_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

result<private_file> private_file::prepare(std::string path, bool force, std::size_t room) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) == 0) {
    if (S_ISDIR(found.st_mode)) return cannot_write(path, EISDIR);
    if (!force) return is_there(path);
  }
  std::string temporary = folder_of(path) + ".peerage-" + random_label(8);
  const int file =
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return cannot_write(path, errno);
  private_file made(std::move(path), std::move(temporary), file, force);
  // The umask takes bits away and never adds one; this gives the owner's back.
  if (::fchmod(file, 0600) != 0) return cannot_write(made.path_, errno);
  if (const int full = room == 0 ? 0 : ::posix_fallocate(file, 0, static_cast<off_t>(room));
      full == ENOSPC || full == EDQUOT || full == EFBIG) {
    return cannot_write(made.path_, full);
  }
  return made;
}

result<> private_file::publish() {
  const char* from = temporary_.c_str();
  if (force_) {
    if (::rename(from, path_.c_str()) != 0) return cannot_write(path_, errno);
    return {};
  }
  if (::renameat2(AT_FDCWD, from, AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno == EEXIST) return is_there(path_);
  // Not every file system knows that call; a second name that must be new does the same.
  if (::link(from, path_.c_str()) != 0) {
    if (errno == EEXIST) return is_there(path_);
    return cannot_write(path_, errno);
  }
  ::unlink(from);
  return {};
}

result<> private_file::keep(std::string_view text) {
  const bool written = write_whole(file_, text) &&
                       ::ftruncate(file_, static_cast<off_t>(text.size())) == 0 &&
                       ::fsync(file_) == 0;
  if (!written) return cannot_write(path_, errno);
  auto published = publish();
  const std::string temporary = std::exchange(temporary_, {});
  if (!published) {
    published.error().message += "; what was to be written is in " + temporary;
    return published;
  }
  // A file system that can't do that is no failure.
  static_cast<void>(sync_folder_of(path_));
  return {};
}

result<std::string> read_file(const std::string& path, std::size_t limit) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    const int number = errno;
    return fail(code_of(number), "can't read " + path + ": " + said_by_system(number));
  }
  std::string text;
  std::array<char, 4096> part{};
  ssize_t count = 0;
  while ((count = ::read(file, part.data(), part.size())) != 0) {
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) break;
    text.append(part.data(), static_cast<std::size_t>(count));
    if (text.size() > limit) break;
  }
  const int number = errno;
  ::close(file);
  if (count < 0) return fail(code_of(number), "can't read " + path + ": " + said_by_system(number));
  if (text.size() > limit) {
    return fail(errc::full, path + " is larger than " + std::to_string(limit) + " bytes");
  }
  return text;
}

}  // namespace peerage::cli
