// What happens, told to whoever watches.
#include <utility>

#include "control/control.h"

namespace peerage {
namespace {

// Streams of events at once, of the 256 that a process has.
constexpr std::size_t most_of_token = 32;
constexpr std::size_t most_of_network = 64;
// Two clocks that differ by more can't work together: the bus refuses what the other side asks.
constexpr seconds clocks_within{60};

}  // namespace

void control::hear(const heartbeat& beat) {
  const wall_time now = clock_.now();
  const wall_time shown = beat.at.value_or(now);
  // Also the clock of a gateway that can't be worked with: it may be this host's that is wrong, and
  // then the only clocks within a minute of it are wrong likewise.
  vouched_.witness(beat.name.text(), shown, clock_.steady());
  if (std::chrono::abs(shown - now) > clocks_within) return;
  board_.hear(beat, clock_.steady());
  tell_gateways();
}

void control::hear(const event& what) {
  const bool gone = what.what == event_kind::peer_removed || what.what == event_kind::peer_expired;
  if (gone && what.peer) full_.forget(what.peer->network);
  watchers_.tell(what);
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
  const std::string of_token = who.id.text();
  const std::string of_network = who.network ? who.network->text() : std::string();
  if (watchers_.of_token(of_token) >= most_of_token) {
    co_return fail(errc::throttled, "this token has the " + std::to_string(most_of_token) +
                                        " event streams that it may have at once; close one");
  }
  if (who.network && watchers_.of_network(of_network) >= most_of_network) {
    co_return fail(errc::throttled, "tokens of network " + of_network + " have the " +
                                        std::to_string(most_of_network) +
                                        " event streams that they may have at once; close one");
  }
  const bool gateways = allows(who, action::read_gateways);
  const auto own = who.network;
  watcher::filter wanted = [network, own, gateways](const event& what) {
    if (!what.peer) return gateways && !network;
    const network_name& in = what.peer->network;
    return (!network || in == *network) && (!own || in == *own);
  };
  co_return watchers_.watch(std::move(wanted), of_token, of_network);
}

}  // namespace peerage
