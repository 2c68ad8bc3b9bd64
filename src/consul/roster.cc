#include "consul/roster.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "consul/keys.h"
#include "consul/open.h"
#include "json/fields.h"
#include "json/json.h"

namespace peerage {
namespace consul {
namespace {

// Waiting on a folder with nothing in it ends at every write anywhere.
constexpr milliseconds pace_of_empty{200};
constexpr std::size_t most_reported = 1'000;
// An API process renews its record when it is that old; one that nobody renewed for so long goes.
constexpr std::chrono::hours renewed_after{3};
constexpr std::chrono::hours kept_for{7 * 24};
// How far behind the newest record of another process this host's clock must be to be believed.
constexpr std::chrono::hours newest_is_within{12};

struct roster_core {
  clock& time;
  key_space keys;
  std::shared_ptr<consul::calls> calls;
  std::function<void(const std::string&, const std::string&)> on_corrupt;
  std::map<party_kind, std::shared_ptr<requester>> over = {};
  std::set<std::string> reported = {};

  std::string folder(party_kind of) const {
    return of == party_kind::api ? keys.bus_apis() : keys.bus_gateways();
  }
  void report(const std::string& key, const std::string& why) {
    if (reported.size() >= most_reported || !reported.insert(key).second) return;
    if (on_corrupt) on_corrupt(key, why);
  }
};
using shared_core = std::shared_ptr<roster_core>;

std::string write_key(const public_key& from, std::optional<wall_time> seen_at) {
  json::object made{{"public_key", from.text()}};
  if (seen_at) made["seen_at"] = to_rfc3339(*seen_at);
  return json::serialize(made);
}

/// When its process was last alive; nothing in records of older versions.
std::optional<wall_time> seen_at_in(std::string_view text) {
  const auto parsed = json::parse(text);
  const auto* object = parsed ? parsed->if_object() : nullptr;
  const auto* found = object ? object->if_contains("seen_at") : nullptr;
  if (found == nullptr || !found->is_string()) return {};
  return from_rfc3339(std::string_view(found->get_string()));
}

result<public_key> read_key(std::string_view text) {
  const auto parsed = json::parse(text);
  if (!parsed || !parsed->is_object()) return fail(errc::corrupt, "it is no JSON object");
  json::fields in(parsed->get_object());
  const auto key = in.required<public_key>("public_key", public_key::parse);
  if (const auto good = in.finish(json::unknown_members::allowed); !good) {
    return fail(errc::corrupt, good.error().field + " " + good.error().message);
  }
  return key;
}

/// 0 for what is none of ours: everything is told at once.
std::uint64_t index_in(const std::string& position) {
  std::uint64_t index = 0;
  std::from_chars(position.data(), position.data() + position.size(), index);
  return index;
}

/// Removes records of API processes that nobody renewed for a week. A host's own clock alone
/// removes nothing: time goes by the newest record of the others too.
task<result<>> prune(shared_core self, std::string own) {
  const auto all = co_await self->calls->get_all(self->keys.bus_apis());
  if (!all) co_return std::unexpected(all.error());
  const wall_time now = self->time.now();
  std::optional<wall_time> newest;
  for (const entry& each : *all) {
    const auto seen = each.key == own ? std::nullopt : seen_at_in(each.value);
    if (seen) newest = std::max(newest.value_or(*seen), *seen);
  }
  if (!newest) newest = now;
  const wall_time certain = std::min<wall_time>(now, *newest + newest_is_within);
  std::vector<operation> changes;
  for (const entry& each : *all) {
    if (each.key == own || changes.size() + 2 > most_operations) continue;
    const auto seen = seen_at_in(each.value);
    const auto key = read_key(each.value);
    if (seen && *seen + kept_for > certain) continue;
    if (!seen && key) {
      // Of an older version: its week begins now.
      changes.push_back({verb::cas, each.key, write_key(*key, certain), 0, each.index});
    } else if (seen) {
      changes.push_back({verb::check_index, each.key, {}, 0, each.index});
      changes.push_back({verb::remove, each.key, {}, 0, 0});
    }
  }
  if (changes.empty()) co_return result<>{};
  auto done = co_await self->calls->write(std::move(changes));
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return result<>{};  // what moved meanwhile is left for the next time
}

task<result<>> enter(shared_core self, party who) {
  const bool api = who.kind == party_kind::api;
  const std::string key = self->folder(who.kind) + who.name;
  const auto found = co_await self->calls->get(key);
  if (!found) co_return std::unexpected(found.error());
  const wall_time now = self->time.now();
  std::string wanted = write_key(who.key, api ? std::optional(now) : std::nullopt);
  const auto seen = *found ? seen_at_in((*found)->value) : std::nullopt;
  const bool recent = seen && *seen + renewed_after > now && *seen < now + renewed_after;
  const bool same = *found && (*found)->value == write_key(who.key, seen);
  if (!same || (api && !recent)) {
    std::vector<operation> one;
    one.push_back({verb::set, key, std::move(wanted), 0, 0});
    const auto written = co_await self->calls->write(std::move(one));
    if (!written) co_return std::unexpected(written.error());
    if (!written->refusals.empty()) {
      co_return fail(errc::unavailable, "Consul refused: " + written->refusals.front().why);
    }
  }
  if (!api) co_return result<>{};
  co_return co_await prune(self, key);
}

task<result<roster_word>> follow(shared_core self, party_kind whom, std::string position,
                                 steady_duration wait) {
  auto& over = self->over[whom];
  if (!over) over = self->calls->connect();
  const std::string folder = self->folder(whom);
  const std::uint64_t since = index_in(position);
  std::string asked = folder;
  const auto held = over;
  const auto seen = co_await self->calls->watch(held, std::move(asked), true, since, wait);
  if (!seen) co_return std::unexpected(seen.error());
  if (seen->entries.empty() && since != 0) {
    co_await self->time.wait_until(self->time.steady() + pace_of_empty);
  }
  roster_word made{{}, std::to_string(seen->index)};
  for (const entry& each : seen->entries) {
    std::string name = each.key.substr(folder.size());
    const auto key = read_key(each.value);
    if (!is_label(name) || !key) {
      self->report(each.key, key ? "its name is none of ours" : key.error().message);
      continue;
    }
    made.parties.push_back({whom, std::move(name), *key});
  }
  co_return made;
}

class consul_roster final : public roster {
 public:
  explicit consul_roster(shared_core core) : core_(std::move(core)) {}
  task<result<>> enter(party who) override { return consul::enter(core_, std::move(who)); }
  task<result<roster_word>> follow(party_kind whom, std::string position,
                                   steady_duration wait) override {
    return consul::follow(core_, whom, std::move(position), wait);
  }

 private:
  shared_core core_;
};

}  // namespace
}  // namespace consul

result<std::unique_ptr<roster>> open_consul_roster(asio::any_io_executor loop, clock& time,
                                                   consul_options options) {
  auto calls = consul::open_calls(loop, options);
  if (!calls) return std::unexpected(std::move(calls.error()));
  auto core = std::make_shared<consul::roster_core>(consul::roster_core{
      time, {options.prefix}, *std::move(calls), std::move(options.on_corrupt)});
  return std::make_unique<consul::consul_roster>(std::move(core));
}

}  // namespace peerage
