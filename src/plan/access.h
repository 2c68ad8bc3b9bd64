// Who may do what: one table for the calls, and who may see which peer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/network.h"
#include "model/peer.h"
#include "model/token.h"

namespace peerage {

/// Whoever calls: what is left of a token once its secret was found true.
struct principal {
  token_id id;
  std::optional<network_name> network;  // absent: every network
  std::vector<scope> scopes;
  std::optional<std::uint32_t> max_peers = {};
  std::optional<seconds> max_ttl = {};
  std::optional<wall_time> expires_at = {};
  std::string network_id = {};  // of `network`, as the token has it

  bool has(scope wanted) const;
};

enum class action {
  read_networks,
  manage_networks,
  read_gateways,
  manage_gateways,
  manage_tokens,
  read_audit,
  read_peers,
  make_peers,
  change_peers,
};

/// Whether some scope of the caller allows the action at all; peers then need may_touch() too.
/// A token of one network never manages what every network shares.
bool allows(const principal& who, action what);

/// Whether the caller's token reaches that network. What it may not see is "not found" to it.
bool sees(const principal& who, const network_name& network);

/// Whether the caller's token belongs to that very network, or to none: another may have had the
/// name when the token was made.
bool belongs(const principal& who, const network& to);
bool belongs(const token& what, const network& to);

/// Whether the caller may see or change this very peer: `peers:write` alone, only what it made.
bool may_touch(const principal& who, const peer& what, action how);

/// Whether a peer may last so long from now by this caller's will; absent: for ever. errc::invalid
/// with field "ttl_s".
result<> may_last(const principal& who, const std::optional<seconds>& ttl);

/// Whether a token makes sense: none whose limits it could itself undo, none with a scope that it
/// could never use. errc::invalid with the field.
result<> check_token(const token& wanted);

/// Whether the caller may make a token that ends then, or never: none that outlives the caller's
/// own. errc::invalid with field "expires_in_s".
result<> may_outlast(const principal& who, const std::optional<wall_time>& end);

}  // namespace peerage
