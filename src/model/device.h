// What is written to a WireGuard device, and what is read from it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/ip.h"
#include "model/key.h"
#include "model/peer.h"

namespace peerage {

/// A peer as the device should have it.
struct device_peer {
  peerage::public_key public_key;
  std::optional<secret_key> preshared_key;  // absent: none, and one that is there is cleared
  std::vector<prefix> allowed_ips;          // exactly these, sorted

  bool operator==(const device_peer&) const = default;
};

struct set_peer {
  device_peer peer;
  // "ADDRESS:PORT"; empty: left as it is. Clients roam, so only a peer that the device does not
  // have is given one.
  std::string endpoint = {};
  // Absent: left as it is. Where it was 0, another value makes the device begin a handshake.
  std::optional<std::uint16_t> keepalive_s = {};
};
struct drop_peer {
  peerage::public_key public_key;
};
/// Takes all its allowed IPs: from then on no packet of its passes. Quick, where dropping it is
/// not.
struct strip_peer {
  peerage::public_key public_key;
};
using device_change = std::variant<set_peer, strip_peer, drop_peer>;

struct device_entry {
  device_peer peer;
  peer_status status;
  std::uint16_t keepalive_s = 0;
};

}  // namespace peerage
