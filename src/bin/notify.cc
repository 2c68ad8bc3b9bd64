#include "bin/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "log/log.h"

namespace peerage {

void notify_ready() {
  const char* named = std::getenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe)
  if (named == nullptr) return;
  const std::string_view path(named);
  sockaddr_un to{};
  if (path.empty() || path.size() >= sizeof(to.sun_path)) return;
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, path.data(), path.size());
  if (to.sun_path[0] == '@') to.sun_path[0] = '\0';  // an abstract one
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  constexpr std::string_view ready = "READY=1";
  const int by = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool sent = by >= 0 && ::sendto(by, ready.data(), ready.size(), MSG_NOSIGNAL,
                                        reinterpret_cast<const sockaddr*>(&to),
                                        size) == static_cast<ssize_t>(ready.size());
  if (!sent) {
    log::warning("the service manager can't be told that the daemon is ready",
                 {{"socket", path}, {"error", std::string_view(std::strerror(errno))}});
  }
  if (by >= 0) ::close(by);
}

}  // namespace peerage
