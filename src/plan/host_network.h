// What the network of a gateway's host means for the gateway, in words for its administrator; and
// the MTU of its tunnels. Pure: bin/host_network.h looks at the host.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace peerage {

/// A chain that every forwarded packet goes through, and whose policy is drop.
struct dropping_chain {
  std::string family;  // of its table: "ip", "ip6" or "inet"
  std::string table;
  std::string chain;
  bool operator==(const dropping_chain&) const = default;
};

struct forwarding_facts {
  bool ipv4 = true;  // what comes in by the gateway's interface is forwarded
  bool ipv6 = true;
  // Without those of tables that have a rule which accepts something by the interface's name.
  std::vector<dropping_chain> dropping = {};
  bool legacy_filter = false;  // iptables-legacy has a table "filter", which nft does not show
};

/// Why peers may not reach each other through `interface`, and what to do; empty: nothing is known
/// to be in their way. `tried`: the gateway is to set it by itself, and could not.
std::vector<std::string> forwarding_troubles(const forwarding_facts& now,
                                             const std::string& interface, bool tried = false);

enum class ipv6_of_host : std::uint8_t {
  there,
  off,     // switched off where the interface is made, and can be switched on for it
  locked,  // switched off, and this process may not switch it on
  absent,  // the kernel has none
};

/// Why the gateway can't run, as every network has IPv6 addresses; empty: it can.
std::string why_no_ipv6(ipv6_of_host now, const std::string& interface);

/// What a tunnel to `endpoint` may take of an uplink of that MTU: WireGuard adds 60 bytes over
/// IPv4, 80 over IPv6 or where a name may be either. Never more than wg-quick's 1420, since the way
/// to a client may be narrower than this host's own; never less than IPv6 needs.
std::uint32_t tunnel_mtu(std::optional<std::uint32_t> uplink, std::string_view endpoint);

}  // namespace peerage
