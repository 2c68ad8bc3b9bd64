// Looking at peers, and taking them away.
#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "control/control.h"
#include "control/sweep_mark.h"
#include "log/log.h"

namespace peerage {
namespace {

constexpr seconds status_wait{2};
constexpr seconds asked_again_within{1};
constexpr milliseconds expiry_every{250};
// A creation may share a commit with them, and comes between two of these.
constexpr std::size_t expired_together = 2;
constexpr std::size_t most_expired = 32;
constexpr seconds expiry_wait{5};

std::unexpected<error> no_peer(const peer_id& id) {
  return fail(errc::not_found,
              "there is no peer " + id.name.text() + " in network " + id.network.text(), "name");
}

/// The last sign of life; nothing while it is unknown. A peer that was never seen counts from when
/// its gateway got it, or from where the gateway's memory begins.
std::optional<wall_time> last_seen(const peer_view& view) {
  if (view.state != peer_state::live || !view.seen) return {};
  if (view.seen->last_handshake_at) return view.seen->last_handshake_at;
  return std::max(view.what.value.assigned_at, view.remembered_since.value_or(wall_time::max()));
}

/// Whether the gateway speaks of something older than what was read: another peer that had the key
/// before, or this one with other addresses, another preshared key, another end.
bool is_older(const peer_report& report, const std::optional<epoch>& from, const peer_view& view,
              const epoch& of) {
  return (from && *from != of) || (report.revision && *report.revision < view.what.revision);
}

}  // namespace

task<result<peer_view>> control::show_peer(const principal& who, peer_id id) {
  auto in = co_await network_to_look_at(who, id.network);
  if (!in) co_return std::unexpected(in.error());
  auto found = co_await get_as<peer>(store_, id);
  if (!found) co_return std::unexpected(found.error());
  if (!*found || !may_touch(who, (*found)->value, action::read_peers)) co_return no_peer(id);
  auto earlier = co_await earlier_keys_of(id);
  if (!earlier) co_return std::unexpected(std::move(earlier.error()));
  std::vector<peer_view> one(1);
  one[0].what = **std::move(found);
  earlier_by_peer still;
  if (auto some = earlier->of(one[0].what.value); !some.empty()) {
    // Its gateway may have confirmed them since.
    std::vector<earlier_key> gone;
    (void)co_await ask_again(std::move(some), gone, clock_.steady() + asked_again_within);
    still[id] = *earlier;
    std::erase_if(still[id].all, [&](const earlier_key& each) {
      return std::ranges::find(gone, each) != gone.end();
    });
    erase_earlier_keys(std::move(id), *std::move(earlier), std::move(gone));
  }
  one[0].network = *std::move(in);
  co_await fill_states(one, true, still);
  co_return std::move(one[0]);
}

task<result<peer_page>> control::list_peers(const principal& who, network_name network,
                                            std::string after, std::size_t limit,
                                            std::optional<seconds> stale) {
  auto in = co_await network_to_look_at(who, network);
  if (!in) co_return std::unexpected(in.error());
  auto found = co_await visible_peers(who, *in, std::move(after), limit);
  if (!found) co_return std::unexpected(found.error());
  peer_page made = *std::move(found);
  const auto earlier = co_await earlier_keys_of_page(in->name, made.items);
  if (!earlier) co_return std::unexpected(earlier.error());
  co_await fill_states(made.items, stale.has_value(), *earlier);
  if (stale) {
    const wall_time limit_time = clock_.now() - *stale;
    std::erase_if(made.items, [&](const peer_view& view) {
      const auto seen = last_seen(view);
      return !seen || *seen > limit_time;
    });
  }
  co_return made;
}

/// Each peer's gateway and state: one question to each gateway, all at once. Only the gateway knows
/// what it has confirmed; a heartbeat's revision also covers what it chose to leave out.
task<> control::fill_states(std::vector<peer_view>& views, bool want_seen,
                            const earlier_by_peer& earlier) {
  const bool known = std::all_of(views.begin(), views.end(), [this](const peer_view& view) {
    return board_.find(view.what.value.gateway) != nullptr;
  });
  // One that registered a moment ago is in the store, and not on the board yet.
  if (!known) (void)co_await read_gateways();
  std::map<gateway_name, std::vector<std::size_t>> ask;
  for (std::size_t i = 0; i < views.size(); ++i) {
    peer_view& view = views[i];
    const gateway_name& name = view.what.value.gateway;
    if (const gateway* found = board_.find(name)) view.gateway = *found;
    view.gateway.name = name;
    const bool live = board_.live(name, clock_.steady(), bus_.connected());
    if (bus_.connected() && (live || want_seen)) ask[name].push_back(i);
  }
  std::vector<std::shared_ptr<question>> asked;
  const auto deadline = clock_.steady() + status_wait;
  for (const auto& [name, indexes] : ask) {
    status_request request;
    request.want_seen = want_seen;
    for (const std::size_t i : indexes) {
      request.public_keys.push_back(views[i].what.value.public_key);
    }
    asked.push_back(std::make_shared<question>(loop_));
    background_.spawn(ask_status(name, std::move(request), deadline, asked.back()));
  }
  auto next = asked.begin();
  for (const auto& [name, indexes] : ask) {
    question& mine = **next++;
    while (!mine.ended) co_await mine.done.wait();
    if (!mine.reply || mine.reply->reports.size() != indexes.size()) continue;
    for (std::size_t n = 0; n < indexes.size(); ++n) {
      fill_state(views[indexes[n]], *mine.reply, mine.reply->reports[n], earlier);
    }
  }
}

task<> control::ask_status(gateway_name name, status_request request, steady_time deadline,
                           std::shared_ptr<question> into) {
  // Whoever waits goes on, also where this is ended early.
  struct leave {
    question& mine;
    ~leave() {
      mine.ended = true;
      mine.done.notify();
    }
  } const at_the_end{*into};
  into->reply = co_await bus_.status(std::move(name), std::move(request), deadline);
}

void control::fill_state(peer_view& view, const status_reply& reply, const peer_report& report,
                         const earlier_by_peer& earlier) {
  view.state = peer_state::pending;
  const bool older = is_older(report, reply.epoch, view, epoch_);
  const auto known = earlier.find(view.what.value.id);
  const auto still =
      known == earlier.end() ? std::vector<earlier_key>() : known->second.of(view.what.value);
  if (!older && report.live && !still.empty()) {
    view.reason = "an earlier key of it may still be in use on " + called(still.front().gateway);
  } else if (!older && report.live) {
    view.state = peer_state::live;
  } else if (!report.reason.empty()) {
    view.reason = called(view.what.value.gateway) + " leaves it out: " + report.reason;
  } else if (report.revision) {
    view.reason = called(view.what.value.gateway) +
                  (older ? " has an older form of it, and will catch up from the store"
                         : " has not put it on its device yet");
  } else {
    view.reason = called(view.what.value.gateway) + " does not know of it yet";
  }
  if (older) return;
  if (view.state == peer_state::live) view.live_at = report.live_at;
  view.remembered_since = reply.remembers_since;
  view.seen = report.seen;
}

task<result<removal_outcome>> control::remove_peer(const principal& who, peer_id id,
                                                   milliseconds wait) {
  const steady_time deadline = clock_.steady() + wait;
  auto in = co_await network_to_look_at(who, id.network);
  if (!in) co_return std::unexpected(in.error());
  for (;;) {
    stamp when{epoch_, {}};
    auto found = co_await get_as<peer>(store_, id);
    if (!found && found.error().code == errc::corrupt) {
      co_return co_await remove_unreadable(who, std::move(id));
    }
    if (!found) co_return std::unexpected(found.error());
    auto earlier = co_await earlier_keys_of(id);
    if (!earlier) co_return std::unexpected(std::move(earlier.error()));
    if (!*found) {
      co_return co_await remove_again(who, std::move(id), *std::move(earlier), deadline);
    }
    if (!may_touch(who, (*found)->value, action::change_peers)) co_return no_peer(id);
    const stored<peer>& old = **found;
    transaction writes;
    writes.push_back(removal{id, old.revision});
    auto noted = with_earlier_key(*earlier, old.value, std::nullopt, when.of);
    if (!noted) co_return std::unexpected(std::move(noted.error()));
    writes.push_back(*write_earlier_keys(id, *earlier, *noted));
    const auto stored = co_await store_.commit(std::move(writes));
    full_.forget(id.network);
    if (!stored) {
      // Changed or removed by somebody meanwhile: look again.
      const bool moved_on =
          stored.error().code == errc::conflict || stored.error().code == errc::not_found;
      if (moved_on) continue;
      if (stored.error().code == errc::outcome_unknown) {
        co_return fail(errc::outcome_unknown,
                       "the store's answer was lost, so peer " + id.name.text() + " of network " +
                           id.network.text() + " may be gone; the same call again settles it");
      }
      co_return std::unexpected(stored.error());
    }
    std::vector<peer_change> changes{remove_peer_change{old.value.public_key}};
    when.at = *stored;
    const applied left = co_await announce(old.value.gateway, when, std::move(changes), deadline);
    publish(event_kind::peer_removed, old.value, *stored);
    const gateway_name gateway = old.value.gateway;
    // Of peers before it under the name too, as the same call says when it comes again.
    std::vector<earlier_key> gone, some = earlier->all;
    std::string reason = co_await ask_again(std::move(some), gone, deadline);
    if (!left.confirmed) reason = left.reason;
    earlier_keys all = as_stored(*std::move(noted), when.at);
    if (left.confirmed) gone.push_back(all.all.back());
    erase_earlier_keys(std::move(id), std::move(all), std::move(gone));
    co_return removal_outcome{reason.empty(), std::move(reason), gateway.text()};
  }
}

task<result<removal_outcome>> control::remove_unreadable(const principal& who, peer_id id) {
  // Nobody knows whose it is.
  if (!who.has(scope::admin) && !who.has(scope::peers_manage)) co_return no_peer(id);
  transaction writes;
  writes.push_back(removal{id, present{}});
  // What hangs on it is found by the next sweep, which is due at once.
  writes.push_back(removal{sweep_mark, anything{}});
  const auto stored = co_await store_.commit(std::move(writes));
  full_.forget(id.network);
  if (!stored && stored.error().code == errc::not_found) co_return no_peer(id);
  if (!stored) co_return std::unexpected(stored.error());
  co_return removal_outcome{false,
                            "its record could not be read and is removed; the gateway that may "
                            "have had it learns that from the store within minutes",
                            {}};
}

/// One that is removed already, as far as the store goes: whether its gateways have confirmed it.
task<result<removal_outcome>> control::remove_again(const principal& who, peer_id id,
                                                    earlier_keys earlier, steady_time deadline) {
  std::vector<earlier_key> gone, mine = earlier.all;
  peer as_it_was;
  as_it_was.id = id;
  std::erase_if(mine, [&](const earlier_key& each) {
    as_it_was.created_by = each.created_by;
    return !may_touch(who, as_it_was, action::change_peers);
  });
  if (mine.empty()) co_return no_peer(id);
  const std::string gateway = mine.front().gateway.text();
  std::string reason = co_await ask_again(std::move(mine), gone, deadline);
  erase_earlier_keys(std::move(id), std::move(earlier), std::move(gone));
  co_return removal_outcome{reason.empty(), std::move(reason), gateway};
}

task<> control::expiry_loop() {
  bool well = true;
  for (;;) {
    epoch of = epoch_;
    const auto now = vouched_.at(clock_.now(), clock_.steady(), board_.size());
    if (!now) {
      // Their gateways stop the packets of those whose time is over.
      co_await clock_.wait_until(clock_.steady() + expiry_every);
      continue;
    }
    page_query query{peers_expiring{*now}, {}, most_expired};
    auto got = co_await store_.list(query);
    if (!got && well) log::warning("expiry can't read the store", {{"error", got.error().message}});
    well = got.has_value();
    std::deque<stored<peer>> gone;
    if (got) {
      for (auto& each : got->items) {
        gone.push_back({std::get<peer>(std::move(each.value)), each.revision});
      }
    }
    const bool full = gone.size() == most_expired;
    while (!gone.empty()) {
      const steady_time begun = clock_.steady();
      std::vector<stored<peer>> some;
      for (; !gone.empty() && some.size() < expired_together; gone.pop_front()) {
        some.push_back(std::move(gone.front()));
      }
      co_await expire(std::move(some), of);
      // Their packets have been stopped by their gateways: creations have most of the time.
      const steady_duration took = clock_.steady() - begun, longest = expiry_every;
      co_await clock_.wait_until(clock_.steady() + std::min(took * 3, longest));
    }
    if (!full) co_await clock_.wait_until(clock_.steady() + expiry_every);
  }
}

task<> control::expire(std::vector<stored<peer>> gone, epoch of) {
  transaction writes;
  for (const auto& each : gone) writes.push_back(removal{each.value.id, each.revision});
  const auto removed = co_await store_.commit(std::move(writes));
  if (!removed) {
    if (gone.size() > 1) {
      // One of them was renewed or removed meanwhile: each for itself.
      for (auto& each : gone) {
        std::vector<stored<peer>> alone{std::move(each)};
        co_await expire(std::move(alone), of);
      }
    } else if (removed.error().code != errc::conflict && removed.error().code != errc::not_found) {
      log::warning("peer could not be expired",
                   {{"peer", gone[0].value.id.name.text()}, {"error", removed.error().message}});
      co_await clock_.wait_until(clock_.steady() + seconds{1});
    }
    co_return;
  }
  std::map<gateway_name, std::vector<peer_change>> by_gateway;
  for (const auto& each : gone) {
    full_.forget(each.value.id.network);
    by_gateway[each.value.gateway].push_back(remove_peer_change{each.value.public_key});
    publish(event_kind::peer_expired, each.value, *removed);
    log::info("peer expired", {{"network", each.value.id.network.text()},
                               {"peer", each.value.id.name.text()},
                               {"gateway", each.value.gateway.text()}});
  }
  for (auto& [name, changes] : by_gateway) {
    // What the gateway does not confirm it learns from the store.
    const auto deadline = clock_.steady() + expiry_wait;
    stamp when{of, *removed};
    (void)co_await announce(name, std::move(when), std::move(changes), deadline);
  }
}

}  // namespace peerage
