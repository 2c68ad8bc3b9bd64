// A peer: one public key, enrolled on one gateway, in one network.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/ip.h"
#include "model/key.h"
#include "model/name.h"
#include "model/revision.h"

namespace peerage {

/// What people call a peer: its name, unique in its network.
struct peer_id {
  network_name network;
  peer_name name;
  auto operator<=>(const peer_id&) const = default;
};

struct peer {
  peer_id id;
  peerage::public_key public_key;
  std::optional<secret_key> preshared_key;
  gateway_name gateway;
  ip_address ipv6;
  std::optional<ip_address> ipv4;
  wall_time created_at;
  wall_time assigned_at;  // when this key came to this gateway: made, re-keyed or moved
  std::optional<wall_time> expires_at;
  token_id created_by;
  // So many peers, this one among them, its token may have at once; absent: it is not counted. Like
  // created_by, never another than it was made with.
  std::optional<std::uint32_t> quota;

  /// The peer's own addresses, /128 and /32: its allowed IPs on the gateway.
  std::vector<prefix> addresses() const;
  bool operator==(const peer&) const = default;
};

/// What a device has seen of a peer since it got it.
struct peer_status {
  peerage::public_key public_key;
  std::string endpoint;  // where its last packet came from; empty before the first
  std::optional<wall_time> last_handshake_at;
  std::uint64_t rx_bytes = 0;
  std::uint64_t tx_bytes = 0;
};

}  // namespace peerage
