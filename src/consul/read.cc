// The reads. A page of peers costs the names of its folder, and then the peers of that page alone.
#include <algorithm>
#include <tuple>
#include <utility>

#include "consul/core.h"
#include "crypto/random.h"
#include "wire/records.h"

namespace peerage::consul {
namespace {

/// A peer that a listing may give, before it is read.
struct candidate {
  peer_id id;
  std::string key;  // of the peer
};

result<stored<record>> parsed(const core& self, const record_key& kind, const entry& from) {
  auto value = read_record(self.keys, kind, from);
  if (!value) return std::unexpected(std::move(value.error()));
  return stored<record>{std::move(*value), revision_of(from)};
}

/// The names at the ends of the keys, those behind `after` alone, in order of network and name.
std::vector<candidate> candidates(core& self, const std::vector<std::string>& keys) {
  std::vector<candidate> made;
  for (const auto& each : keys) {
    const auto id = key_space::id_at_end(each);
    if (!id) {
      self.report(each, "its name is none of a peer");
      continue;
    }
    made.push_back({*id, self.keys.of(*id)});
  }
  return made;
}

/// Fills the page from the candidates; one that is gone, corrupt or no longer `fits` is passed
/// over.
task<result<>> fill(shared_core self, page& into, std::vector<candidate> from, std::size_t limit,
                    std::function<bool(const peer&)> fits) {
  std::size_t next = 0;
  while (next < from.size() && into.items.size() < limit) {
    const std::size_t end = std::min(from.size(), next + limit - into.items.size());
    std::vector<std::string> keys;
    for (; next < end; ++next) keys.push_back(from[next].key);
    auto found = co_await self->calls->get_many(std::move(keys));
    if (!found) co_return std::unexpected(std::move(found.error()));
    for (const entry& each : *found) {
      auto one = parsed(*self, peer_id{}, each);
      if (!one) {
        self->report(each.key, one.error().message);
      } else if (fits(std::get<peer>(one->value))) {
        into.items.push_back(std::move(*one));
      }
    }
  }
  into.more = next < from.size();
  co_return result<>{};
}

/// Networks, gateways, tokens and marks are few: all of them at once.
task<result<page>> list_small(shared_core self, page into, std::string folder, record_key kind,
                              page_query query) {
  auto all = co_await self->calls->get_all(std::move(folder));
  if (!all) co_return std::unexpected(std::move(all.error()));
  for (const entry& each : *all) {
    auto one = parsed(*self, kind, each);
    if (!one) {
      self->report(each.key, one.error().message);
      continue;
    }
    if (position(query.what, one->value) <= query.after) continue;
    if (into.items.size() == query.limit) {
      into.more = true;
      break;
    }
    into.items.push_back(std::move(*one));
  }
  co_return into;
}

task<result<page>> list_folder(shared_core self, page into, std::string folder, page_query query) {
  const auto keys = co_await self->calls->keys(std::move(folder));
  if (!keys) co_return std::unexpected(keys.error());
  auto all = candidates(*self, *keys);
  const auto* on = std::get_if<peers_on_gateway>(&query.what);
  // Behind `after`: "NAME" in a network, "NETWORK/NAME" on a gateway, compared part by part.
  const auto slash = query.after.find('/');
  const std::string network = on ? query.after.substr(0, slash) : std::string();
  const std::string name =
      on && slash != std::string::npos ? query.after.substr(slash + 1) : query.after;
  std::erase_if(all, [&](const candidate& each) {
    if (query.after.empty()) return false;
    if (on == nullptr) return each.id.name.text() <= name;
    return std::tie(each.id.network.text(), each.id.name.text()) <= std::tie(network, name);
  });
  std::ranges::sort(all, {}, &candidate::id);
  std::optional<gateway_name> gateway;
  if (on != nullptr) gateway = on->gateway;
  std::function<bool(const peer&)> fits = [gateway](const peer& each) {
    return !gateway || each.gateway == *gateway;
  };
  auto filled = co_await fill(self, into, std::move(all), query.limit, std::move(fits));
  if (!filled) co_return std::unexpected(std::move(filled.error()));
  co_return into;
}

task<result<page>> list_expiring(shared_core self, page into, wall_time before, std::size_t limit) {
  const auto minutes = co_await self->calls->keys(self->keys.expiries(), std::string("/"));
  if (!minutes) co_return std::unexpected(minutes.error());
  const std::string last = self->keys.expiry_minute(before);
  const std::string end = self->keys.expiry_moment(before);
  std::vector<candidate> all;
  for (const auto& minute : *minutes) {
    if (minute > last || all.size() > limit) break;
    auto keys = co_await self->calls->keys(minute);
    if (!keys) co_return std::unexpected(std::move(keys.error()));
    std::erase_if(*keys, [&](const std::string& key) { return key >= end; });
    for (auto& each : candidates(*self, *keys)) all.push_back(std::move(each));
  }
  std::function<bool(const peer&)> fits = [before](const peer& each) {
    return each.expires_at && *each.expires_at < before;
  };
  auto filled = co_await fill(self, into, std::move(all), limit, std::move(fits));
  if (!filled) co_return std::unexpected(std::move(filled.error()));
  // The order of the keys is that of time; one that was renewed meanwhile may be out of place.
  std::ranges::sort(into.items, {}, [](const stored<record>& each) {
    return std::get<peer>(each.value).expires_at;
  });
  co_return into;
}

/// The folder of a listing that is one: everything but what expires.
std::string folder_of(const key_space& keys, const listing& what) {
  if (const auto* of = std::get_if<peers_of_network>(&what)) return keys.peers_of(of->network);
  if (const auto* of = std::get_if<peers_on_gateway>(&what)) return keys.placed_on(of->gateway);
  if (const auto* of = std::get_if<marks_under>(&what)) return keys.of(mark_name{of->beginning});
  if (std::holds_alternative<all_gateways>(what)) return keys.gateways();
  if (std::holds_alternative<all_tokens>(what)) return keys.tokens();
  return keys.networks();
}

/// What its records are; nothing where they are peers.
std::optional<record_key> small_kind(const listing& what) {
  if (std::holds_alternative<all_networks>(what)) return network_name{};
  if (std::holds_alternative<all_gateways>(what)) return gateway_name{};
  if (std::holds_alternative<all_tokens>(what)) return token_id{};
  if (std::holds_alternative<marks_under>(what)) return mark_name{};
  return {};
}

}  // namespace

task<found_record> get(shared_core self, record_key key) {
  const auto found = co_await self->calls->get(self->keys.of(key));
  if (!found) co_return std::unexpected(found.error());
  if (!*found) co_return std::optional<stored<record>>{};
  auto made = parsed(*self, key, **found);
  if (!made) co_return std::unexpected(std::move(made.error()));
  co_return std::move(*made);
}

task<found_record> find_peer(shared_core self, gateway_name gateway, public_key key) {
  // The peer may move on between the two reads: then the assignment says so at the second look.
  for (int i = 0; i < 3; ++i) {
    const auto at = co_await self->calls->get(self->keys.at(gateway, key));
    if (!at) co_return std::unexpected(at.error());
    if (!*at) break;
    const auto assigned = wire::read_assignment((*at)->value);
    if (!assigned) {
      co_return fail(errc::corrupt, "the value of " + (*at)->key + ": " + assigned.error().message);
    }
    record_key wanted = assigned->id;
    auto found = co_await get(self, std::move(wanted));
    if (!found) co_return found;
    if (!*found) continue;
    const auto& one = std::get<peer>((*found)->value);
    if (one.gateway == gateway && one.public_key == key) co_return found;
  }
  co_return std::optional<stored<record>>{};
}

task<result<page>> list(shared_core self, page_query query) {
  // Read before the items, so that they hold all that it speaks of.
  const auto index = co_await self->calls->index(self->keys.nothing());
  if (!index) co_return std::unexpected(index.error());
  page into;
  into.as_of = last_revision_of(*index);
  if (const auto* of = std::get_if<peers_expiring>(&query.what)) {
    co_return co_await list_expiring(self, std::move(into), of->before, query.limit);
  }
  // No marks are the rule, and who hides them from an API process hides everything.
  const bool may_be_empty = std::holds_alternative<marks_under>(query.what);
  const std::string folder = folder_of(self->keys, query.what);
  std::optional<record_key> kind = small_kind(query.what);
  result<page> found;
  if (kind) {
    found = co_await list_small(self, std::move(into), folder, *std::move(kind), std::move(query));
  } else {
    found = co_await list_folder(self, std::move(into), folder, std::move(query));
  }
  if (!found || !found->items.empty() || found->more || may_be_empty) co_return found;
  // A policy that hides a folder makes it look empty.
  auto visible = co_await self->calls->may_read_in(folder);
  if (!visible) co_return std::unexpected(std::move(visible.error()));
  co_return found;
}

/// Whether the store has a ring that this process wrote as it was before, which nobody else can
/// have done.
task<result<bool>> has_lost(shared_core self, writer::evidence wrote) {
  const auto ring = co_await self->calls->get(wrote.key);
  if (!ring) co_return std::unexpected(ring.error());
  if (*ring) co_return (*ring)->index < wrote.index;
  // A ring goes with its gateway.
  const auto on = gateway_name::parse(wrote.gateway);
  if (!on) co_return true;
  const auto gateway = co_await self->calls->get(self->keys.of(*on));
  if (!gateway) co_return std::unexpected(gateway.error());
  co_return gateway->has_value();
}

/// The same of all that it wrote lately. The index of the whole store tells it only until others
/// have written again.
task<result<bool>> has_lost_a_write(shared_core self) {
  if (self->writer->has_lost()) co_return true;
  const std::vector<writer::evidence> all = self->writer->written();
  for (std::size_t at = 0; at < all.size(); at += most_operations) {
    const std::size_t end = std::min(all.size(), at + most_operations);
    std::vector<operation> look;
    for (std::size_t i = at; i < end; ++i) {
      look.push_back({verb::check_index, all[i].key, {}, 0, all[i].index});
    }
    const auto seen = co_await self->calls->look(std::move(look));
    if (!seen) co_return std::unexpected(seen.error());
    for (const refusal& each : seen->refusals) {
      if (at + each.operation >= end) continue;
      const auto lost = co_await has_lost(self, all[at + each.operation]);
      if (!lost || *lost) co_return lost;
    }
  }
  self->writer->vouched(all);
  co_return false;
}

/// Of many processes that find none at once, or see that Consul was restored, one makes a new one
/// and the others read that.
task<result<epoch>> identity(shared_core self) {
  for (int i = 0; i < 3; ++i) {
    const auto index = co_await self->calls->index(self->keys.nothing());
    if (!index) co_return std::unexpected(index.error());
    auto found = co_await self->calls->get(self->keys.epoch());
    if (!found) co_return std::unexpected(std::move(found.error()));
    const auto lost = co_await has_lost_a_write(self);
    if (!lost) co_return std::unexpected(lost.error());
    const bool renewed = *found && (*found)->value != self->known_epoch;
    const bool back = *index < self->highest;
    const bool restored = back || (*lost && !renewed);
    if (*found && !(*found)->value.empty() && !restored) {
      self->highest = *index;
      self->known_epoch = (*found)->value;
      self->writer->set_epoch((*found)->value);
      self->keep();
      co_return epoch{std::move((*found)->value)};
    }
    std::vector<operation> make;
    make.push_back({verb::cas, self->keys.epoch(), random_id(), 0, *found ? (*found)->index : 0});
    auto made = co_await self->calls->write(std::move(make));
    // A gateway's token may not write it: an API process does.
    const bool others_do = !made && made.error().code == errc::denied;
    if (others_do && (!*found || (back && (*found)->value == self->known_epoch))) {
      co_return fail(errc::unavailable, "an API process has to give the store its epoch first");
    }
    if (!made && !others_do) co_return std::unexpected(std::move(made.error()));
    self->highest = 0;
    self->writer->forget_written();
  }
  co_return fail(errc::unavailable, "the store's epoch kept changing; try again");
}

}  // namespace peerage::consul
