#include "bin/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

#include "base/base64.h"
#include "crypto/random.h"
#include "crypto/x25519.h"
#include "model/name.h"

namespace peerage {
namespace {

constexpr std::size_t largest_file = 64 * 1024;
constexpr std::chrono::milliseconds lock_limit{500};
constexpr std::chrono::milliseconds lock_step{10};

std::unexpected<error> refused(const std::string& path) {
  const errc code = errno == EACCES || errno == EPERM ? errc::denied
                    : errno == ENOENT                 ? errc::not_found
                                                      : errc::io;
  return fail(code, path + ": " + std::strerror(errno));
}

bool write_whole(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(file, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return true;
}

/// A daemon that was killed while it started wireguard-go leaves the lock to that child, until the
/// child has become another program, a moment later.
bool lock_soon(int file) {
  const auto until = std::chrono::steady_clock::now() + lock_limit;
  while (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(lock_step);
  }
  return true;
}

}  // namespace

result<> claim_state_dir(const std::string& path) {
  std::error_code failure;
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, failure);
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return refused(path);
  const std::string lock = path + "/lock";
  // Left open on purpose: the lock goes with the process.
  const int file = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return refused(lock);
  if (!lock_soon(file)) {
    ::close(file);
    return fail(errc::conflict, path +
                                    " is in use by another peeraged; give this one another "
                                    "state_dir, or stop that one");
  }
  return {};
}

result<> write_private_file(const std::string& path, std::string_view text) {
  const std::string beside = path + ".new";
  const int file = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
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
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const int dir = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0) return refused(folder);
  const bool synced = ::fsync(dir) == 0;
  ::close(dir);
  if (!synced) return refused(folder);
  return {};
}

result<secret_text> read_private_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return refused(path);
  std::string text(largest_file, '\0');
  std::size_t size = 0;
  ssize_t got = 0;
  while (size < text.size() && (got = ::read(file, text.data() + size, text.size() - size)) > 0)
    size += static_cast<std::size_t>(got);
  ::close(file);
  if (got < 0) return refused(path);
  while (size > 0 && std::strchr(" \t\r\n", text[size - 1]) != nullptr) --size;
  secret_text made(text.substr(0, size));
  wipe(text.data(), text.size());
  return made;
}

result<secret_key> read_key(const std::string& path) {
  const auto text = read_private_file(path);
  if (!text) return std::unexpected(text.error());
  auto key = parse_secret_key(text->reveal());
  if (!key) return fail(errc::invalid, path + " " + key.error().message);
  return key;
}

result<secret_key> load_or_make_key(const std::string& path) {
  auto key = read_key(path);
  if (key || key.error().code != errc::not_found) return key;
  const secret_key made = make_private_key();
  std::string line = base64_encode(made.reveal()) + "\n";
  const auto written = write_private_file(path, line);
  wipe(line.data(), line.size());
  if (!written) return std::unexpected(written.error());
  return made;
}

result<std::string> load_or_make_id(const std::string& path) {
  const auto text = read_private_file(path);
  if (text) {
    std::string id(text->reveal());
    if (!is_label(id))
      return fail(errc::invalid, path + " must hold an id; remove it for a new one");
    return id;
  }
  if (text.error().code != errc::not_found) return std::unexpected(text.error());
  std::string made = random_id();
  if (auto written = write_private_file(path, made + "\n"); !written) {
    return std::unexpected(std::move(written.error()));
  }
  return made;
}

}  // namespace peerage
