// A commit: reads what the decision needs, makes the operations, sends them, and begins again when
// something has moved meanwhile. A creation at rest reads nothing.
//
// A network or gateway is removed without a race: the removal marks its record as closing, which
// gives it a new index, then sees that no peer is there, then deletes it at that index. Every
// commit that puts a peer holds the record at the index that it read: one from before the mark is
// refused, one from after it writes the record again, and then the deletion is refused. A mark
// that a crash left behind costs the next creation that one write, and nothing else.
#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "consul/core.h"

namespace peerage::consul {
namespace {

constexpr int most_attempts = 8;
constexpr std::size_t most_places = 4'096;

record_key key_of_write(const write& from) {
  if (const auto* adding = std::get_if<put>(&from)) return key_of(adding->value);
  return std::get<removal>(from).key;
}

const expectation& expected_by(const write& from) {
  if (const auto* adding = std::get_if<put>(&from)) return adding->expected;
  return std::get<removal>(from).expected;
}

/// One try of one commit.
struct attempt {
  change work;
  std::map<std::string, entry> old;      // what was read, by key
  std::map<std::string, place> made;     // networks and gateways of this very transaction
  std::set<std::string> held;            // places that it stands on
  std::map<std::string, revision> mine;  // closing marks of this commit, over the revision before
};

task<result<std::optional<place>>> read_place(shared_core self, record_key key) {
  const std::string name = self->keys.of(key);
  if (const auto at = self->places.find(name); at != self->places.end()) co_return at->second;
  auto found = co_await self->calls->get(name);
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (!*found) co_return std::optional<place>{};
  place made{std::move(**found)};
  // Of a gateway it is enough that it is there: one that has spoilt its record keeps its peers.
  if (std::holds_alternative<network_name>(key)) {
    auto value = read_record(self->keys, key, made.raw);
    if (!value) co_return std::unexpected(std::move(value.error()));
    const auto& read = std::get<network>(*value);
    made.id = read.id;
    made.ipv6 = read.ipv6;
    made.ipv4 = read.ipv4;
    made.routes = routes_of(read);
  }
  if (self->places.size() >= most_places) self->places.clear();
  self->places.insert_or_assign(name, made);
  co_return made;
}

/// Sees to it that the place stays while the commit happens. errc::not_found with `field`.
task<result<place>> stand_on(shared_core self, attempt& now, record_key key, std::string field) {
  const std::string name = self->keys.of(key);
  if (const auto at = now.made.find(name); at != now.made.end()) co_return at->second;
  auto found = co_await read_place(self, std::move(key));
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (!*found) co_return fail(errc::not_found, "there is no such " + field, field);
  if (now.held.insert(name).second) hold(now.work, (*found)->raw);
  co_return std::move(**found);
}

/// The record as it was read, parsed. errc::corrupt.
template <class T>
result<std::optional<known<T>>> known_as(const core& self, const record_key& key,
                                         const entry* old) {
  if (old == nullptr) return std::optional<known<T>>{};
  auto value = read_record(self.keys, key, *old);
  if (!value) return std::unexpected(std::move(value.error()));
  return known<T>{*old, std::get<T>(std::move(*value))};
}

/// The network that a token belongs to stays while the token is stored.
task<result<>> hold_network(shared_core self, attempt& now, const token& wanted) {
  if (!wanted.network) co_return result<>{};
  record_key key = *wanted.network;
  const auto in = co_await stand_on(self, now, std::move(key), std::string("network"));
  if (!in) co_return std::unexpected(in.error());
  if (in->id != wanted.network_id) {
    self->places.erase(self->keys.of(*wanted.network));
    co_return fail(errc::not_found, "there is no such network", "network");
  }
  co_return result<>{};
}

task<result<>> plan_put(shared_core self, attempt& now, const put& wanted, const entry* old) {
  const record_key key = key_of(wanted.value);
  const std::string name = self->keys.of(key);
  if (const auto* one = std::get_if<peer>(&wanted.value)) {
    auto before = known_as<peer>(*self, key, old);
    if (!before) co_return std::unexpected(std::move(before.error()));
    record_key network_key = one->id.network;
    const auto network_place =
        co_await stand_on(self, now, std::move(network_key), std::string("network"));
    if (!network_place) co_return std::unexpected(network_place.error());
    // Whoever made the peer may have known an older network of that name.
    const bool another = !wanted.network_id.empty() && network_place->id != wanted.network_id;
    if (another || (network_place->ipv6 && !network_place->ipv6->contains(one->ipv6))) {
      self->places.erase(self->keys.of(one->id.network));
      co_return fail(errc::not_found, "the network was made anew; try again", "network");
    }
    record_key gateway_key = one->gateway;
    const auto gateway_place =
        co_await stand_on(self, now, std::move(gateway_key), std::string("gateway"));
    if (!gateway_place) co_return std::unexpected(gateway_place.error());
    put_peer(now.work, self->keys, *one, network_place->ipv4, network_place->routes, *before,
             wanted.expected);
  } else if (const auto* added = std::get_if<gateway>(&wanted.value)) {
    auto before = known_as<gateway>(*self, key, old);
    if (!before) co_return std::unexpected(std::move(before.error()));
    put_gateway(now.work, self->keys, *added, *before, wanted.expected);
    now.made.insert_or_assign(name, place{});
  } else if (const auto* made = std::get_if<token>(&wanted.value)) {
    auto held = co_await hold_network(self, now, *made);
    if (!held) co_return held;
    put_token(now.work, self->keys, *made, old, wanted.expected, wanted.most_tokens);
  } else {
    put_plain(now.work, name, write_record(wanted.value), old, wanted.expected);
    const auto* made_network = std::get_if<network>(&wanted.value);
    if (made_network != nullptr) {
      now.made.insert_or_assign(name, place{{},
                                            made_network->id,
                                            made_network->ipv6,
                                            made_network->ipv4,
                                            routes_of(*made_network)});
    }
  }
  co_return result<>{};
}

/// Whether the transaction leaves the peer there, where it writes it at all.
std::optional<bool> left_by(const transaction& writes, const peer_id& id, const record_key& in) {
  std::optional<bool> left;
  for (const write& each : writes) {
    if (const auto* adding = std::get_if<put>(&each)) {
      const auto* one = std::get_if<peer>(&adding->value);
      if (one == nullptr || one->id != id) continue;
      left = record_key(one->id.network) == in || record_key(one->gateway) == in;
    } else if (std::get<removal>(each).key == record_key(id)) {
      left = false;
    }
  }
  return left;
}

/// Whether the network or gateway has none once the transaction is done.
task<result<>> no_peers(shared_core self, record_key key, const transaction& writes) {
  const auto* of = std::get_if<network_name>(&key);
  const std::string folder =
      of ? self->keys.peers_of(*of) : self->keys.placed_on(std::get<gateway_name>(key));
  const auto found = co_await self->calls->keys(folder);
  if (!found) co_return std::unexpected(found.error());
  // A policy that hides them answers as if there were none.
  if (auto visible = co_await self->calls->may_read_in(folder); !visible) co_return visible;
  const auto stays = [&](const std::string& each) {
    const auto id = key_space::id_at_end(each);
    return !id || left_by(writes, *id, key).value_or(true);
  };
  bool some = std::ranges::any_of(*found, stays);
  for (const write& each : writes) {
    const auto* adding = std::get_if<put>(&each);
    const auto* one = adding ? std::get_if<peer>(&adding->value) : nullptr;
    some = some || (one && left_by(writes, one->id, key).value_or(false));
  }
  if (some) co_return fail(errc::conflict, "it still has peers", "peers");
  co_return result<>{};
}

/// Marks a network's or gateway's record as closing, if it is not, and sees that it has no peers.
/// True: `old` is the record as marked. False: it has moved, begin again.
task<result<bool>> close_place(shared_core self, attempt& now, record_key key, entry& old,
                               const transaction& writes) {
  auto empty = co_await no_peers(self, key, writes);
  if (!empty) co_return std::unexpected(std::move(empty.error()));
  if (closing(old)) co_return true;  // seen empty after the mark
  change mark;
  mark.steps.push_back({{verb::cas, old.key, old.value, 1, old.index}, blame::moved});
  const revision before = revision_of(old);
  auto marked = co_await self->writer->send(std::move(mark));
  if (marked.failed) co_return std::unexpected(std::move(*marked.failed));
  self->places.erase(old.key);
  if (!marked.done) co_return false;
  now.mine[old.key] = before;
  old.index = index_of(*marked.done);
  empty = co_await no_peers(self, std::move(key), writes);
  if (!empty) co_return std::unexpected(std::move(empty.error()));
  co_return true;
}

/// False: something has moved, begin again.
task<result<bool>> plan_removal(shared_core self, attempt& now, const removal& wanted, entry* old,
                                const transaction& writes) {
  if (old == nullptr) {
    // There is none, and the rest of the transaction rests on that.
    now.work.steps.push_back(
        {{verb::check_not_exists, self->keys.of(wanted.key), {}, 0, 0}, blame::moved});
    co_return true;
  }
  if (std::holds_alternative<peer_id>(wanted.key)) {
    const auto before = known_as<peer>(*self, wanted.key, old);
    // Of one that can't be read nobody knows what hangs on it: the sweep finds that.
    if (before) remove_peer(now.work, self->keys, **before);
    if (!before) remove_plain(now.work, *old);
    co_return true;
  }
  if (std::holds_alternative<token_id>(wanted.key)) {
    const auto before = known_as<token>(*self, wanted.key, old);
    // One that can't be read can be removed all the same.
    if (before) remove_token(now.work, **before);
    if (!before) remove_plain(now.work, *old);
    co_return true;
  }
  const bool of_gateway = std::holds_alternative<gateway_name>(wanted.key);
  if (of_gateway || std::holds_alternative<network_name>(wanted.key)) {
    record_key key = wanted.key;
    auto closed = co_await close_place(self, now, std::move(key), *old, writes);
    if (!closed || !*closed) co_return closed;
  }
  if (of_gateway) {
    const auto before = known_as<gateway>(*self, wanted.key, old);
    // Of one that can't be read nobody knows the number, which stays taken.
    std::optional<std::uint16_t> number;
    if (before) number = (*before)->value.number;
    remove_gateway(now.work, self->keys, std::get<gateway_name>(wanted.key), *old, number);
  } else {
    remove_plain(now.work, *old);
  }
  co_return true;
}

/// Reads every record that a write's expectation speaks of; a creation needs none.
task<result<>> read_old(shared_core self, attempt& now, const transaction& writes) {
  std::vector<std::string> wanted;
  for (const write& each : writes) {
    if (std::holds_alternative<put>(each) && std::holds_alternative<absent>(expected_by(each))) {
      continue;
    }
    wanted.push_back(self->keys.of(key_of_write(each)));
  }
  if (wanted.empty()) co_return result<>{};
  auto found = co_await self->calls->get_many(std::move(wanted));
  if (!found) co_return std::unexpected(std::move(found.error()));
  for (entry& each : *found) {
    std::string key = each.key;
    now.old.insert_or_assign(std::move(key), std::move(each));
  }
  co_return result<>{};
}

/// False: something has moved, begin again.
task<result<bool>> plan(shared_core self, attempt& now, const transaction& writes) {
  auto read = co_await read_old(self, now, writes);
  if (!read) co_return std::unexpected(std::move(read.error()));
  for (const write& each : writes) {
    const auto at = now.old.find(self->keys.of(key_of_write(each)));
    entry* old = at == now.old.end() ? nullptr : &at->second;
    // This commit's own closing mark does not count as a change.
    const auto marked = old ? now.mine.find(old->key) : now.mine.end();
    const auto* at_revision = std::get_if<revision>(&expected_by(each));
    const bool own =
        marked != now.mine.end() && closing(*old) && at_revision && *at_revision == marked->second;
    if (const auto met = meets(expected_by(each), old); !met && !own) {
      co_return std::unexpected(met.error());
    }
    if (const auto* adding = std::get_if<put>(&each)) {
      const auto planned = co_await plan_put(self, now, *adding, old);
      if (!planned) co_return std::unexpected(planned.error());
    } else {
      auto planned = co_await plan_removal(self, now, std::get<removal>(each), old, writes);
      if (!planned || !*planned) co_return planned;
    }
  }
  co_return true;
}

/// Names, not values: a record may be written once in a transaction.
bool writes_twice(const core& self, const transaction& writes) {
  std::set<std::string> seen;
  return std::ranges::any_of(writes, [&](const write& each) {
    return !seen.insert(self.keys.of(key_of_write(each))).second;
  });
}

void forget_places(core& self, const attempt& now) {
  for (const auto& each : now.held) self.places.erase(each);
}

/// What was written is not as it was remembered.
void forget_written(core& self, const transaction& writes, const change& sent_steps) {
  for (const write& each : writes) self.places.erase(self.keys.of(key_of_write(each)));
  for (const step& each : sent_steps.steps) {
    if (each.call.what == verb::cas) self.places.erase(each.call.key);
  }
}

/// What a refusal because of a quota means: the count was read at another moment than the names.
/// Nothing where it does not hold any more, or never did, and the commit is to be tried again: the
/// peer is there by now, and counts for nothing, or there is room.
task<std::optional<error>> refused_by_quota(shared_core self, const attempt& now,
                                            const transaction& writes,
                                            const std::map<std::string, count_change>& counts) {
  std::vector<operation> look;
  std::vector<bool> must_be_new;  // of the first operations, one for each peer that counts
  std::set<std::string> tokens;
  for (const write& each : writes) {
    const auto* adding = std::get_if<put>(&each);
    const auto* one = adding ? std::get_if<peer>(&adding->value) : nullptr;
    if (one == nullptr || !one->quota) continue;
    const std::string key = self->keys.of(record_key(one->id));
    if (now.old.contains(key)) continue;
    look.push_back({verb::check_not_exists, key, {}, 0, 0});
    must_be_new.push_back(std::holds_alternative<absent>(adding->expected));
    tokens.insert(one->created_by.text());
  }
  for (const std::string& each : tokens) {
    look.push_back({verb::get, self->keys.quota(each), {}, 0, 0});
  }
  if (tokens.empty()) co_return error_of(blame::max_peers);
  const auto seen = co_await self->calls->look(std::move(look));
  if (!seen) co_return seen.error();
  for (const refusal& each : seen->refusals) {
    if (each.operation >= must_be_new.size()) continue;
    if (must_be_new[each.operation]) co_return error_of(blame::name);
    co_return std::nullopt;
  }
  for (const std::string& each : tokens) {
    const auto count = std::ranges::find(seen->results, self->keys.quota(each), &entry::key);
    std::int64_t used = 0;  // the count is absent where there are none
    if (count != seen->results.end()) {
      const std::string& text = count->value;
      std::from_chars(text.data(), text.data() + text.size(), used);
    }
    const count_change& wanted = counts.at(each);
    if (used + wanted.by > wanted.most) co_return error_of(blame::max_peers);
  }
  co_return std::nullopt;
}

}  // namespace

task<result<revision>> commit(shared_core self, transaction writes) {
  if (writes_twice(*self, writes)) {
    co_return fail(errc::invalid, "a transaction writes each record at most once");
  }
  std::map<std::string, revision> mine;
  for (int i = 0; i < most_attempts; ++i) {
    attempt now;
    now.mine = std::move(mine);
    auto ready = co_await plan(self, now, writes);
    mine = std::move(now.mine);
    if (!ready) co_return std::unexpected(std::move(ready.error()));
    if (!*ready) continue;
    // A change of what is held or written is seen by the next commit at once.
    forget_written(*self, writes, now.work);
    const auto counts = now.work.counts;
    auto ended = co_await self->writer->send(std::move(now.work));
    if (ended.done) co_return *ended.done;
    if (ended.failed && ended.failed->code == errc::unavailable && self->writer->has_lost()) {
      if (auto anew = co_await identity(self); !anew) co_return std::unexpected(anew.error());
      continue;
    }
    if (ended.failed) co_return std::unexpected(std::move(*ended.failed));
    const auto moved = std::ranges::find(ended.refused, blame::moved);
    if (ended.refused.front() == blame::max_peers) {
      auto why = co_await refused_by_quota(self, now, writes, counts);
      if (why) co_return std::unexpected(*std::move(why));
      continue;
    }
    if (moved == ended.refused.end()) co_return std::unexpected(error_of(ended.refused.front()));
    forget_places(*self, now);
  }
  co_return fail(errc::unavailable, "what the write stands on kept changing; try again");
}

}  // namespace peerage::consul
