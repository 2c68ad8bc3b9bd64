#include "plan/access.h"

#include <algorithm>
#include <array>

namespace peerage {
namespace {

struct right {
  action what;
  scope by;
};

/// Beside `admin`, which may do everything.
constexpr std::array<right, 10> rights = {{
    {action::read_networks, scope::peers_read},  // a command has to find its network
    {action::read_networks, scope::peers_write},
    {action::read_networks, scope::peers_manage},
    {action::read_peers, scope::peers_read},
    {action::read_peers, scope::peers_write},
    {action::read_peers, scope::peers_manage},
    {action::make_peers, scope::peers_write},
    {action::make_peers, scope::peers_manage},
    {action::change_peers, scope::peers_write},  // what it made: may_touch()
    {action::change_peers, scope::peers_manage},
}};

}  // namespace

bool principal::has(scope wanted) const {
  return std::find(scopes.begin(), scopes.end(), wanted) != scopes.end();
}

bool allows(const principal& who, action what) {
  // A gateway serves every network: one network's token does not stop it.
  if (who.network && what == action::manage_gateways) return false;
  if (who.has(scope::admin)) return true;
  return std::any_of(rights.begin(), rights.end(),
                     [&](const right& each) { return each.what == what && who.has(each.by); });
}

bool sees(const principal& who, const network_name& network) {
  return !who.network || *who.network == network;
}

bool may_touch(const principal& who, const peer& what, action how) {
  if (!sees(who, what.id.network)) return false;
  if (who.has(scope::admin) || who.has(scope::peers_manage)) return true;
  if (how == action::read_peers && who.has(scope::peers_read)) return true;
  return who.has(scope::peers_write) && what.created_by == who.id;
}

}  // namespace peerage
