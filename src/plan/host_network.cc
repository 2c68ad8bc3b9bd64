#include "plan/host_network.h"

#include <algorithm>

#include "model/gateway.h"
#include "model/ip.h"

namespace peerage {
namespace {

constexpr std::uint32_t over_ipv4 = 60;  // bytes: IP, UDP, and WireGuard's header and tag
constexpr std::uint32_t over_ipv6 = 80;

std::string not_forwarded(const char* family, const std::string& interface, const char* setting,
                          bool tried) {
  return std::string("forwarding: this host forwards no ") + family + " packets from " + interface +
         ", so peers do not reach each other: `sysctl -w " + setting + "=1`" +
         (tried ? "; this process may not" : ", or gateway.forwarding = \"set\"");
}

}  // namespace

std::vector<std::string> forwarding_troubles(const forwarding_facts& now,
                                             const std::string& interface, bool tried) {
  std::vector<std::string> all;
  if (!now.ipv4) all.push_back(not_forwarded("IPv4", interface, "net.ipv4.ip_forward", tried));
  if (!now.ipv6) {
    all.push_back(not_forwarded("IPv6", interface, "net.ipv6.conf.all.forwarding", tried));
  }
  for (const dropping_chain& each : now.dropping) {
    all.push_back("forwarding: chain " + each.chain + " of nftables table " + each.family + " " +
                  each.table + " drops what none of its rules accepts (policy drop), and none " +
                  "names " + interface + ", so peers do not reach each other: `nft insert rule " +
                  each.family + " " + each.table + " " + each.chain + " iifname " + interface +
                  " oifname " + interface + " accept`");
  }
  if (now.legacy_filter) {
    all.push_back(
        "forwarding: iptables-legacy has a table filter on this host, which nft does not show: "
        "where `iptables-legacy -S FORWARD` says DROP, `iptables-legacy -I FORWARD -i " +
        interface + " -o " + interface + " -j ACCEPT` lets peers reach each other");
  }
  return all;
}

std::string why_no_ipv6(ipv6_of_host now, const std::string& interface) {
  switch (now) {
    case ipv6_of_host::there:
    case ipv6_of_host::off: return {};
    case ipv6_of_host::locked:
      return "IPv6 is switched off on this host, and every network has IPv6 addresses: `sysctl -w "
             "net.ipv6.conf.default.disable_ipv6=0` before the start, or let this process write "
             "net.ipv6.conf." +
             interface + ".disable_ipv6";
    case ipv6_of_host::absent: break;
  }
  return "this host's kernel runs without IPv6, and every network has IPv6 addresses: start it "
         "without ipv6.disable=1";
}

std::uint32_t tunnel_mtu(std::optional<std::uint32_t> uplink, std::string_view endpoint) {
  if (!uplink) return usual_mtu;
  const auto at = parse_socket_address(endpoint);
  const bool ipv4 = at && at->address.family() == family::ipv4;
  const std::uint32_t added = ipv4 ? over_ipv4 : over_ipv6;
  const std::uint32_t left = *uplink > added ? *uplink - added : 0;
  return std::clamp(left, least_mtu, usual_mtu);
}

}  // namespace peerage
