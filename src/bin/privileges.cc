#include "bin/privileges.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace peerage {
namespace {

constexpr int first_free_port = 1024;

struct capabilities {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> sets{};

  bool read() { return ::syscall(SYS_capget, &header, sets.data()) == 0; }
  bool write() { return ::syscall(SYS_capset, &header, sets.data()) == 0; }
  bool effective(unsigned which) const {
    return (sets.at(which / 32).effective & (1U << (which % 32))) != 0;
  }
};

/// One that an ordinary process may not listen on.
bool is_reserved(int port) {
  return port > 0 && port < first_free_port;
}
int port_of(const std::string& address) {
  if (address.starts_with("unix:")) return 0;
  return std::atoi(address.substr(address.rfind(':') + 1).c_str());
}

std::uint64_t needed_by(const daemon_config& config) {
  std::uint64_t needed = 0;
  bool reserved = config.api && is_reserved(port_of(config.api->listen));
  if (config.gateway) {
    needed |= std::uint64_t{1} << CAP_NET_ADMIN;
    // The first is a userspace WireGuard's, which has what this process has.
    reserved = reserved || is_reserved(config.gateway->listen_port) ||
               is_reserved(port_of(config.gateway->admin_listen));
  }
  if (reserved) needed |= std::uint64_t{1} << CAP_NET_BIND_SERVICE;
  return needed;
}

}  // namespace

bool may_administer_network() {
  capabilities mine;
  return mine.read() && mine.effective(CAP_NET_ADMIN);
}

void drop_privileges(const daemon_config& config) {
  const std::uint64_t needed = needed_by(config);
  // What a program that root starts may have at most; without the right to, it has no more anyway.
  for (unsigned each = 0; ::prctl(PR_CAPBSET_READ, each, 0, 0, 0) >= 0; ++each) {
    if ((needed >> each & 1U) == 0) ::prctl(PR_CAPBSET_DROP, each, 0, 0, 0);
  }
  capabilities mine;
  if (mine.read()) {
    for (unsigned half = 0; half < mine.sets.size(); ++half) {
      const auto mask = static_cast<std::uint32_t>(needed >> (32 * half));
      auto& set = mine.sets.at(half);
      set.permitted &= mask;
      set.effective = set.permitted;
      set.inheritable &= set.permitted;
    }
    mine.write();
  }
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

}  // namespace peerage
