#include "bin/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "bin/hand_over.h"
#include "log/log.h"
#include "netlink/device.h"

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

constexpr std::uint64_t bit(unsigned capability) {
  return std::uint64_t{1} << capability;
}

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
    needed |= bit(CAP_NET_ADMIN);
    // The first is a userspace WireGuard's, which has what this process has.
    reserved = reserved || is_reserved(config.gateway->listen_port) ||
               is_reserved(port_of(config.gateway->admin_listen));
  }
  if (reserved) needed |= bit(CAP_NET_BIND_SERVICE);
  return needed;
}

/// What a program that root starts may have at most; without the right to, it has no more anyway.
void bound(std::uint64_t needed) {
  for (unsigned each = 0; ::prctl(PR_CAPBSET_READ, each, 0, 0, 0) >= 0; ++each) {
    if ((needed >> each & 1U) == 0) ::prctl(PR_CAPBSET_DROP, each, 0, 0, 0);
  }
}

void keep_only(std::uint64_t needed) {
  bound(needed);
  capabilities mine;
  if (mine.read()) {
    const bool root = ::geteuid() == 0;
    for (unsigned half = 0; half < mine.sets.size(); ++half) {
      const auto mask = static_cast<std::uint32_t>(needed >> (32 * half));
      auto& set = mine.sets.at(half);
      set.permitted &= mask;
      set.effective = set.permitted;
      // Another user's programs have what they inherit, and root's have it anyway.
      set.inheritable = root ? set.inheritable & set.permitted : set.permitted;
    }
    mine.write();
  }
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

std::unexpected<error> cannot_become(const system_user& user) {
  return fail(errc::denied, "it can't become the user " + user.name + ": " + std::strerror(errno));
}

/// For a process that is root: its capabilities of `needed` stay, and wireguard-go gets them.
result<> become(const system_user& user, std::uint64_t needed) {
  bound(needed);  // which the other user has no right to
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 ||
      ::initgroups(user.name.c_str(), user.group) != 0 ||
      ::setresgid(user.group, user.group, user.group) != 0 ||
      ::setresuid(user.id, user.id, user.id) != 0) {
    return cannot_become(user);
  }
  keep_only(needed);
  for (unsigned each = 0; each < 64; ++each) {
    if ((needed >> each & 1U) != 0) ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, each, 0, 0);
  }
  if (::setuid(0) == 0) return fail(errc::io, "the system lets it become root again");
  return {};
}

/// wireguard-go may be needed by this gateway: it runs already, or the kernel has no WireGuard.
bool may_need_userspace(const gateway_config& config) {
  if (config.device != device_choice::automatic) return config.device == device_choice::userspace;
  const std::string socket = "/var/run/wireguard/" + config.interface + ".sock";
  return ::access(socket.c_str(), F_OK) == 0 || !netlink::kernel_has_wireguard();
}

result<> give_files(const daemon_config& config, const system_user& from, const system_user& to) {
  if (config.gateway && may_need_userspace(*config.gateway)) {
    if (auto opened = open_tunnels(config.gateway->interface, from, to); !opened) return opened;
  }
  return hand_over(config.state_dir, from, to);
}

void say_root(const error& why) {
  log::warning("stays root, without its capabilities: broken into, it could write root's files",
               {{"why", why.message}});
}

}  // namespace

bool may_administer_network() {
  capabilities mine;
  return mine.read() && mine.effective(CAP_NET_ADMIN);
}

result<system_user> next_user(const daemon_config& config) {
  auto user = find_user(config);
  if (!user) return user;
  if (user->id == 0) return fail(errc::invalid, "the config says user = \"" + user->name + "\"");
  capabilities mine;
  for (const unsigned each : {CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_CHOWN}) {
    if (mine.read() && mine.effective(each)) continue;
    return fail(errc::denied, "it has not the rights to hand its files over and become " +
                                  user->name + " (CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_CHOWN)");
  }
  if (config.gateway && root_has_userspace(config.gateway->interface)) {
    const std::string& name = config.gateway->interface;
    return fail(errc::denied, "wireguard-go runs for " + name +
                                  " as root, and its peers would be cut off; to change that: stop "
                                  "the daemon, ip link delete " +
                                  name);
  }
  if (std::string why = why_not_as(*user, config); !why.empty()) {
    return fail(errc::denied, std::move(why));
  }
  return user;
}

result<> drop_privileges(const daemon_config& config) {
  const std::uint64_t needed = needed_by(config);
  if (::geteuid() != 0) {
    keep_only(needed);
    return {};
  }
  const auto asked = find_user(config);
  if (!asked && !config.user.empty()) return std::unexpected(asked.error());
  auto user = next_user(config);
  if (user) {
    if (auto given = give_files(config, {}, *user); !given) user = std::unexpected(given.error());
  }
  if (user) {
    if (auto became = become(*user, needed); !became) return became;
    log::info("goes on without root's rights", {{"user", user->name}});
    return {};
  }
  if (asked && owner_of(config.state_dir).id == asked->id) {  // since an earlier start
    if (auto back = give_files(config, *asked, {}); !back) return back;
  }
  if (!asked || asked->id != 0) say_root(user.error());
  keep_only(needed);
  return {};
}

result<> act_as_owner(const daemon_config& config) {
  const system_user owner = owner_of(config.state_dir);
  if (::geteuid() != 0 || owner.id == 0) return {};
  return become(owner, needed_by(config));
}

}  // namespace peerage
