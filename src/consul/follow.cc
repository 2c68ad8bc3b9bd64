// How a gateway learns what changed: it waits on the folder of its rings, which is small, and reads
// what they name. One change costs two requests, whatever the number of peers.
#include <algorithm>
#include <utility>

#include "consul/core.h"

namespace peerage::consul {
namespace {

constexpr std::size_t most_questions = 64;
constexpr milliseconds bus_first{20};

std::shared_ptr<requester> follower(core& self, const gateway_name& gateway) {
  auto& kept = self.followers[gateway];
  if (!kept) kept = self.calls->connect();
  return kept;
}

/// What the rings name, as it is now.
task<result<assigned>> read_changes(shared_core self, gateway_name gateway,
                                    std::set<std::string> changes) {
  assigned made;
  std::vector<std::string> wanted;
  for (const std::string& each : changes) {
    const auto key = public_key::parse(each);
    if (!key) {
      self->report(self->keys.rings_of(gateway), "a ring names \"" + each + "\", which is no key");
      continue;
    }
    made.keys.push_back(*key);
    wanted.push_back(self->keys.at(gateway, *key));
  }
  const auto found = co_await self->calls->get_many(std::move(wanted));
  if (!found) co_return std::unexpected(found.error());
  assignments_read read;
  take_assignments(*self, gateway, *found, read);
  read.move_to(made);
  co_return made;
}

/// went_back(), where some of the keys were not there.
task<result<bool>> may_be_lost(shared_core self, gateway_name gateway, const assigned& read) {
  if (read.peers.size() + read.unreadable.size() == read.keys.size()) co_return false;
  co_return co_await went_back(std::move(self), std::move(gateway));
}

}  // namespace

void note_newest_ring(core& self, const gateway_name& gateway, const std::vector<entry>& folder) {
  entry newest;
  const std::size_t own = self.keys.rings_of(gateway).size();
  for (const entry& each : folder) {
    const bool ring = each.key.size() > own && each.key[own] != no_ring;
    if (ring && each.index > newest.index) newest = {each.key, {}, 0, each.index};
  }
  self.newest_rings[gateway] = std::move(newest);
}

task<result<bool>> went_back(shared_core self, gateway_name gateway) {
  const entry newest = self->newest_rings[gateway];
  const std::string of = self->known_epoch;
  std::vector<std::string> wanted{self->keys.epoch()};
  if (newest.index > 0) wanted.push_back(newest.key);
  const std::size_t many = wanted.size();
  const auto found = co_await self->calls->get_many(std::move(wanted));
  if (!found) co_return std::unexpected(found.error());
  if (found->size() < many) co_return true;
  const bool other = !of.empty() && found->front().value != of;
  co_return other || found->back().index < newest.index;
}

task<result<followed>> follow(shared_core self, gateway_name gateway, std::string position,
                              steady_duration wait) {
  const auto over = follower(*self, gateway);
  const auto known = read_place(position);
  const std::string folder = self->keys.rings_of(gateway);
  std::string asked = folder;
  auto seen =
      co_await self->calls->watch(over, std::move(asked), true, known ? known->index : 0, wait);
  if (!seen) co_return std::unexpected(std::move(seen.error()));
  auto kept = co_await keep_claim(self, gateway, seen->entries);
  if (!kept) co_return std::unexpected(std::move(kept.error()));
  note_newest_ring(*self, gateway, seen->entries);
  if (!known) {
    place_in_rings none;
    co_return co_await read_whole(self, std::move(gateway), over, std::move(none));
  }
  ring_news news = news_in(seen->entries, folder, seen->index, *known);
  for (const auto& each : news.garbage) self->report(each, "it is no ring of changes");
  // An index that goes back, or a ring of another epoch, may be those of a restored Consul. Where
  // nobody writes rings after it, and they are as they were, only the epoch itself says so.
  const bool backwards = seen->index < known->index;
  const bool quiet = news.changes.empty() && wait > steady_duration::zero();
  if (news.gap || news.other_epoch || backwards || quiet) {
    const auto now = co_await identity(self);
    if (!now) co_return std::unexpected(now.error());
    if (news.gap || backwards || now->id != known->epoch) {
      place_in_rings behind = *known;
      co_return co_await read_whole(self, std::move(gateway), over, std::move(behind));
    }
  }
  followed made;
  made.of.id = known->epoch;
  if (!news.changes.empty()) {
    // The bus brings the same, sooner and more cheaply, and Consul has creations to write.
    co_await self->time.wait_until(self->time.steady() + bus_first);
    auto read = co_await read_changes(self, gateway, std::move(news.changes));
    if (!read) co_return std::unexpected(std::move(read.error()));
    const auto lost = co_await may_be_lost(self, gateway, *read);
    if (!lost) co_return std::unexpected(lost.error());
    if (*lost) {
      place_in_rings behind = *known;
      co_return co_await read_whole(self, std::move(gateway), over, std::move(behind));
    }
    made.what = std::move(*read);
  }
  made.what.as_of = last_revision_of(seen->index);
  made.position = write_place(news.next);
  co_return made;
}

task<result<assigned>> assignments(shared_core self, gateway_name gateway,
                                   std::vector<public_key> keys) {
  if (keys.size() > most_questions) co_return fail(errc::invalid, "64 keys at most");
  const auto index = co_await self->calls->index(self->keys.nothing());
  if (!index) co_return std::unexpected(index.error());
  std::vector<std::string> wanted;
  for (const public_key& each : keys) wanted.push_back(self->keys.at(gateway, each));
  const auto found = co_await self->calls->get_many(std::move(wanted));
  if (!found) co_return std::unexpected(found.error());
  assignments_read read;
  take_assignments(*self, gateway, *found, read);
  assigned made;
  made.keys = std::move(keys);
  made.as_of = last_revision_of(*index);
  read.move_to(made);
  const auto lost = co_await may_be_lost(self, gateway, made);
  if (!lost) co_return std::unexpected(lost.error());
  if (*lost) co_return fail(errc::unavailable, "Consul was restored; everything is read again");
  co_return made;
}

}  // namespace peerage::consul
