// What happens, told to whoever watches.
#include <utility>

#include "control/control.h"

namespace peerage {

void control::hear(const heartbeat& beat) {
  board_.hear(beat, clock_.steady());
  // An older gateway does not say its time; what it said was sealed within a minute of this clock.
  vouched_.witness(beat.name.text(), beat.at.value_or(clock_.now()), clock_.steady());
  tell_gateways();
}

/// Each API process finds out for itself which gateways come and go.
void control::tell_gateways() {
  for (auto& [name, live] : board_.changed(clock_.steady(), bus_.connected())) {
    event what;
    what.what = live ? event_kind::gateway_up : event_kind::gateway_down;
    what.at = clock_.now();
    what.gateway = std::move(name);
    watchers_.tell(what);
  }
}

/// To every API process, this one included.
void control::publish(event_kind what, const peer& of, revision at) {
  const event made{what, clock_.now(), of.gateway, of.id, at};
  bus_.publish(made);
}

task<result<std::shared_ptr<watcher>>> control::watch(const principal& who,
                                                      std::optional<network_name> network) {
  if (!who.has(scope::peers_read) && !who.has(scope::peers_manage) && !who.has(scope::admin)) {
    co_return fail(errc::denied,
                   "the token sees only the peers that it made; events need peers:read");
  }
  if (network) {
    auto in = co_await network_for(who, *network);
    if (!in) co_return std::unexpected(std::move(in.error()));
  }
  const bool gateways = allows(who, action::read_gateways);
  const auto own = who.network;
  co_return watchers_.watch([network, own, gateways](const event& what) {
    if (!what.peer) return gateways && !network;
    const network_name& in = what.peer->network;
    return (!network || in == *network) && (!own || in == *own);
  });
}

task<bool> control::still_good(token_id id) {
  const auto found = co_await get_as<token>(store_, id);
  if (!found) co_return true;  // the store is away, and the token was good
  co_return found->has_value() &&
      (!(*found)->value.expires_at || *(*found)->value.expires_at > clock_.now());
}

}  // namespace peerage
