// Removals. A kernel may wait for milliseconds over each peer that it drops, with everyone who
// wants to change the device waiting behind it. So they come after everything else: first the
// allowed IPs go, many at once, which stops the packets; then the peers, a few at a time.
#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "agent/agent.h"
#include "log/log.h"

namespace peerage {
namespace {

using namespace asio::experimental::awaitable_operators;

constexpr std::size_t most_strips = 128;
constexpr std::size_t fewest_strips = 4;
// A creation that comes in between waits for no more than these, and most of the time is left to
// its other steps: a device may answer without giving the loop away.
constexpr std::chrono::microseconds strips_may_take{250};
constexpr int rest_after_strips = 3;
constexpr std::size_t drops_in_one = 2;
constexpr milliseconds shortest_pause{1};
constexpr milliseconds expire_every{250};
// Thousands may expire at once, and others have their turn in between.
constexpr std::size_t expired_in_one = 32;

}  // namespace

bool agent::all_unwanted(const std::vector<public_key>& keys) const {
  return !keys.empty() && std::ranges::none_of(keys, [this](const public_key& key) {
    const ledger::entry* now = book_.find(key);
    return now != nullptr && now->wanted;
  });
}

bool agent::removing() const {
  return !departing_.empty() || !awaited_.empty() || !unawaited_.empty();
}

task<> agent::remove_some() {
  if (departing_.empty()) {
    co_await drop_some();
    co_return;
  }
  const auto& next = *departing_.front();
  const bool alone = departing_.size() == 1 && awaited_.empty() && next.stripped == 0;
  if (!alone || next.when != until::gone || next.keys.size() > drops_in_one) {
    co_await strip_some();
    co_return;
  }
  // One removal by itself is one message.
  const std::shared_ptr<job> mine = std::move(departing_.front());
  departing_.pop_front();
  for (const public_key& key : mine->keys) {
    leaving_.insert(key);
    awaited_.push_back({key, mine});
  }
  mine->to_drop = mine->keys.size();
  co_await drop_some();
}

task<> agent::strip_some() {
  std::vector<device_change> changes;
  std::vector<public_key> keys;
  std::vector<std::shared_ptr<job>> whose;
  for (const auto& each : departing_) {
    for (; each->stripped < each->keys.size() && changes.size() < strips_; ++each->stripped) {
      const public_key& key = each->keys[each->stripped];
      const ledger::entry* now = book_.find(key);
      // It came back, or is gone already.
      if (now != nullptr && (now->wanted || now->confirmed)) continue;
      if (leaving_.insert(key).second) {
        changes.emplace_back(strip_peer{key});
        keys.push_back(key);
      } else if (each->when == until::stripped) {
        continue;
      }
      const bool awaited = each->when == until::gone;
      (awaited ? awaited_ : unawaited_).push_back({key, awaited ? each : nullptr});
      each->to_drop += awaited ? 1 : 0;
    }
    whose.push_back(each);
    if (changes.size() == strips_) break;
  }
  result<> done;
  steady_duration took{};
  if (!changes.empty()) {
    const steady_time begun = with_.time.steady();
    book_.begin_write(keys);
    done = co_await with_.device.apply(std::move(changes));
    book_.end_write();
    took = with_.time.steady() - begun;
    if (took > strips_may_take) strips_ = std::max(strips_ / 2, fewest_strips);
    if (took < strips_may_take / 2) strips_ = std::min(strips_ * 2, most_strips);
  }
  if (!done) {
    device_failed(keys, done.error());
    for (const public_key& key : keys) leaving_.erase(key);
  }
  for (const auto& each : whose) {
    if (done && each->stripped < each->keys.size()) continue;
    if (!done || each->when == until::stripped || each->to_drop == 0) end(*each, done);
    std::erase(departing_, each);
  }
  if (!departing_.empty()) co_await rest(took * rest_after_strips);
}

/// Others have the loop for so long, or until there is something to write ahead of removals.
task<> agent::rest(steady_duration how_long) {
  if (!waiting_.empty()) co_return;
  co_await (work_.wait() || with_.time.wait_until(with_.time.steady() + how_long));
}

task<> agent::drop_some() {
  auto& queue = awaited_.empty() ? unawaited_ : awaited_;
  std::vector<departure> some;
  std::vector<device_change> changes;
  std::vector<public_key> keys;
  while (!queue.empty() && changes.size() < drops_in_one) {
    departure next = std::move(queue.front());
    queue.pop_front();
    const ledger::entry* now = book_.find(next.key);
    // Where it is not among the leaving any more, it came back, or has been dropped.
    const bool still = leaving_.contains(next.key) && (now == nullptr || !now->wanted);
    if (still) {
      changes.emplace_back(drop_peer{next.key});
      keys.push_back(next.key);
    } else {
      leaving_.erase(next.key);
    }
    if (still || next.whose) some.push_back(std::move(next));
  }
  if (some.empty()) co_return;
  const steady_time begun = with_.time.steady();
  const std::uint64_t since = book_.words();
  result<> done;
  if (!changes.empty()) {
    book_.begin_write(keys);
    done = co_await with_.device.apply(std::move(changes));
    book_.end_write();
  }
  const steady_duration took = with_.time.steady() - begun;
  if (!done) device_failed(keys, done.error());
  // One that came back meanwhile has still to be written.
  if (done) acknowledged(keys, since);
  for (const public_key& key : keys) leaving_.erase(key);
  for (const departure& each : some) {
    if (!each.whose || each.whose->ended) continue;
    each.whose->device_time += took;
    if (--each.whose->to_drop == 0 || !done) end(*each.whose, done);
  }
  if (!departing_.empty() || !awaited_.empty() || unawaited_.empty()) co_return;
  // Nobody waits for what is left: others, outside this process too, have their turn.
  co_await rest(std::max<steady_duration>(took, shortest_pause));
}

/// Without a device nothing can be removed; what it has when it is back is found by a comparison.
void agent::forget_removals(const error& why) {
  const auto failed = [&](const std::shared_ptr<job>& one) {
    if (one && !one->ended) end(*one, std::unexpected(why));
  };
  for (const auto& each : departing_) failed(each);
  for (const departure& each : awaited_) failed(each.whose);
  departing_.clear();
  awaited_.clear();
  unawaited_.clear();
  leaving_.clear();
}

/// A peer's time ends here, whether or not the store can be reached, or has removed it yet.
task<> agent::expire_loop() {
  for (;;) {
    const wall_time now = time_.at(with_.time.now(), with_.time.steady());
    std::vector<public_key> keys;
    for (auto some = book_.expire(now, expired_in_one); !some.empty();
         some = book_.expire(now, expired_in_one)) {
      note(some);
      keys.insert(keys.end(), some.begin(), some.end());
      co_await asio::post(loop_, asio::use_awaitable);
    }
    if (time_.went_back()) {
      log::warning("the clock went back; peers that may have expired too early are read again");
      const std::vector<public_key> again = book_.over();
      contested_.insert(again.begin(), again.end());
      if (!again.empty()) settle_now_.notify();
    }
    if (!keys.empty()) {
      log::info("peers expired", {{"peers", std::uint64_t{keys.size()}}});
      // All at once: none is dropped before every one of them is stripped.
      (void)put_in(departing_, std::move(keys), until::stripped);
    }
    co_await with_.time.wait_until(with_.time.steady() + expire_every);
  }
}

}  // namespace peerage
