// Making and changing peers: check, place, address, store, announce, answer.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "base/counted.h"
#include "control/control.h"
#include "log/log.h"
#include "plan/address.h"

namespace peerage {
namespace {

constexpr unsigned most_attempts = 32;
// So many guesses at a free IPv4 address before the whole range is looked at.
constexpr unsigned ipv4_guesses = 4;

/// `may_change`: whether the caller may change the peer that has the name.
std::unexpected<error> name_taken(const peer_id& id, bool may_change) {
  const std::string advice = may_change ? "`PUT` changes it, another name makes another"
                                        : "this token may not change it; choose another name";
  return fail(errc::conflict,
              "there is a peer " + id.name.text() + " in network " + id.network.text() +
                  " already; " + advice,
              "name");
}

/// What a store's refusal means to whoever enrols.
error translated(const error& from, const peer& wanted, const std::string& gateway) {
  if (from.code == errc::conflict && from.field == "public_key") {
    return {errc::conflict,
            "another peer of " + gateway +
                " has that public key; a new key pair, or another gateway, will do",
            "public_key"};
  }
  if (from.code == errc::conflict && from.field == "max_peers") {
    return {errc::conflict,
            "this token has the " + counted(wanted.quota.value_or(0), "peer") +
                " that it may have at once; remove one, or let one expire",
            "max_peers"};
  }
  if (from.code == errc::outcome_unknown) {
    return {errc::outcome_unknown,
            "the store's answer was lost, so peer " + wanted.id.name.text() + " of network " +
                wanted.id.network.text() + " may be stored; `PUT` of it under that name settles it",
            {}};
  }
  return from;
}

/// Whether a change found another peer, or other earlier keys of it, than it had read.
bool has_moved_on(const error& why) {
  if (why.code == errc::not_found) return why.field == "name";
  return why.code == errc::conflict && (why.field == "revision" || why.field == "name");
}

std::unexpected<error> range_full(const network& in) {
  return fail(errc::conflict,
              "every address of " + in.ipv4->text() + ", the IPv4 range of network " +
                  in.name.text() + ", is taken; remove peers, or use another network",
              "network");
}

}  // namespace

task<result<gateway>> control::choose(const enrol_request& wanted) {
  const placement_wish wish{wanted.region.value, wanted.gateway.value};
  auto views = board_.views(clock_.steady(), bus_.connected());
  auto found = place(views, wish);
  if (!found) {
    // One that registered a moment ago is in the store, and not on the board yet.
    if (auto read = co_await read_gateways(); !read) co_return std::unexpected(read.error());
    views = board_.views(clock_.steady(), bus_.connected());
    found = place(views, wish);
  }
  if (!found) co_return std::unexpected(found.error());
  co_return **found;
}

/// Whether it is not too often; if not, it has happened once more.
result<> control::may_write(const principal& who, const network_name& network) {
  if (who.has(scope::admin) && !who.network) return {};
  if (!sees(who, network)) return {};  // it will be told that there is none
  const steady_time now = clock_.steady();
  if (!token_paces_.may(who.id, now)) {
    return fail(errc::throttled,
                "this token makes and changes peers faster than it may; slow down");
  }
  if (!network_paces_.may(network, now)) {
    return fail(errc::throttled, "peers of network " + network.text() +
                                     " are made and changed faster than they may; slow down");
  }
  token_paces_.note(who.id, now);
  network_paces_.note(network, now);
  return {};
}

task<result<enrolment>> control::enrol(const principal& who, network_name network,
                                       enrol_request wanted) {
  if (auto may = may_write(who, network); !may) co_return std::unexpected(std::move(may.error()));
  co_return co_await make(who, std::move(network), std::move(wanted));
}

task<result<enrolment>> control::make(const principal& who, network_name network,
                                      enrol_request wanted) {
  const steady_time begun = clock_.steady();
  stamp stored{epoch_, {}};
  auto in = co_await network_for(who, network);
  if (!in) co_return std::unexpected(in.error());
  if (!wanted.public_key) co_return fail(errc::invalid, "is missing", "public_key");
  if (auto fits = may_last(who, wanted.ttl.value); !fits) {
    co_return std::unexpected(std::move(fits.error()));
  }
  if (board_.has_key(*wanted.public_key)) {
    co_return fail(errc::invalid, "is a gateway's own", "public_key");
  }
  peer made;
  const bool named = wanted.name.has_value();
  made.id = {network,
             named ? *wanted.name : *peer_name::parse("peer-" + random_label(10, random_))};
  made.public_key = *wanted.public_key;
  made.preshared_key = wanted.preshared_key.value;
  made.created_by = who.id;
  made.quota = who.max_peers;
  auto on = co_await choose(wanted);
  if (!on) co_return std::unexpected(on.error());
  made.gateway = on->name;
  made.created_at = made.assigned_at = stamp_now();
  if (wanted.ttl.value) made.expires_at = made.created_at + *wanted.ttl.value;

  auto kept = co_await store_peer(std::move(made), *in, on->number, absent{}, true);
  if (!kept) {
    networks_.forget(network);
    if (kept.error().code == errc::conflict && kept.error().field == "name") {
      const peer_id id{network, wanted.name.value_or(peer_name{})};
      const auto there = co_await get_as<peer>(store_, id);
      const bool may_change =
          there && *there && may_touch(who, (*there)->value, action::change_peers);
      co_return name_taken(id, may_change);
    }
    co_return std::unexpected(kept.error());
  }
  const steady_time stored_at = clock_.steady();
  stored.at = kept->at;
  placed now{std::move(kept->what), *std::move(in), *std::move(on)};
  co_return co_await settle(std::move(now), std::nullopt, std::move(stored), true, wanted.wait,
                            begun, stored_at);
}

task<result<enrolment>> control::put(const principal& who, peer_id id, enrol_request wanted) {
  const steady_time begun = clock_.steady();
  if (auto may = may_write(who, id.network); !may)
    co_return std::unexpected(std::move(may.error()));
  auto in = co_await network_for(who, id.network);
  if (!in) co_return std::unexpected(in.error());
  if (wanted.public_key && board_.has_key(*wanted.public_key)) {
    co_return fail(errc::invalid, "is a gateway's own", "public_key");
  }
  for (unsigned attempt = 0; attempt < most_attempts; ++attempt) {
    epoch of = epoch_;
    auto old = co_await get_as<peer>(store_, id);
    if (!old) co_return std::unexpected(old.error());
    result<enrolment> done;
    if (!*old) {
      if (!wanted.public_key) {
        co_return fail(errc::invalid,
                       "is missing: there is no peer " + id.name.text() + " in network " +
                           id.network.text() + ", or no longer, and a key makes it",
                       "public_key");
      }
      wanted.name = id.name;
      done = co_await make(who, id.network, wanted);
      if (done || done.error().code != errc::conflict || done.error().field != "name") {
        co_return done;
      }
      continue;  // somebody made it meanwhile
    }
    if (!may_touch(who, (*old)->value, action::change_peers)) co_return name_taken(id, false);
    const auto lasts = wanted.ttl.given ? may_last(who, wanted.ttl.value) : result<>{};
    if (!lasts) co_return std::unexpected(lasts.error());
    done = co_await change(**old, std::move(of), *in, wanted, begun);
    const bool moved_on = !done && has_moved_on(done.error());
    if (!done && !moved_on) networks_.forget(id.network);
    if (!moved_on) co_return done;
  }
  co_return fail(errc::unavailable, "the peer is being changed by others all the time; try again");
}

task<result<enrolment>> control::change(stored<peer> old, epoch of, network in,
                                        enrol_request wanted, steady_time begun) {
  peer next = old.value;
  if (wanted.public_key) next.public_key = *wanted.public_key;
  if (wanted.preshared_key.given) next.preshared_key = wanted.preshared_key.value;
  if (wanted.ttl.given) {
    next.expires_at.reset();
    if (wanted.ttl.value) next.expires_at = stamp_now() + *wanted.ttl.value;
  }
  gateway_name current = next.gateway;
  auto found = co_await gateway_of(std::move(current));
  if (!found) co_return std::unexpected(found.error());
  gateway on = *std::move(found);
  const bool elsewhere = (wanted.gateway.value && *wanted.gateway.value != on.name) ||
                         (wanted.region.value && *wanted.region.value != on.region);
  if (elsewhere) {
    auto chosen = co_await choose(wanted);
    if (!chosen) co_return std::unexpected(chosen.error());
    on = *std::move(chosen);
    next.gateway = on.name;
  }
  if (elsewhere || next.public_key != old.value.public_key) next.assigned_at = stamp_now();
  auto earlier = co_await earlier_keys_of(old.value.id);
  if (!earlier) co_return std::unexpected(std::move(earlier.error()));
  stamp stored{std::move(of), old.revision};
  if (next != old.value) {
    auto noted = with_earlier_key(*earlier, old.value, next, stored.of);
    if (!noted) co_return std::unexpected(std::move(noted.error()));
    auto beside = write_earlier_keys(old.value.id, *earlier, *noted);
    const bool notes = beside.has_value();
    auto kept = co_await store_peer(std::move(next), in, on.number, old.revision, elsewhere,
                                    std::move(beside));
    if (!kept) co_return std::unexpected(kept.error());
    stored.at = kept->at;
    next = std::move(kept->what);
    if (notes) *earlier = as_stored(*std::move(noted), kept->at);
  }
  const steady_time stored_at = clock_.steady();
  placed now{std::move(next), std::move(in), std::move(on), *std::move(earlier)};
  co_return co_await settle(std::move(now), std::move(old.value), std::move(stored), false,
                            wanted.wait, begun, stored_at);
}

task<result<control::store_answer>> control::store_peer(peer wanted, const network& in,
                                                        std::uint16_t number, expectation expected,
                                                        bool new_address,
                                                        std::optional<write> beside) {
  const bool small = in.ipv4 && ipv4_room(*in.ipv4) <= 256;
  // The range is the network's: who moves to another gateway keeps its address.
  const bool new_ipv4 = in.ipv4 && !wanted.ipv4;
  if (new_address && new_ipv4) {
    if (auto room = co_await refuse_full(wanted, in, expected); !room) {
      co_return std::unexpected(std::move(room.error()));
    }
  }
  for (unsigned attempt = 0; attempt < most_attempts; ++attempt) {
    if (new_address) {
      wanted.ipv6 = peer_ipv6(in.ipv6, number, wanted.id, attempt);
      if (new_ipv4 && attempt >= (small ? 1 : ipv4_guesses)) {
        const std::uint64_t from = ipv4_start(*in.ipv4, wanted.id, attempt);
        auto free = co_await free_ipv4(in, from);
        if (!free) co_return std::unexpected(free.error());
        wanted.ipv4 = *free;
        if (!wanted.ipv4) co_return range_full(in);
      } else if (new_ipv4) {
        wanted.ipv4 = ipv4_at(*in.ipv4, ipv4_start(*in.ipv4, wanted.id, attempt));
      }
    }
    transaction writes;
    writes.push_back(peerage::put{wanted, expected, in.id});
    if (beside) writes.push_back(*beside);
    auto stored = co_await store_.commit(std::move(writes));
    if (stored) {
      if (new_address) board_.count_one(wanted.gateway);
      co_return store_answer{*stored, std::move(wanted)};
    }
    const error& why = stored.error();
    if (why.code != errc::conflict || why.field != "addresses" || !new_address) {
      co_return std::unexpected(translated(why, wanted, called(wanted.gateway)));
    }
  }
  co_return fail(errc::unavailable, "no free address was found; try again");
}

/// An error for a network whose range was full a moment ago. A name that is taken comes first, as
/// it does where the store refuses.
task<result<>> control::refuse_full(const peer& wanted, const network& in,
                                    const expectation& expected) {
  if (!full_.is_full(in.name, in.id, clock_.steady())) co_return result<>{};
  if (std::holds_alternative<absent>(expected)) {
    const auto same = co_await get_as<peer>(store_, wanted.id);
    if (!same) co_return std::unexpected(same.error());
    if (*same) co_return fail(errc::conflict, "there is one of that name", "name");
  }
  co_return range_full(in);
}

/// Reads every peer of the network: only when the range is small or guesses have failed, so it is
/// nearly full. Returns the first free address at or behind index `from`, from the beginning again
/// at the end: callers at once begin at different places, so that they do not all want the same
/// one.
task<result<std::optional<ip_address>>> control::free_ipv4(const network& in, std::uint64_t from) {
  const prefix& range = *in.ipv4;
  const std::uint64_t begun = full_.begin(in.name);
  std::vector<bool> taken(ipv4_room(range));
  page_query query{peers_of_network{in.name}, {}, 1'000};
  for (bool more = true; more;) {
    auto got = co_await store_.list(query);
    if (!got) co_return std::unexpected(got.error());
    more = got->more;
    // A store on this host answers at once: other networks' requests run between the pages.
    if (more) co_await asio::post(loop_, asio::use_awaitable);
    if (more) query.after = position(query.what, got->items.back().value);
    for (const auto& each : got->items) {
      const auto& one = std::get<peer>(each.value);
      if (!one.ipv4) continue;
      if (const auto index = ipv4_index(range, *one.ipv4)) taken[*index] = true;
    }
  }
  const auto begin = taken.begin() + static_cast<std::ptrdiff_t>(from);
  auto free = std::find(begin, taken.end(), false);
  if (free == taken.end()) free = std::find(taken.begin(), begin, false);
  if (free == begin && *begin) {
    full_.found_full(in.name, in.id, begun, clock_.steady());
    co_return std::optional<ip_address>{};
  }
  co_return ipv4_at(range, static_cast<std::uint64_t>(free - taken.begin()));
}

/// "gateway gw-fra-1 in region fra"
std::string control::called(const gateway_name& name) const {
  const gateway* known = board_.find(name);
  return "gateway " + name.text() + (known ? " in region " + known->region.text() : "");
}

task<control::applied> control::announce(gateway_name to, stamp stored,
                                         std::vector<peer_change> changes, steady_time deadline) {
  apply_request request;
  request.request_id = start_id_ + "." + std::to_string(++requests_);
  request.epoch = std::move(stored.of);
  request.revision = stored.at;
  request.changes = std::move(changes);
  const std::string id = request.request_id;
  const steady_time begun = clock_.steady();
  auto reply = co_await bus_.apply(to, std::move(request), deadline);
  applied made;
  const auto took = clock_.steady() - begun;
  made.gateway = took;
  if (!reply) {
    made.reason =
        called(to) +
        (reply.error().code == errc::timeout ? " did not answer in time" : " can't be reached") +
        ", and will catch up from the store";
  } else {
    made.device = std::min<std::chrono::nanoseconds>(reply->device_time, took);
    made.gateway = took - made.device;
    made.confirmed = true;
    for (const change_result& each : reply->results) {
      if (each.state == change_state::live) made.live_at = each.live_at;
      if (each.state != change_state::refused) continue;
      made.confirmed = false;
      made.reason = called(to) + " did not do it, and will try again: " + each.reason;
    }
  }
  if (!made.confirmed) {
    log::warning("gateway did not confirm",
                 {{"gateway", to.text()},
                  {"request", id},
                  {"reason", reply ? made.reason : reply.error().message}});
  }
  co_return made;
}

task<result<enrolment>> control::settle(placed now, std::optional<peer> old, stamp stored,
                                        bool created, milliseconds wait, steady_time begun,
                                        steady_time stored_at) {
  const steady_time deadline = begun + wait;
  std::vector<peer_change> changes;
  const bool moved = old && old->gateway != now.what.gateway;
  if (old && !moved && old->public_key != now.what.public_key) {
    changes.push_back(peerage::remove_peer_change{old->public_key});
  }
  changes.push_back(put_peer_change{assignment_of(now.what, now.in.ipv4, routes_of(now.in))});
  applied done = co_await announce(now.what.gateway, stored, std::move(changes), deadline);
  const bool leaves = moved || (old && old->public_key != now.what.public_key);
  bool left_behind = !done.confirmed;
  if (moved) {
    std::vector<peer_change> away{peerage::remove_peer_change{old->public_key}};
    const applied left = co_await announce(old->gateway, stored, std::move(away), deadline);
    done.gateway += left.gateway;
    done.device += left.device;
    left_behind = !left.confirmed;
    if (!left.confirmed) {
      done.confirmed = false;
      done.reason = left.reason;
    }
  }
  std::vector<earlier_key> gone, some = now.earlier.of(now.what);
  if (leaves) {
    // The one that it has just left, which has been asked for.
    if (!left_behind) gone.push_back(some.back());
    some.pop_back();
  }
  std::string reason = co_await ask_again(std::move(some), gone, deadline);
  peer_id id = now.what.id;
  erase_earlier_keys(std::move(id), std::move(now.earlier), std::move(gone));
  if (done.confirmed && !reason.empty()) {
    done.confirmed = false;
    done.reason = std::move(reason);
  }
  if (created || !old || now.what != *old) {
    publish(done.confirmed ? event_kind::peer_live : event_kind::peer_pending, now.what, stored.at);
  }
  enrolment made;
  made.created = created;
  made.rekeyed = old && old->public_key != now.what.public_key;
  made.reason = done.confirmed ? std::string() : done.reason;
  made.took = {stored_at - begun, done.gateway, done.device, clock_.steady() - begun};
  made.view.what = {std::move(now.what), stored.at};
  made.view.network = std::move(now.in);
  made.view.gateway = std::move(now.on);
  made.view.state = done.confirmed ? peer_state::live : peer_state::pending;
  if (done.confirmed) made.view.live_at = done.live_at.value_or(clock_.now());
  co_return made;
}

}  // namespace peerage
