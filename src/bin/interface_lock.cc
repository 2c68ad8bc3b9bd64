#include "bin/interface_lock.h"

#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>

#include "log/log.h"

namespace peerage {
namespace {

constexpr std::chrono::milliseconds dying{500};
constexpr std::chrono::milliseconds step{10};
constexpr std::size_t longest_command = 200;

struct open_socket {
  int file = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  open_socket() = default;
  ~open_socket() {
    if (file >= 0) ::close(file);
  }
  open_socket(const open_socket&) = delete;
  open_socket& operator=(const open_socket&) = delete;
};

/// An abstract name is of one network namespace, as an interface's is, and goes with its process.
struct abstract_name {
  sockaddr_un address{};
  socklen_t size = 0;

  explicit abstract_name(const std::string& interface) {
    const std::string name = "peerage/interface/" + interface;
    address.sun_family = AF_UNIX;
    std::ranges::copy(name, address.sun_path + 1);
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
};

std::string command_of(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  while (!text.empty() && text.back() == '\0') text.pop_back();
  if (text.size() > longest_command) text.resize(longest_command);
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, ' ');
  return text;
}

/// False for one that is known to lack it. Any user may take the name, and must not keep a gateway
/// from starting.
bool may_run_a_gateway(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; in >> word;) {
    if (word != "CapEff:") continue;
    std::uint64_t rights = 0;
    return !(in >> std::hex >> rights) || (rights >> CAP_NET_ADMIN & 1U) != 0;
  }
  return true;
}

}  // namespace

std::string text_of(const interface_holder& who) {
  if (who.pid == 0) return "a process that can't be seen from here";
  const std::string text = "process " + std::to_string(who.pid);
  return who.command.empty() ? text : text + " (" + who.command + ")";
}

std::optional<interface_holder> holder_of(const std::string& interface) {
  const abstract_name name(interface);
  const open_socket probe;
  const bool reached = ::connect(probe.file, name.get(), name.size) == 0;
  // EAGAIN: it is there, and more have asked than it has room for.
  if (!reached && errno != EAGAIN) return {};
  ucred far{};
  socklen_t size = sizeof far;
  interface_holder found;
  if (reached && ::getsockopt(probe.file, SOL_SOCKET, SO_PEERCRED, &far, &size) == 0) {
    found.pid = far.pid;
  }
  if (found.pid == 0) return found;
  if (!may_run_a_gateway(found.pid)) return {};
  found.command = command_of(found.pid);
  return found;
}

result<> claim_interface(const std::string& interface) {
  const abstract_name name(interface);
  // Left open on purpose: it goes with the process.
  const int file = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (file < 0) return fail(errc::io, std::string("a Unix socket: ") + std::strerror(errno));
  // A daemon that was killed while it started wireguard-go leaves it to that child, until the child
  // has become another program, a moment later.
  const auto until = std::chrono::steady_clock::now() + dying;
  int failed = 0;
  do {
    failed = ::bind(file, name.get(), name.size) == 0 ? 0 : errno;
    if (failed != EADDRINUSE) break;
    std::this_thread::sleep_for(step);
  } while (std::chrono::steady_clock::now() < until);
  // Nobody is answered: who asks reads from the socket whose it is.
  if (failed == 0) failed = ::listen(file, SOMAXCONN) == 0 ? 0 : errno;
  if (failed == 0) return {};
  ::close(file);
  if (failed != EADDRINUSE) {
    return fail(errc::io, "interface " + interface + " can't be claimed: " + std::strerror(failed));
  }
  const auto other = holder_of(interface);
  if (!other) {
    log::warning("a program that is no gateway has the name by which gateways know each other",
                 {{"interface", interface}});
    return {};
  }
  return fail(errc::conflict, "interface " + interface + " is in use by " + text_of(*other) +
                                  ", another peeraged with another state_dir; stop that one, or "
                                  "choose another gateway.interface");
}

}  // namespace peerage
