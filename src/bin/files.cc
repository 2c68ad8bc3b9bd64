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

constexpr std::chrono::milliseconds lock_limit{500};
constexpr std::chrono::milliseconds lock_step{10};

std::unexpected<error> refused(const std::string& path) {
  const errc code = errno == EACCES || errno == EPERM ? errc::denied
                    : errno == ENOENT                 ? errc::not_found
                                                      : errc::io;
  return fail(code, path + ": " + std::strerror(errno));
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

/// Whoever else could write in it could put anything in the place of the daemon's files.
result<> check_folder(const std::string& path, uid_t also) {
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0) return refused(path);
  if (!S_ISDIR(found.st_mode)) return fail(errc::denied, path + " is no folder");
  const bool mine = found.st_uid == ::geteuid() || found.st_uid == 0 || found.st_uid == also;
  if (!mine) {
    return fail(errc::denied, path + " belongs to user " + std::to_string(found.st_uid) +
                                  ", who could put anything into it: chown " +
                                  std::to_string(::geteuid()) + " " + path);
  }
  if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return fail(errc::denied, path + " can be written by others: chmod 700 " + path);
  }
  return {};
}

/// Nothing in the folder, or in its folder of the audit, is reached through a symbolic link.
result<> refuse_symlinks_in(const std::string& path) {
  for (const std::string& folder : {path, path + "/audit"}) {
    std::error_code failure;
    for (const auto& each : std::filesystem::directory_iterator(folder, failure)) {
      if (auto plain = refuse_symlink(each.path().string()); !plain) return plain;
    }
  }
  return {};
}

/// The folders above are not the daemon's alone: another user than root may have to pass.
result<> make_folders(const std::string& path) {
  const mode_t before = ::umask(022);
  std::error_code failure;
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, failure);
  ::umask(before);
  return ::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST ? result<>{} : refused(path);
}

}  // namespace

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

result<> can_make_in(std::string folder) {
  while (::access(folder.c_str(), F_OK) != 0 && errno == ENOENT && folder != "/" && folder != ".") {
    folder = folder_of(folder);
  }
  if (::access(folder.c_str(), W_OK | X_OK) == 0) return {};
  return fail(errc::denied, "nothing can be made in " + folder + ": " + std::strerror(errno));
}

result<> may_enter(const std::string& state_dir) {
  const int how = R_OK | X_OK;
  if (::faccessat(AT_FDCWD, state_dir.c_str(), how, AT_EACCESS) == 0 || errno != EACCES) return {};
  return fail(errc::denied,
              "run it as root (or as the daemon's user): this user can't read " + state_dir);
}

result<> check_state_dir(const std::string& path, uid_t also) {
  if (auto fit = check_folder(path, also); !fit) return fit;
  return refuse_symlinks_in(path);
}

result<> claim_state_dir(const std::string& path, uid_t also) {
  if (auto made = make_folders(path); !made) return made;
  if (auto fit = check_state_dir(path, also); !fit) return fit;
  const std::string lock = path + "/lock";
  // Left open on purpose: the lock goes with the process.
  const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  const int file = ::open(lock.c_str(), flags, 0600);
  if (file < 0) return refused(lock);
  if (!lock_soon(file)) {
    ::close(file);
    return fail(errc::conflict, path +
                                    " is in use by another peeraged; give this one another "
                                    "state_dir, or stop that one");
  }
  // For who looks beside this daemon. What fails costs them a name.
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(file, 0) == 0) (void)!::write(file, pid.data(), pid.size());
  return {};
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
