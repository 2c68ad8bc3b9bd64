// The store's word: what changed for this gateway, and what the bus said that the store does not
// confirm.
#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <utility>

#include "agent/agent.h"
#include "agent/registration.h"
#include "log/log.h"

namespace peerage {
namespace {

using namespace asio::experimental::awaitable_operators;

constexpr seconds follow_wait{60};
constexpr milliseconds first_retry{100};
constexpr milliseconds last_retry{1'500};
constexpr std::size_t keys_in_one_write = 512;
constexpr std::size_t keys_in_one_question = 64;
// What the bus said is settled when it was there at two looks.
constexpr seconds settle_every{30};
constexpr seconds contested_again{1};
constexpr milliseconds tell_after{500};

}  // namespace

/// Claims the gateway's name and registers, once for each start.
task<result<>> agent::join() {
  gateway_name name = options_.self.name;
  claimant who = options_.who;
  auto claimed = co_await with_.desired.claim(std::move(name), std::move(who));
  if (!claimed) co_return claimed;
  gateway wanted = options_.self;
  auto registered = co_await register_gateway(with_.desired, with_.time, std::move(wanted));
  if (!registered) co_return std::unexpected(std::move(registered.error()));
  if (registered->value.number != options_.self.number) arranged_at_.reset();
  const public_key own = options_.self.public_key;
  options_.self = std::move(registered->value);
  joined_ = true;
  use(own);  // which may be another by now
  joined_at_ = registered->revision;
  // Known before everything is read: enrolments are served meanwhile.
  if (epoch_.id.empty()) {
    auto id = co_await with_.desired.identity();
    if (!id) co_return std::unexpected(std::move(id.error()));
    epoch_ = *std::move(id);
    device_epoch_ = options_.followed_before.value_or(epoch{});
    if (options_.followed_before && device_epoch_ != epoch_) {
      log::warning("the store has another epoch than at the last start: it was restored",
                   {{"epoch", epoch_.id}});
      book_.restart();
    }
  }
  keep_now_.notify();
  log::info("gateway registered", {{"name", options_.self.name.text()},
                                   {"number", std::uint64_t{options_.self.number}},
                                   {"region", options_.self.region.text()},
                                   {"endpoint", options_.self.endpoint},
                                   {"public_key", options_.self.public_key.text()}});
  co_return result<>{};
}

void agent::use(public_key now) {
  if (options_.self.public_key == now) return;
  options_.self.public_key = now;
  altered_ = true;
  work_.notify();
  // One that has not joined yet tells the store when it does.
  if (joined_ && !std::exchange(registering_, true)) background_.spawn(register_again());
}

/// Until the store has the key that the gateway has now.
task<> agent::register_again() {
  for (bool known = false; !known;) {
    const public_key key = options_.self.public_key;
    gateway wanted = options_.self;
    auto registered = co_await register_gateway(with_.desired, with_.time, std::move(wanted));
    if (registered) {
      known = options_.self.public_key == key;
      if (known) options_.self = std::move(registered->value);
    } else {
      log::warning("the gateway's new key is not registered; trying again",
                   {{"error", registered.error().message}});
      co_await with_.time.wait_until(with_.time.steady() + last_retry);
    }
  }
  registering_ = false;
  keep_now_.notify();
  log::info("gateway registered",
            {{"name", options_.self.name.text()}, {"public_key", options_.self.public_key.text()}});
}

task<> agent::follow_loop() {
  std::minstd_rand random{options_.jitter};
  milliseconds retry{first_retry};
  for (;;) {
    result<> done;
    if (joined_) {
      done = co_await follow();
    } else {
      done = co_await join();
    }
    if (done) {
      if (!store_away_.empty()) log::info("store is back");
      store_away_.clear();
      retry = first_retry;
      continue;
    }
    if (done.error().code == errc::conflict) {
      log::error("the gateway's name is another's", {{"error", done.error().message}});
      with_.lost_name(std::move(done.error()));
      co_return;
    }
    if (store_away_.empty()) {
      log::warning("store is away; going on with what is known", {{"error", done.error().message}});
    }
    store_away_ = done.error().message;
    // Many gateways lose the store at once, and must not come back at once.
    const milliseconds jitter{
        std::uniform_int_distribution<int>(0, static_cast<int>(retry.count()))(random)};
    co_await with_.time.wait_until(with_.time.steady() + retry / 2 + jitter);
    retry = std::min(retry * 2, last_retry);
  }
}

task<result<>> agent::follow() {
  gateway_name name = options_.self.name;
  std::string position = position_;
  // The first word of a start comes at once: until then strangers on the device are left alone. So
  // does the first after the store was away, which may have nothing new to say for long.
  const bool at_once = !spoken_ || !store_away_.empty();
  const steady_duration wait = at_once ? steady_duration::zero() : steady_duration(follow_wait);
  auto got = co_await with_.desired.follow(std::move(name), std::move(position), wait);
  if (!got) co_return std::unexpected(std::move(got.error()));
  if (got->of != epoch_) {
    if (!epoch_.id.empty()) {
      log::warning("the store has another epoch: it was restored", {{"epoch", got->of.id}});
      book_.restart();
      repairs_.clear();
      applied_ = {};
    }
    epoch_ = got->of;
    note_store();
  } else if (got->what.whole && got->what.as_of < book_.as_of()) {
    log::warning("the store went back behind what it had been; what it has now counts",
                 {{"revision", got->what.as_of.number}, {"before", book_.as_of().number}});
    book_.restart();
    repairs_.clear();
    applied_ = {};
  }
  std::vector<public_key> outdated;
  if (!got->what.whole) {
    for (const stored_assignment& each : got->what.peers)
      if (outdates(each.peer)) outdated.push_back(each.peer.public_key);
  }
  const std::size_t held = book_.held();
  std::vector<public_key> left_out;
  if (got->what.whole) left_out = book_.left_out_keys();
  const ledger::observation seen = book_.observe(got->what);
  if (book_.held() > held) {
    log::error("the store has suddenly lost many peers; they are kept until accept-removals",
               {{"gateway", options_.self.name.text()},
                {"lost", std::uint64_t{book_.held()}},
                {"peers", std::uint64_t{book_.peers()}}});
  }
  const bool moved = got->position != position_;
  position_ = std::move(got->position);
  contested_.insert(seen.contested.begin(), seen.contested.end());
  if (!seen.contested.empty()) settle_now_.notify();
  note_said(got->what, seen);
  note(left_out);  // a full listing may lack them
  // Those of a full listing are saved with everything else.
  (void)save_rows(outdated, {});
  if (moved) keep_now_.notify();
  // The device may have all of it already: a whole answer is compared before anything is written.
  if (got->what.whole || !spoken_) {
    behind_ = book_.as_of();
    compare_now_.notify();
  }
  if (!got->what.whole) {
    // All that it names: the bus may have brought it, and the device refused it.
    std::vector<public_key> keys = seen.write;
    keys.insert(keys.end(), got->what.keys.begin(), got->what.keys.end());
    repairs_.push_back({std::move(keys), got->what.as_of, true});
    mend_now_.notify();
  }
  if (!std::exchange(spoken_, true)) known_.notify();
  co_return result<>{};
}

/// The mirror has to know of these.
void agent::note(const std::vector<public_key>& changed) {
  if (with_.copy == nullptr || changed.empty()) return;
  unsaved_.insert(changed.begin(), changed.end());
  keep_now_.notify();
}

/// Of all that the store has said the mirror has to know, since its head moves past it: also that a
/// peer is gone which was not wanted here anyhow, and of a peer that is left out (by a wrong clock,
/// say), which the next start may want.
void agent::note_said(const assigned& said, const ledger::observation& seen) {
  note(seen.write);
  note(seen.renewed);
  if (with_.copy == nullptr) return;
  const auto wanted = [this](const public_key& key) {
    const ledger::entry* now = book_.find(key);
    return now != nullptr && now->wanted;
  };
  std::vector<public_key> others;
  for (const public_key& key : said.keys) {
    if (!wanted(key)) others.push_back(key);
  }
  for (const stored_assignment& each : said.peers) {
    const public_key& key = each.peer.public_key;
    if (wanted(key) || book_.why_left_out(key).empty()) continue;
    left_out_rows_.insert_or_assign(key, each);
    others.push_back(key);
  }
  note(others);
}

task<> agent::mend_loop() {
  for (;;) {
    while (repairs_.empty()) co_await mend_now_.wait();
    repair next = std::move(repairs_.front());
    repairs_.pop_front();
    const revision up_to = next.up_to;
    const auto mended = co_await mend(std::move(next.keys), next.tell);
    if (mended && !behind_) {
      applied_ = std::max(applied_, up_to);
    } else if (!mended) {
      behind_ = book_.as_of();
      compare_now_.notify();
    }
  }
}

/// Writes those that are not written yet, in helpings between which others have their turn. A
/// removal is done here when no packet passes any more.
task<result<>> agent::mend(std::vector<public_key> keys, bool tell) {
  std::vector<std::shared_ptr<job>> removals;
  for (std::size_t at = 0; at < keys.size(); at += keys_in_one_write) {
    std::vector<public_key> some, gone;
    for (std::size_t i = at; i < std::min(keys.size(), at + keys_in_one_write); ++i) {
      const ledger::entry* now = book_.find(keys[i]);
      if (now != nullptr && now->confirmed) continue;
      (now != nullptr && now->wanted ? some : gone).push_back(keys[i]);
    }
    if (!gone.empty()) removals.push_back(submit(std::move(gone), until::stripped));
    if (some.empty()) continue;
    std::vector<public_key> wrote = some;
    const auto done = co_await written(std::move(some));
    if (!done) co_return done;
    if (!tell) continue;
    untold_.insert(wrote.begin(), wrote.end());
    tell_now_.notify();
  }
  for (const auto& each : removals) {
    while (!each->ended) co_await each->done.wait();
    if (!each->outcome) co_return each->outcome;
  }
  co_return result<>{};
}

/// Says what became live by the store alone. Where the bus was only a little slower, whoever asked
/// for it says so itself.
task<> agent::tell_loop() {
  for (;;) {
    while (untold_.empty()) co_await tell_now_.wait();
    co_await with_.time.wait_until(with_.time.steady() + tell_after);
    for (const public_key& key : std::exchange(untold_, {})) {
      const ledger::entry* now = book_.find(key);
      if (now == nullptr || !now->wanted || !now->confirmed) continue;
      if (why_barred(now->network->first)) continue;
      const event live{event_kind::peer_live, now->live_at, options_.self.name, now->id(),
                       now->heard};
      with_.word.publish(live);
    }
  }
}

/// What the bus said and the store has not confirmed for long, and what two peers claim, is decided
/// by asking the store for just that.
task<> agent::settle_loop() {
  std::unordered_map<public_key, ledger::claim> before;
  steady_time next = with_.time.steady() + settle_every;
  for (;;) {
    co_await (with_.time.wait_until(next) || settle_now_.wait());
    std::vector<public_key> keys(contested_.begin(), contested_.end());
    contested_.clear();
    if (with_.time.steady() >= next) {
      next = with_.time.steady() + settle_every;
      for (const auto& [key, at] : book_.ahead()) {
        const auto seen = before.find(key);
        if (seen != before.end() && seen->second == at) keys.push_back(key);
      }
      before = book_.ahead();
      // Whose removal was missed is counted as left out until the store is asked.
      const auto overdue = book_.overdue(keys_in_one_question);
      keys.insert(keys.end(), overdue.begin(), overdue.end());
    }
    for (std::size_t at = 0; at < keys.size(); at += keys_in_one_question / 2) {
      const auto first = keys.begin() + static_cast<std::ptrdiff_t>(at);
      const auto count = std::min(keys_in_one_question / 2, keys.size() - at);
      std::vector<public_key> some(first, first + static_cast<std::ptrdiff_t>(count));
      const auto settled = co_await settle(some);
      // The store says it but once; while it is away, follow_loop says so.
      if (!settled) contested_.insert(some.begin(), some.end());
    }
    if (!contested_.empty()) {
      co_await with_.time.wait_until(with_.time.steady() + contested_again);
      settle_now_.notify();
    }
  }
}

/// Asks the store for the peers that are held: one answer alone may have lacked them, and what it
/// has now stays. Returns how many it lacks, which go. Where it can't be asked, they stay held.
task<std::size_t> agent::release_held() {
  std::size_t gone = 0;
  const std::vector<public_key> keys = book_.held_keys();
  for (std::size_t at = 0; at < keys.size(); at += keys_in_one_question) {
    const auto first = keys.begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = std::min(keys_in_one_question, keys.size() - at);
    std::vector<public_key> some(first, first + static_cast<std::ptrdiff_t>(count));
    gateway_name name = options_.self.name;
    const std::uint64_t since = book_.words();
    const auto asked = co_await with_.desired.assignments(std::move(name), std::move(some));
    if (!asked) break;
    ledger::observation seen = book_.settle(*asked, since);
    contested_.insert(seen.contested.begin(), seen.contested.end());
    note_said(*asked, seen);
    for (const public_key& key : seen.write) {
      const ledger::entry* now = book_.find(key);
      gone += now == nullptr || !now->wanted ? 1 : 0;
    }
    repairs_.push_back({std::move(seen.write), applied_, false});
    mend_now_.notify();
  }
  co_return gone;
}

/// Asks for the keys and whoever has their addresses; writes what differs. Those that are still
/// contested are asked again later.
task<result<>> agent::settle(std::vector<public_key> keys) {
  std::uint64_t since = book_.words();
  assigned said;
  for (int i = 0; i < 2; ++i) {
    gateway_name name = options_.self.name;
    std::vector<public_key> wanted = keys;
    since = book_.words();
    auto asked = co_await with_.desired.assignments(std::move(name), std::move(wanted));
    if (!asked) co_return std::unexpected(std::move(asked.error()));
    said = *std::move(asked);
    const std::size_t before = keys.size();
    for (const stored_assignment& each : said.peers) {
      for (const public_key& rival : book_.rivals(each.peer)) {
        if (std::ranges::find(keys, rival) == keys.end()) keys.push_back(rival);
      }
    }
    if (keys.size() > keys_in_one_question) keys.resize(keys_in_one_question);
    if (keys.size() == before) break;
  }
  ledger::observation seen = book_.settle(said, since);
  contested_.insert(seen.contested.begin(), seen.contested.end());
  note_said(said, seen);
  co_return co_await mend(std::move(seen.write), true);
}

}  // namespace peerage
