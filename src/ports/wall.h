// What keeps tenants apart on a gateway's host: a firewall around its WireGuard interface. Whatever
// the host forwards, a network's peers reach each other and the routes that their network was
// given; of the host itself the gateway's own address in their network, for ICMP echo and what the
// config opens; and nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/ip.h"

namespace peerage {

/// A network that has peers here.
struct tenant {
  prefix whole;                // its IPv6 /48
  prefix own;                  // the /64 of it that this gateway's peers are in
  ip_address gateway;          // the gateway's own address there
  std::optional<prefix> ipv4;  // its IPv4 range
  std::vector<prefix> routes;  // what else its peers may reach, and may be reached from

  bool operator==(const tenant&) const = default;
};

struct wall_plan {
  std::vector<tenant> tenants;  // in any order; their prefixes do not overlap
  bool operator==(const wall_plan&) const = default;
};

/// Everything here is quick and synchronous. errc::denied without CAP_NET_ADMIN, errc::unsupported
/// where the kernel has no nftables, errc::io otherwise, with the tool's own words.
struct wall {
  virtual ~wall() = default;
  /// Makes it keep exactly these apart. In one step: a packet sees all of the change or none of it.
  /// It outlives the process, as the device does.
  virtual result<> arrange(const wall_plan& plan) = 0;
  /// False where somebody else has changed or removed it since the last arrange(): the next one
  /// then builds all of it anew.
  virtual result<bool> stands() = 0;
  /// Nothing is left of it. Succeeds where there is none.
  virtual result<> remove() = 0;
};

}  // namespace peerage
