// A token: who may call the API. The store has only a hash of its secret.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "model/name.h"

namespace peerage {

enum class scope : std::uint8_t {
  admin,            // everything
  peers_read,       // sees every peer of its networks
  peers_write,      // makes peers; sees and touches those that it made
  peers_manage,     // sees and touches every peer of its networks
  networks_manage,  // makes and removes networks
  gateways_read,    // sees the gateways
  gateways_manage,  // drains and removes them
};
inline constexpr std::size_t scope_count = 7;

std::string_view name_of(scope value);               // "peers:read"
std::optional<scope> scope_named(std::string_view);  // nothing for a name that is not there

struct token {
  token_id id;
  std::string name;
  std::optional<network_name> network;  // absent: every network
  std::string network_id;               // of that network; empty where the network has none
  std::vector<scope> scopes;
  std::array<std::uint8_t, 32> hash{};  // SHA-256 of the secret
  wall_time created_at;
  std::optional<wall_time> expires_at;
  std::optional<wall_time> last_used_at;
  std::optional<std::uint32_t> max_peers;  // of those that it made, so many at once
  std::optional<seconds> max_ttl;          // those that it makes expire, after so long at most

  bool operator==(const token&) const = default;
};

}  // namespace peerage
