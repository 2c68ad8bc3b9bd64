#include "bin/host.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <fstream>

#include "model/ip.h"

namespace peerage {
namespace {

constexpr int kept_memory = 16 * 1024 * 1024;  // bytes, for each of malloc's arenas

/// Connecting a UDP socket sends nothing, and makes the kernel choose a source address.
template <class Address>
std::string source_towards(const Address& far) {
  const auto* to = reinterpret_cast<const sockaddr*>(&far);
  const int probe = ::socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return {};
  Address near{};
  socklen_t size = sizeof near;
  char text[INET6_ADDRSTRLEN] = "";
  if (::connect(probe, to, sizeof far) == 0 &&
      ::getsockname(probe, reinterpret_cast<sockaddr*>(&near), &size) == 0) {
    const void* bytes = nullptr;
    if constexpr (std::is_same_v<Address, sockaddr_in>) {
      bytes = &near.sin_addr;
    } else {
      bytes = &near.sin6_addr;
    }
    ::inet_ntop(to->sa_family, bytes, text, sizeof text);
  }
  ::close(probe);
  return text;
}

}  // namespace

std::string host_name() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

std::string boot_id() {
  std::string id;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), id);
  return id;
}

result<std::string> default_endpoint(std::uint16_t port) {
  // Documentation addresses (RFC 5737, RFC 3849): only the default route leads there.
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(9);
  ::inet_pton(AF_INET, "203.0.113.1", &v4.sin_addr);
  std::string source = source_towards(v4);
  if (source.empty()) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(9);
    ::inet_pton(AF_INET6, "2001:db8::1", &v6.sin6_addr);
    source = source_towards(v6);
    if (!source.empty()) source = "[" + source + "]";
  }
  if (source.empty()) {
    return fail(errc::not_found,
                "this host has no default route to tell its address from; set gateway.endpoint "
                "to what peers should connect to, as ADDRESS:PORT",
                "gateway.endpoint");
  }
  return source + ":" + std::to_string(port);
}

std::size_t most_open_files() {
  rlimit files{};
  return ::getrlimit(RLIMIT_NOFILE, &files) == 0 ? files.rlim_cur : 1'024;
}

void prepare_process() {
  // Memory that each request takes and gives back is kept: giving it to the kernel and asking for
  // it again costs every creation a few system calls and page faults.
  ::mallopt(M_TRIM_THRESHOLD, kept_memory);
  ::mallopt(M_MXFAST, 0);
  ::umask(077);
  std::signal(SIGPIPE, SIG_IGN);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
}

}  // namespace peerage
