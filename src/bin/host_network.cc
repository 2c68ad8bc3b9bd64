#include "bin/host_network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

namespace peerage {
namespace {

const std::string settings = "/proc/sys/net/";

/// Empty where there is no such setting.
std::string read_setting(const std::string& name) {
  std::string value;
  std::getline(std::ifstream(settings + name), value);
  return value;
}

/// Notes it where it was another, and is this now.
void set(const std::string& name, const std::string& value, std::vector<std::string>& changed) {
  const std::string before = read_setting(name);
  if (before.empty() || before == value) return;
  std::ofstream setting(settings + name);
  if (!(setting << value << std::flush)) return;
  std::string words = "net." + name + " = " + value;
  std::ranges::replace(words, '/', '.');
  changed.push_back(std::move(words));
}

/// An interface's own folder of settings, or that of those that are still to be made.
std::string folder_of(const char* family, const std::string& interface) {
  const std::string all = std::string(family) + "/conf/";
  std::error_code ignored;
  const bool there = std::filesystem::exists(settings + all + interface, ignored);
  return all + (there ? interface : "default");
}

/// Newer kernels can forward for one interface alone.
const char* const forced = "/force_forwarding";

template <class Address>
std::optional<std::uint32_t> mtu_towards(const Address& far, int level, int option) {
  const auto* to = reinterpret_cast<const sockaddr*>(&far);
  const int probe = ::socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return {};
  int mtu = 0;
  socklen_t size = sizeof mtu;
  // Connecting a UDP socket sends nothing, and makes the kernel look up the way.
  const bool known = ::connect(probe, to, sizeof far) == 0 &&
                     ::getsockopt(probe, level, option, &mtu, &size) == 0 && mtu > 0;
  ::close(probe);
  if (!known) return {};
  return static_cast<std::uint32_t>(mtu);
}

}  // namespace

forwarding_facts look_at_forwarding(nft::other_chains& chains, const std::string& interface) {
  forwarding_facts now;
  now.ipv4 = read_setting(folder_of("ipv4", interface) + "/forwarding") != "0";
  now.ipv6 = read_setting("ipv6/conf/all/forwarding") != "0" ||
             read_setting(folder_of("ipv6", interface) + forced) == "1";
  now.dropping = chains.in_the_way_of(interface);
  std::ifstream names("/proc/net/ip_tables_names");
  for (std::string name; std::getline(names, name);) {
    now.legacy_filter = now.legacy_filter || name == "filter";
  }
  return now;
}

std::vector<std::string> host_troubles(const gateway_config& config, nft::other_chains& chains) {
  if (config.forwarding == forwarding_choice::ignore) return {};
  return forwarding_troubles(look_at_forwarding(chains, config.interface), config.interface,
                             config.forwarding == forwarding_choice::set);
}

std::vector<std::string> set_forwarding(const std::string& interface) {
  std::vector<std::string> changed;
  set("ipv4/conf/" + interface + "/forwarding", "1", changed);
  if (!read_setting("ipv6/conf/" + interface + forced).empty()) {
    set("ipv6/conf/" + interface + forced, "1", changed);
    return changed;
  }
  if (read_setting("ipv6/conf/all/forwarding") != "0") return changed;
  // A host that forwards believes no router's advertisements: 2 makes it go on, and keep its
  // default route.
  std::error_code failure;
  for (const auto& each : std::filesystem::directory_iterator(settings + "ipv6/conf", failure)) {
    const std::string name = "ipv6/conf/" + each.path().filename().string() + "/accept_ra";
    if (read_setting(name) == "1") set(name, "2", changed);
  }
  set("ipv6/conf/all/forwarding", "1", changed);
  return changed;
}

ipv6_of_host look_at_ipv6(const std::string& interface) {
  const int probe = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (probe < 0 && errno == EAFNOSUPPORT) return ipv6_of_host::absent;
  if (probe >= 0) ::close(probe);
  const std::string setting = folder_of("ipv6", interface) + "/disable_ipv6";
  if (read_setting(setting) != "1") return ipv6_of_host::there;
  const bool may = ::faccessat(AT_FDCWD, (settings + setting).c_str(), W_OK, AT_EACCESS) == 0;
  return may ? ipv6_of_host::off : ipv6_of_host::locked;
}

std::optional<std::uint32_t> uplink_mtu() {
  // Documentation addresses (RFC 5737, RFC 3849): only the default route leads there.
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(9);
  ::inet_pton(AF_INET, "203.0.113.1", &v4.sin_addr);
  if (const auto mtu = mtu_towards(v4, IPPROTO_IP, IP_MTU)) return mtu;
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(9);
  ::inet_pton(AF_INET6, "2001:db8::1", &v6.sin6_addr);
  return mtu_towards(v6, IPPROTO_IPV6, IPV6_MTU);
}

}  // namespace peerage
