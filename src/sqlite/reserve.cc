#include "sqlite/reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace peerage::sqlite {
namespace {

// What opening the databases of a daemon takes, and a little more.
constexpr std::uint64_t opening = 1024 * 1024;
constexpr std::chrono::seconds look_every{1};

}  // namespace

reserve::reserve(std::string file, std::uint64_t bytes, teller tell)
    : file_(std::move(file)), bytes_(bytes), tell_(std::move(tell)) {}

void reserve::open() {
  // Without a folder there is no disk, and whoever opens the database says so.
  if (bytes_ == 0 || !free_bytes()) return;
  struct stat found{};
  const bool there = ::lstat(file_.c_str(), &found) == 0 && S_ISREG(found.st_mode);
  if (there) held_ = static_cast<std::uint64_t>(found.st_size);
  restore();
  if (held_ < bytes_) set(true);
  if (free_bytes().value_or(0) < opening) give_up();
}

bool reserve::give_up() {
  if (bytes_ == 0) return false;
  set(true);
  if (held_ == 0) return false;
  held_ -= std::min(held_, bytes_ / 4);
  const int file = ::open(file_.c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) return false;
  const bool cut = ::ftruncate(file, static_cast<off_t>(held_)) == 0;
  ::close(file);
  return cut;
}

void reserve::restore() {
  if (held_ >= bytes_) return;
  const auto now = std::chrono::steady_clock::now();
  if (looked_ && now < *looked_ + look_every) return;
  looked_ = now;
  if (free_bytes().value_or(0) + held_ >= 2 * bytes_ && make()) set(false);
}

bool reserve::make() {
  const int file = ::open(file_.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const bool made = ::posix_fallocate(file, 0, static_cast<off_t>(bytes_)) == 0;
  if (!made && ::ftruncate(file, static_cast<off_t>(held_)) != 0) held_ = 0;
  ::close(file);
  if (made) held_ = bytes_;
  return made;
}

std::optional<std::uint64_t> reserve::free_bytes() const {
  const auto slash = file_.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : file_.substr(0, slash + 1);
  struct statvfs disk{};
  if (::statvfs(folder.c_str(), &disk) != 0) return {};
  return std::uint64_t{disk.f_bavail} * disk.f_frsize;
}

void reserve::set(bool given_up) {
  if (std::exchange(given_up_, given_up) != given_up && tell_) tell_(given_up, held_);
}

}  // namespace peerage::sqlite
