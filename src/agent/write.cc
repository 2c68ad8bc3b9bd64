// The one writer to the device.
#include <unordered_set>
#include <utility>

#include "agent/agent.h"
#include "log/log.h"

namespace peerage {
namespace {

constexpr std::size_t most_keys_in_one = 512;
constexpr std::size_t most_waiting = 20'000;

}  // namespace

std::shared_ptr<agent::job> agent::submit(std::vector<public_key> keys, until when) {
  auto& line = all_unwanted(keys) ? departing_ : waiting_;
  return put_in(line, std::move(keys), when);
}

std::shared_ptr<agent::job> agent::put_in(std::deque<std::shared_ptr<job>>& line,
                                          std::vector<public_key> keys, until when) {
  auto mine = std::make_shared<job>(loop_, std::move(keys), when);
  if (stopping_) {
    end(*mine, fail(errc::unavailable, "the gateway's daemon is stopping"));
    return mine;
  }
  if (waiting_.size() + departing_.size() >= most_waiting) {
    compare_now_.notify();
    end(*mine, fail(errc::full, "the gateway has more changes waiting than it can take"));
    return mine;
  }
  line.push_back(mine);
  work_.notify();
  return mine;
}

void agent::end(job& one, result<> how) {
  one.outcome = std::move(how);
  one.ended = true;
  one.done.notify();
}

task<result<>> agent::written(std::vector<public_key> keys, until when) {
  const auto mine = submit(std::move(keys), when);
  while (!mine->ended) co_await mine->done.wait();
  co_return mine->outcome;
}

task<> agent::write_loop() {
  for (;;) {
    while (waiting_.empty() && !removing() && !altered_) co_await work_.wait();
    if (!ready_) co_await make_ready();
    if (altered_) co_await put_right();
    if (!waiting_.empty()) {
      auto batch = take_batch();
      co_await write_batch(std::move(batch));
    } else if (removing()) {
      co_await remove_some();
    }
  }
}

/// One attempt to have a device; where it fails, whoever waits is told so.
task<> agent::make_ready() {
  altered_ = false;
  auto ready = co_await with_.bring_up();
  if (ready) {
    ready_ = true;
    watch_now_.notify();
    arranged_ = {};
    arranged_at_.reset();
    book_.doubt_all();
    applied_ = {};
    behind_ = book_.as_of();
    compare_now_.notify();
    log::info("device ready", {{"interface", with_.link.name()}, {"device", with_.device.kind()}});
    co_return;
  }
  device_trouble_ = ready.error().message;
  forget_removals({errc::unavailable, "the gateway's device is away: " + device_trouble_, {}});
  log::error("device can't be brought up",
             {{"interface", with_.link.name()}, {"error", ready.error().message}});
}

void agent::say_altered(std::string_view what) {
  log::warning("device was changed by somebody else, and is put right",
               {{"interface", with_.link.name()}, {"changed", what}});
  altered_ = true;
  work_.notify();
}

/// Its peers are still there.
task<> agent::put_right() {
  altered_ = false;
  const auto ready = co_await with_.bring_up();
  arranged_at_.reset();  // an interface that was down has lost its routes
  if (ready) {
    if (const auto arranged = arrange_networks(true); !arranged) compare_now_.notify();
    co_return;
  }
  device_trouble_ = ready.error().message;
  log::error("device can't be put right",
             {{"interface", with_.link.name()}, {"error", device_trouble_}});
  if (ready.error().code == errc::unavailable) device_lost();
}

/// Until it is back nothing is known to be on it.
void agent::device_lost() {
  ready_ = false;
  ++losses_;
  book_.doubt_all();
  ++failures_;
  compare_now_.notify();
}

std::vector<std::shared_ptr<agent::job>> agent::take_batch() {
  std::vector<std::shared_ptr<job>> batch;
  std::size_t keys = 0;
  while (!waiting_.empty()) {
    keys += waiting_.front()->keys.size();
    if (!batch.empty() && keys > most_keys_in_one) break;
    batch.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  return batch;
}

task<> agent::write_batch(std::vector<std::shared_ptr<job>> batch) {
  const steady_time begun = with_.time.steady();
  auto written = co_await write(batch);
  if (!written && batch.size() > 1 && ready_) {
    // One that the device refuses must not fail the others.
    for (auto& each : batch) {
      std::vector<std::shared_ptr<job>> alone{each};
      co_await write_batch(std::move(alone));
    }
    co_return;
  }
  const auto took = with_.time.steady() - begun;
  for (auto& each : batch) {
    each->device_time = took;
    end(*each, written);
  }
}

/// A device that lost a peer lost its session, and the peer would notice that after 15 s: the
/// gateway begins anew. Beyond the pace they come back by themselves.
device_change agent::wanted_change(const public_key& key) {
  const steady_time now = with_.time.steady();
  if (call_backs_.may({}, now)) {
    if (auto back = book_.call_back(key, with_.time.now())) {
      call_backs_.note({}, now);
      return *std::move(back);
    }
  }
  return book_.wanted_change(key);
}

task<result<>> agent::write(const std::vector<std::shared_ptr<job>>& batch) {
  if (!ready_)
    co_return fail(errc::unavailable, "the gateway's device is away: " + device_trouble_);
  std::vector<public_key> keys;
  std::vector<device_change> removals, others;
  std::unordered_set<public_key> seen;
  for (const auto& each : batch) {
    for (const public_key& key : each->keys) {
      // The same word may have come by both ways, and the first has been written.
      const ledger::entry* now = book_.find(key);
      if (!seen.insert(key).second || (now != nullptr && now->confirmed)) continue;
      keys.push_back(key);
      device_change change = wanted_change(key);
      leaving_.erase(key);
      auto& list = std::holds_alternative<drop_peer>(change) ? removals : others;
      list.push_back(std::move(change));
    }
  }
  if (keys.empty()) co_return result<>{};
  // Removals first: they free addresses that others in the same batch have got.
  removals.insert(removals.end(), std::make_move_iterator(others.begin()),
                  std::make_move_iterator(others.end()));
  const std::uint64_t since = book_.words(), losses = losses_;
  auto written = arrange_networks(false);
  if (written) {
    book_.begin_write(keys);
    written = co_await with_.device.apply(std::move(removals));
    book_.end_write();
  }
  if (written && losses != losses_) written = fail(errc::unavailable, "the device went away");
  if (written) {
    acknowledged(keys, since);
    co_return written;
  }
  // One of many is tried alone next, and then says what was wrong.
  if (batch.size() > 1 && written.error().code != errc::unavailable) {
    for (const public_key& key : keys) book_.doubt(key);
  } else {
    device_failed(keys, written.error());
  }
  co_return written;
}

/// The device has these as they were when words() was `since`. A word that came meanwhile may be in
/// nobody's hands: a comparison passes over what is being written.
void agent::acknowledged(const std::vector<public_key>& keys, std::uint64_t since) {
  std::vector<public_key> left;
  for (const public_key& key : keys) {
    book_.confirm(key, since, with_.time.now());
    const ledger::entry* now = book_.find(key);
    if (now != nullptr && !now->confirmed) left.push_back(key);
  }
  if (left.empty()) return;
  repairs_.push_back({std::move(left), applied_, false});
  mend_now_.notify();
}

void agent::device_failed(const std::vector<public_key>& keys, const error& why) {
  for (const public_key& key : keys) book_.doubt(key);
  ++failures_;
  behind_ = book_.as_of();
  device_trouble_ = why.message;
  if (why.code == errc::unavailable) device_lost();
  log::error("device refused changes", {{"interface", with_.link.name()},
                                        {"keys", std::uint64_t{keys.size()}},
                                        {"error", why.message}});
  compare_now_.notify();
}

}  // namespace peerage
