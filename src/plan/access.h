// Who may do what: one table for the calls, and who may see which peer.
#pragma once

#include <optional>
#include <vector>

#include "model/peer.h"
#include "model/token.h"

namespace peerage {

/// Whoever calls: what is left of a token once its secret was found true.
struct principal {
  token_id id;
  std::optional<network_name> network;  // absent: every network
  std::vector<scope> scopes;

  bool has(scope wanted) const;
};

enum class action {
  read_networks,
  manage_networks,
  read_gateways,
  manage_gateways,
  manage_tokens,
  read_peers,
  make_peers,
  change_peers,
};

/// Whether some scope of the caller allows the action at all; peers then need may_touch() too.
/// A token of one network never manages gateways.
bool allows(const principal& who, action what);

/// Whether the caller's token reaches that network. What it may not see is "not found" to it.
bool sees(const principal& who, const network_name& network);

/// Whether the caller may see or change this very peer: `peers:write` alone, only what it made.
bool may_touch(const principal& who, const peer& what, action how);

}  // namespace peerage
