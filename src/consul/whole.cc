// Everything that a gateway has, read in 256 parts, so that no answer is large and the loop has its
// turn between them. The rings go on turning meanwhile: they are read again and again, and what
// they name is read anew at the end, so that a busy gateway need not begin once more.
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "consul/core.h"
#include "wire/records.h"

namespace peerage::consul {
namespace {

constexpr unsigned parts = 256;
constexpr unsigned parts_between_rings = 16;

std::string digits_of(unsigned part) {
  constexpr std::string_view hex = "0123456789abcdef";
  return {hex[part / 16], hex[part % 16]};
}

struct reading {
  assignments_read found;
  std::set<std::string> changed;  // meanwhile
  place_in_rings place;
  bool lost = false;  // the rings turned too fast
};

task<result<>> read_rings(shared_core self, gateway_name gateway, std::shared_ptr<requester> over,
                          reading& into, bool first) {
  const std::string folder = self->keys.rings_of(gateway);
  std::string asked = folder;
  const steady_duration at_once{};
  const auto seen = co_await self->calls->watch(over, std::move(asked), true, 0, at_once);
  if (!seen) co_return std::unexpected(seen.error());
  auto kept = co_await keep_claim(self, gateway, seen->entries);
  if (!kept) co_return kept;
  note_newest_ring(*self, gateway, seen->entries);
  ring_news news = news_in(seen->entries, folder, seen->index, into.place);
  into.place = std::move(news.next);
  // A policy that hides the assignments answers as if there were none.
  auto visible = co_await self->calls->may_read_in(self->keys.at_all(gateway));
  if (!visible) co_return visible;
  if (first) co_return result<>{};
  into.lost = into.lost || news.gap;
  into.changed.merge(news.changes);
  co_return result<>{};
}

/// What changed while the parts were read, as it is at the end.
task<result<>> read_changed(shared_core self, gateway_name gateway, reading& into) {
  std::vector<std::string> wanted;
  for (const std::string& each : into.changed) {
    const auto key = public_key::parse(each);
    if (!key) continue;
    wanted.push_back(self->keys.at(gateway, *key));
    into.found.forget(wanted.back());
  }
  const auto found = co_await self->calls->get_many(std::move(wanted));
  if (!found) co_return std::unexpected(found.error());
  take_assignments(*self, gateway, *found, into.found);
  co_return result<>{};
}

/// So many changes as the rings tell. A ring that went back is that of a restored Consul: what the
/// others count then is not what is missing.
std::uint64_t counted_since(const place_in_rings& before, const place_in_rings& now) {
  std::uint64_t count = 0;
  for (const auto& [api, sequence] : now.known) {
    const auto known = before.known.find(api);
    const std::uint64_t begin = known == before.known.end() ? 0 : known->second;
    if (sequence < begin) return 0;
    count += sequence - begin;
  }
  return count;
}

}  // namespace

void assignments_read::forget(const std::string& name) {
  peers.erase(name);
  unreadable.erase(name);
}

void assignments_read::move_to(assigned& into) {
  into.peers.reserve(into.peers.size() + peers.size());
  for (auto& [name, each] : peers) into.peers.push_back(std::move(each));
  for (const auto& [name, key] : unreadable) into.unreadable.push_back(key);
}

void take_assignments(core& self, const gateway_name& gateway, const std::vector<entry>& from,
                      assignments_read& into) {
  for (const entry& each : from) {
    into.forget(each.key);
    auto read = wire::read_assignment(each.value);
    if (read && self.keys.at(gateway, read->public_key) == each.key) {
      into.peers.emplace(each.key, stored_assignment{std::move(*read), revision_of(each)});
      continue;
    }
    self.report(each.key, read ? "its content is of another key" : read.error().message);
    if (const auto key = self.keys.key_at(gateway, each.key)) {
      into.unreadable.emplace(each.key, *key);
    }
  }
}

task<result<followed>> read_whole(shared_core self, gateway_name gateway,
                                  std::shared_ptr<requester> over, place_in_rings known) {
  auto id = co_await identity(self);
  if (!id) co_return std::unexpected(std::move(id.error()));
  reading now;
  now.place.epoch = id->id;
  for (unsigned part = 0; part < parts; ++part) {
    if (part % parts_between_rings == 0) {
      auto rings = co_await read_rings(self, gateway, over, now, part == 0);
      if (!rings) co_return std::unexpected(std::move(rings.error()));
    }
    const std::string digits = digits_of(part);
    std::string some = self->keys.at_all(gateway, digits);
    const auto found = co_await self->calls->get_all(std::move(some));
    if (!found) co_return std::unexpected(found.error());
    take_assignments(*self, gateway, *found, now.found);
    co_await asio::post(self->loop, asio::use_awaitable);
  }
  auto rings = co_await read_rings(self, gateway, over, now, false);
  if (!rings) co_return std::unexpected(std::move(rings.error()));
  if (now.lost) co_return fail(errc::unavailable, "changes came faster than they could be read");
  auto changed = co_await read_changed(self, gateway, now);
  if (!changed) co_return std::unexpected(std::move(changed.error()));
  // Of a Consul that was restored before all this was read, an API process may have said so since.
  const auto still = co_await identity(self);
  if (!still) co_return std::unexpected(still.error());
  const auto back = co_await went_back(self, gateway);
  if (!back) co_return std::unexpected(back.error());
  if (*back || still->id != id->id) {
    co_return fail(errc::unavailable, "Consul was restored while it was read");
  }

  followed made;
  made.what.whole = true;
  made.what.as_of = last_revision_of(now.place.index);
  now.found.move_to(made.what);
  if (known.epoch == id->id) made.what.recorded = counted_since(known, now.place);
  made.position = write_place(now.place);
  made.of = std::move(*id);
  co_return made;
}

}  // namespace peerage::consul
