#include "http/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace peerage::http {
namespace {

/// Closes itself unless it is released.
class descriptor {
 public:
  descriptor() : number_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}
  ~descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  int number() const { return number_; }
  int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

/// Into an empty address; false where it is too long.
bool put(const std::string& path, sockaddr_un& into) {
  into.sun_family = AF_UNIX;
  if (path.size() >= sizeof into.sun_path) return false;
  std::memcpy(into.sun_path, path.c_str(), path.size());
  return true;
}

bool is_left_behind(const sockaddr_un& address) {
  struct stat found{};
  if (::lstat(address.sun_path, &found) != 0 || !S_ISSOCK(found.st_mode)) return false;
  const descriptor caller;
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  return ::connect(caller.number(), generic, sizeof address) != 0 && errno == ECONNREFUSED;
}

}  // namespace

std::expected<int, int> listen_on_unix(const std::string& path) {
  sockaddr_un address{};
  if (!put(path, address)) return std::unexpected(ENAMETOOLONG);
  descriptor made;
  if (made.number() < 0) return std::unexpected(errno);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (is_left_behind(address)) ::unlink(path.c_str());
  if (::bind(made.number(), generic, sizeof address) != 0) return std::unexpected(errno);
  if (::chmod(path.c_str(), 0666) != 0 || ::listen(made.number(), SOMAXCONN) != 0) {
    const int why = errno;
    ::unlink(path.c_str());
    return std::unexpected(why);
  }
  return made.release();
}

std::expected<int, int> connect_to_unix(const std::string& path) {
  sockaddr_un address{};
  if (!put(path, address)) return std::unexpected(ENAMETOOLONG);
  descriptor made;
  if (made.number() < 0) return std::unexpected(errno);
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(made.number(), generic, sizeof address) != 0) return std::unexpected(errno);
  return made.release();
}

}  // namespace peerage::http
