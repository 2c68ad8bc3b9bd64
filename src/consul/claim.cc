// Whose a gateway's name is. Its holder is written beside the gateway's rings, which the holder
// watches anyway; whoever wants the name asks there, and a holder that lives answers. So nothing is
// renewed, nothing expires, and a gateway at rest writes nothing.
#include <utility>

#include "consul/core.h"
#include "json/json.h"

namespace peerage::consul {
namespace {

constexpr seconds answer_time{5};
constexpr seconds longest_ring_life{7 * 24 * 3'600};
constexpr int most_attempts = 8;

struct holder {
  claimant who;
  std::string since;
  std::string answered;  // the start of who asked last
  bool released = false;
};

std::string write_holder(const holder& from) {
  json::object made{{"instance", from.who.instance}, {"start", from.who.start},
                    {"where", from.who.where},       {"since", from.since},
                    {"answered", from.answered},     {"released", from.released}};
  return json::serialize(made);
}

std::string text_in(const json::object& from, std::string_view name) {
  const auto* found = from.if_contains(name);
  return found && found->is_string() ? std::string(found->get_string()) : std::string();
}

/// What can't be read, or names nobody, holds nothing.
holder read_holder(std::string_view text) {
  holder made;
  const auto parsed = json::parse(text);
  const auto* object = parsed ? parsed->if_object() : nullptr;
  if (object == nullptr) {
    made.released = true;
    return made;
  }
  made.who = {text_in(*object, "instance"), text_in(*object, "start"), text_in(*object, "where")};
  made.since = text_in(*object, "since");
  made.answered = text_in(*object, "answered");
  const auto* released = object->if_contains("released");
  made.released = released && released->is_bool() && released->get_bool();
  if (made.who.instance.empty() || made.who.start.empty()) return holder{{}, {}, {}, true};
  return made;
}

/// True: written. False: it has changed since it was read.
task<result<bool>> write_owner(shared_core self, std::string key, holder what,
                               std::uint64_t index) {
  std::vector<operation> one;
  one.push_back({verb::cas, std::move(key), write_holder(what), 0, index});
  auto answer = co_await self->calls->write(std::move(one));
  if (!answer) co_return std::unexpected(std::move(answer.error()));
  co_return answer->refusals.empty();
}

std::unexpected<error> held_by(const gateway_name& gateway, const holder& by) {
  return fail(errc::conflict, "gateway " + gateway.text() + " is run by " + by.who.where +
                                  " since " + by.since +
                                  "; stop that one, or give this one another gateway.name");
}

/// Rings of API processes that are gone for long. Nobody misses them; one that comes back after all
/// begins anew.
task<result<>> prune(shared_core self, gateway_name gateway) {
  const auto all = co_await self->calls->get_all(self->keys.rings_of(gateway));
  if (!all) co_return std::unexpected(all.error());
  std::vector<operation> removals;
  for (const entry& each : *all) {
    const auto ring = read_ring(each.value);
    if (!ring || ring->written_at + longest_ring_life > self->time.now()) continue;
    if (removals.size() == most_operations) break;
    removals.push_back({verb::remove_cas, each.key, {}, 0, each.index});
  }
  if (removals.empty()) co_return result<>{};
  auto done = co_await self->calls->write(std::move(removals));
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return result<>{};
}

/// Asks the holder whether it lives. errc::conflict where it does; what is there after the wait
/// where it does not.
task<result<std::optional<entry>>> ask_holder(shared_core self, gateway_name gateway, entry owner,
                                              claimant who) {
  std::vector<operation> ask;
  json::object question{{"start", who.start}};
  ask.push_back({verb::set, self->keys.challenge(gateway), json::serialize(question), 0, 0});
  auto asked = co_await self->calls->write(std::move(ask));
  if (!asked) co_return std::unexpected(std::move(asked.error()));
  const auto over = self->calls->connect();
  const steady_time until = self->time.steady() + answer_time;
  const std::uint64_t first = owner.index;
  std::uint64_t index = owner.index;
  for (;;) {
    const steady_duration rest = until - self->time.steady();
    if (rest <= steady_duration::zero()) co_return owner;
    std::string key = self->keys.owner(gateway);
    auto seen = co_await self->calls->watch(over, std::move(key), false, index, rest);
    if (!seen) co_return std::unexpected(std::move(seen.error()));
    if (seen->entries.empty()) co_return std::optional<entry>{};
    index = seen->index;
    const entry now = seen->entries.front();
    const holder by = read_holder(now.value);
    if (by.answered == who.start) co_return held_by(gateway, by);
    if (now.index != first) co_return now;  // it was given back, or is another's
  }
}

task<> withdraw(shared_core self, gateway_name gateway) {
  std::vector<operation> removal;
  removal.push_back({verb::remove, self->keys.challenge(gateway), {}, 0, 0});
  (void)co_await self->calls->write(std::move(removal));
}

}  // namespace

task<result<>> claim(shared_core self, gateway_name gateway, claimant who) {
  const std::string key = self->keys.owner(gateway);
  bool asked = false;
  std::uint64_t silent = 0;  // the index of a holder that did not answer
  for (int i = 0; i < most_attempts; ++i) {
    auto found = co_await self->calls->get(key);
    if (!found) co_return std::unexpected(std::move(found.error()));
    holder by;
    by.released = true;
    if (*found) by = read_holder((*found)->value);
    const bool free =
        by.released || by.who.instance == who.instance || (*found && (*found)->index == silent);
    if (!free) {
      asked = true;
      entry owner = **found;
      auto answer = co_await ask_holder(self, gateway, std::move(owner), who);
      if (!answer && answer.error().code == errc::conflict) co_await withdraw(self, gateway);
      if (!answer) co_return std::unexpected(std::move(answer.error()));
      silent = *answer ? (*answer)->index : 0;
      if (*answer && (*answer)->index != (*found)->index) silent = 0;
      continue;
    }
    holder mine{who, to_rfc3339(self->time.now()), {}, false};
    auto written = co_await write_owner(self, key, std::move(mine), *found ? (*found)->index : 0);
    if (!written) co_return std::unexpected(std::move(written.error()));
    if (!*written) continue;
    self->claims[gateway] = std::move(who);
    if (asked) co_await withdraw(self, gateway);
    co_return co_await prune(self, gateway);
  }
  co_return fail(errc::unavailable,
                 "too many processes claim gateway " + gateway.text() + " at once; try again");
}

task<> release(shared_core self, gateway_name gateway) {
  const auto claimed = self->claims.find(gateway);
  if (claimed == self->claims.end()) co_return;
  const std::string start = claimed->second.start;
  self->claims.erase(claimed);
  const std::string key = self->keys.owner(gateway);
  const auto found = co_await self->calls->get(key);
  if (!found || !*found) co_return;
  holder by = read_holder((*found)->value);
  if (by.who.start != start) co_return;
  by.released = true;
  (void)co_await write_owner(self, key, std::move(by), (*found)->index);
}

task<result<>> keep_claim(shared_core self, gateway_name gateway,
                          const std::vector<entry>& folder) {
  const auto claimed = self->claims.find(gateway);
  if (claimed == self->claims.end()) co_return result<>{};
  const claimant mine = claimed->second;
  const std::string owner_key = self->keys.owner(gateway);
  const std::string challenge_key = self->keys.challenge(gateway);
  std::optional<entry> owner;
  std::string asker;
  for (const entry& each : folder) {
    if (each.key == owner_key) owner = each;
    if (each.key != challenge_key) continue;
    const auto parsed = json::parse(each.value);
    if (parsed && parsed->is_object()) asker = text_in(parsed->get_object(), "start");
  }
  holder by;
  if (owner) by = read_holder(owner->value);
  // Gone or spoilt by somebody's hand, it is written again: an empty folder would wake at every
  // write.
  const bool again = by.who.start.empty();
  if (!again && by.who.start != mine.start) co_return held_by(gateway, by);
  const bool answer = !asker.empty() && asker != by.answered;
  if (!again && !answer) co_return result<>{};
  if (again) by = {mine, to_rfc3339(self->time.now()), {}, false};
  if (answer) by.answered = asker;
  auto written = co_await write_owner(self, owner_key, std::move(by), owner ? owner->index : 0);
  if (!written) co_return std::unexpected(std::move(written.error()));
  co_return result<>{};
}

}  // namespace peerage::consul
