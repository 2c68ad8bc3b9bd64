// A network: one tenant's private addresses.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/ip.h"
#include "model/name.h"

namespace peerage {

struct network {
  network_name name;
  // Random, and another for each network that ever has the name. Empty in a record from before ids.
  std::string id;
  prefix ipv6;                 // always a /48
  std::optional<prefix> ipv4;  // the range that peers get an IPv4 address from
  std::vector<ip_address> dns;
  std::vector<prefix> allowed_ips;  // what a peer routes into its tunnel
  wall_time created_at;

  bool operator==(const network&) const = default;
};

}  // namespace peerage
