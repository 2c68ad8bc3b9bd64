#include "base/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace peerage {
namespace {

constexpr std::size_t largest_file = 64 * 1024;

std::unexpected<error> is_symlink(const std::string& path) {
  return fail(errc::denied, path + " is a symbolic link, and is not followed; remove it");
}

std::unexpected<error> refused(const std::string& path) {
  if (errno == ELOOP) return is_symlink(path);
  const errc code = errno == EACCES || errno == EPERM ? errc::denied
                    : errno == ENOENT                 ? errc::not_found
                                                      : errc::io;
  return fail(code, path + ": " + std::strerror(errno));
}

result<> check_owner(const struct stat& found, const std::string& path) {
  if (found.st_uid == 0 || found.st_uid == ::geteuid()) return {};
  return fail(errc::denied, path + " belongs to user " + std::to_string(found.st_uid) +
                                ", who could change it: chown " + std::to_string(::geteuid()) +
                                " " + path);
}

/// Why it can't be opened: root without its capabilities can't read what is another's, either.
std::unexpected<error> cannot_open(const std::string& path) {
  auto general = refused(path);
  struct stat found{};
  if (general.error().code != errc::denied || ::lstat(path.c_str(), &found) != 0) return general;
  if (auto mine = check_owner(found, path); !mine && S_ISREG(found.st_mode)) {
    return std::unexpected(std::move(mine.error()));
  }
  return general;
}

result<> check_open_file(int file, const std::string& path) {
  struct stat found{};
  if (::fstat(file, &found) != 0) return refused(path);
  if (!S_ISREG(found.st_mode)) return fail(errc::denied, path + " is no file");
  if (auto mine = check_owner(found, path); !mine) return mine;
  constexpr mode_t too_wide = S_IRWXO | S_IWGRP;
  if ((found.st_mode & too_wide) == 0) return {};
  const bool written = (found.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  return fail(errc::denied,
              path + " can be " + (written ? "written" : "read") + " by others: chmod 600 " + path);
}

result<secret_text> read_with(const std::string& path, int flags) {
  // A pipe in its place would be waited for.
  const int file = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | flags);
  if (file < 0) return cannot_open(path);
  if (auto fit = check_open_file(file, path); !fit) {
    ::close(file);
    return std::unexpected(std::move(fit.error()));
  }
  std::string text(largest_file, '\0');
  std::size_t size = 0;
  ssize_t got = 0;
  while (size < text.size() && (got = ::read(file, text.data() + size, text.size() - size)) > 0)
    size += static_cast<std::size_t>(got);
  const int why = errno;
  ::close(file);
  errno = why;
  if (got < 0) return refused(path);
  while (size > 0 && std::strchr(" \t\r\n", text[size - 1]) != nullptr) --size;
  secret_text made(text.substr(0, size));
  wipe(text.data(), text.size());
  return made;
}

}  // namespace

bool write_whole(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(file, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

result<> sync_folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int dir = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0) return refused(folder);
  const bool synced = ::fsync(dir) == 0;
  const int why = errno;
  ::close(dir);
  errno = why;
  return synced ? result<>{} : refused(folder);
}

result<> refuse_symlink(const std::string& path) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) == 0 && S_ISLNK(found.st_mode)) return is_symlink(path);
  return {};
}

result<> write_private_file(const std::string& path, std::string_view text) {
  if (auto plain = refuse_symlink(path); !plain) return plain;
  const std::string beside = path + ".new";
  // What is left of an earlier write, or was put there; a link goes, and not what it names.
  if (::unlink(beside.c_str()) != 0 && errno != ENOENT) return refused(beside);
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  const int file = ::open(beside.c_str(), flags, 0600);
  if (file < 0) return refused(beside);
  const bool written = ::fchmod(file, 0600) == 0 && write_whole(file, text) && ::fsync(file) == 0;
  const int why = errno;
  ::close(file);
  errno = why;
  if (!written || ::rename(beside.c_str(), path.c_str()) != 0) {
    auto failed = refused(path);
    ::unlink(beside.c_str());
    return failed;
  }
  return sync_folder_of(path);
}

result<secret_text> read_private_file(const std::string& path) {
  return read_with(path, O_NOFOLLOW);
}

result<secret_text> read_secret_file(const std::string& path) {
  return read_with(path, 0);
}

result<> check_secret_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return cannot_open(path);
  auto fit = check_open_file(file, path);
  ::close(file);
  return fit;
}

}  // namespace peerage
