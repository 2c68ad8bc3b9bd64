#include "plan/access.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace peerage {
namespace {

struct right {
  action what;
  std::array<bool, scope_count> by;  // in the order of `scope`
};

// clang-format off
constexpr bool o = true, x = false;
constexpr std::array<right, 9> rights = {{
  //                         admin  peers:                networks:  gateways:
  //                                read  write  manage   manage     read  manage
  {action::read_networks,    {o,     o,    o,     o,       o,         x,    x}},  // one's own
  {action::manage_networks,  {o,     x,    x,     x,       o,         x,    x}},
  {action::read_gateways,    {o,     x,    x,     x,       x,         o,    o}},
  {action::manage_gateways,  {o,     x,    x,     x,       x,         x,    o}},
  {action::manage_tokens,    {o,     x,    x,     x,       x,         x,    x}},
  {action::read_audit,       {o,     x,    x,     x,       x,         x,    x}},
  {action::read_peers,       {o,     o,    o,     o,       x,         x,    x}},
  {action::make_peers,       {o,     x,    o,     o,       x,         x,    x}},
  {action::change_peers,     {o,     x,    o,     o,       x,         x,    x}},  // may_touch() too
}};
// clang-format on

/// A gateway serves every network, and the audit tells of every network: not for one network's
/// token.
bool shared_by_all(action what) {
  return what == action::manage_gateways || what == action::read_audit;
}

}  // namespace

bool principal::has(scope wanted) const {
  return std::find(scopes.begin(), scopes.end(), wanted) != scopes.end();
}

bool allows(const principal& who, action what) {
  if (who.network && shared_by_all(what)) return false;
  const right& row = rights.at(static_cast<std::size_t>(what));
  return std::any_of(who.scopes.begin(), who.scopes.end(),
                     [&row](scope each) { return row.by.at(static_cast<std::size_t>(each)); });
}

bool sees(const principal& who, const network_name& network) {
  return !who.network || *who.network == network;
}

bool belongs(const principal& who, const network& to) {
  return !who.network || (*who.network == to.name && who.network_id == to.id);
}

bool belongs(const token& what, const network& to) {
  return !what.network || (*what.network == to.name && what.network_id == to.id);
}

bool may_touch(const principal& who, const peer& what, action how) {
  if (!sees(who, what.id.network)) return false;
  if (who.has(scope::admin) || who.has(scope::peers_manage)) return true;
  if (how == action::read_peers && who.has(scope::peers_read)) return true;
  return who.has(scope::peers_write) && what.created_by == who.id;
}

result<> may_last(const principal& who, const std::optional<seconds>& ttl) {
  if (!who.max_ttl || (ttl && *ttl <= *who.max_ttl)) return {};
  return fail(errc::invalid,
              "must be from 1 to " + std::to_string(who.max_ttl->count()) +
                  ": peers made with this token expire",
              "ttl_s");
}

result<> check_token(const token& wanted) {
  const auto has = [&wanted](scope one) {
    return std::find(wanted.scopes.begin(), wanted.scopes.end(), one) != wanted.scopes.end();
  };
  if (wanted.network && has(scope::gateways_manage)) {
    return fail(errc::invalid,
                "gateways:manage is not for a token of one network: gateways serve every network",
                "scopes");
  }
  // It could make itself another one without them.
  constexpr std::string_view no_bound = "binds no token that has the scope admin";
  if (has(scope::admin) && wanted.max_peers) {
    return fail(errc::invalid, std::string(no_bound), "max_peers");
  }
  if (has(scope::admin) && wanted.max_ttl) {
    return fail(errc::invalid, std::string(no_bound), "max_ttl_s");
  }
  return {};
}

result<> may_outlast(const principal& who, const std::optional<wall_time>& end) {
  if (!who.expires_at || (end && *end <= *who.expires_at)) return {};
  return fail(errc::invalid,
              "must end by " + to_rfc3339(*who.expires_at) +
                  ": a token that expires makes none that outlives it",
              "expires_in_s");
}

}  // namespace peerage
