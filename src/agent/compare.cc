// The slow path that makes it right: the device held against what is wanted of it.
#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <utility>

#include "agent/agent.h"
#include "log/log.h"

namespace peerage {
namespace {

using namespace asio::experimental::awaitable_operators;

constexpr milliseconds shortest_pause{100};
constexpr seconds look_lasts{1};

}  // namespace

task<> agent::compare_loop() {
  // Before the store or the mirror has spoken there is nothing to compare with.
  while (!spoken_ && kept_.position.empty()) co_await known_.wait();
  milliseconds retry{shortest_pause};
  for (;;) {
    const steady_time begun = with_.time.steady();
    compare_now_.clear();  // whatever it was for, this one sees to it
    auto compared = co_await compare();
    const auto took = with_.time.steady() - begun;
    if (compared) {
      retry = shortest_pause;
      if (!settled_) {
        log::info("gateway settled", {{"peers", std::uint64_t{book_.peers()}},
                                      {"revision", applied_.number},
                                      {"from", spoken_ ? "store" : "mirror"}});
        if (!how().troubles.empty()) beat_now_.notify();  // until now nobody could say
      }
      settled_ = true;
      if (spoken_) book_.forget_remembered();
      if (spoken_) note_epoch();
      device_trouble_.clear();
      // A comparison costs by the peer, so a large gateway makes fewer.
      const auto pause = std::max<steady_duration>(options_.reconcile, 20 * took);
      co_await (with_.time.wait_until(with_.time.steady() + pause) || compare_now_.wait());
      co_await with_.time.wait_until(begun + shortest_pause);
    } else {
      device_trouble_ = compared.error().message;
      log::warning("comparison failed, and is tried again",
                   {{"error", compared.error().message}, {"in_ms", std::uint64_t(retry.count())}});
      co_await with_.time.wait_until(with_.time.steady() + retry);
      retry = std::min<milliseconds>(retry * 2, options_.reconcile);
    }
  }
}

void agent::note_epoch() {
  if (book_.restored() || device_epoch_ == epoch_) return;
  with_.keep_epoch(epoch_);
  device_epoch_ = epoch_;
}

/// Called before the device gets peers of this store, so that the next start can tell which store
/// filled it.
void agent::note_store() {
  if (epoch_.id.empty()) return;
  const auto noted = with_.link.note_store(epoch_.id);
  if (noted) return;
  log::warning("the interface's mark can't name the store", {{"error", noted.error().message}});
}

task<result<>> agent::compare() {
  if (!ready_) {
    std::vector<public_key> none;
    auto ready = co_await written(std::move(none));
    if (!ready) co_return ready;
  }
  look_at_link();
  look_at_host();
  const revision as_of = book_.as_of();
  const std::uint64_t failures = failures_;
  while (looking_) co_await looked_.wait();
  auto keys = co_await look();
  if (!keys) co_return std::unexpected(std::move(keys.error()));
  auto mended = co_await mend(*std::move(keys), false);
  if (!mended) co_return mended;
  // What was being written while it looked has ended then, well or not.
  std::vector<public_key> nothing_more;
  if (auto ended = co_await written(std::move(nothing_more)); !ended) co_return ended;
  // Exactly what is needed now: the networks that went are taken off the interface.
  if (auto arranged = arrange_networks(true); !arranged) co_return arranged;
  // What failed since the look began may be missing.
  if (failures != failures_) co_return result<>{};
  // And so may what an older mirror says, where a stranger has its address.
  if (!spoken_ && !book_.unconfirmed().empty()) co_return result<>{};
  if (behind_ && *behind_ <= as_of) behind_.reset();
  applied_ = std::max(applied_, as_of);
  co_return result<>{};
}

/// Where it is gone altogether, watch_loop() hears of it.
void agent::look_at_link() {
  const auto now = with_.link.state();
  if (now && now->exists && !now->up) say_altered("it was set down");
}

void agent::look_at_host() {
  auto now = with_.host_troubles();
  for (const std::string& each : now) {
    if (std::ranges::find(host_troubles_, each) == host_troubles_.end()) {
      log::warning("something of this host stands in its peers' way", {{"what", each}});
    }
  }
  host_troubles_ = std::move(now);
}

/// Looks at the device: what differs from what is wanted. One at a time.
task<result<std::vector<public_key>>> agent::look() {
  // Whoever asked may give up while the device answers.
  struct leave {
    agent& mine;
    ~leave() {
      mine.looking_ = false;
      mine.looked_.notify();
    }
  } const leaving{*this};
  struct eyes final : dump_taker {
    explicit eyes(agent& whose) : mine(whose) {}
    void begin() override { mine.book_.begin_comparison(mine.with_.time.now()); }
    void altered() override { mine.say_altered("its private key or UDP port"); }
    void take(const device_entry& entry) override { mine.book_.compare(entry); }
    agent& mine;
  } into(*this);
  looking_ = true;
  const steady_time begun = with_.time.steady();
  const std::uint64_t losses = losses_;
  auto dumped = co_await with_.device.dump(into);
  // What it saw may be of the life before.
  if (dumped && losses != losses_) dumped = fail(errc::unavailable, "the device went away");
  looked_at_ = with_.time.steady();
  look_took_ = looked_at_ - begun;
  if (!dumped) {
    if (dumped.error().code == errc::unavailable) device_lost();
    co_return std::unexpected(dumped.error());
  }
  remember_now_.notify();
  const std::size_t held = book_.held();
  std::vector<public_key> keys =
      book_.end_comparison(spoken_ ? ledger::strangers::remove : ledger::strangers::leave);
  if (book_.held() > held) {
    log::error("the device has peers that the store has not; they stay until accept-removals",
               {{"gateway", options_.self.name.text()}, {"peers", std::uint64_t{book_.held()}}});
  }
  if (!keys.empty()) {
    log::info("device differs from what is wanted",
              {{"interface", with_.link.name()}, {"keys", std::uint64_t{keys.size()}}});
  }
  co_return keys;
}

/// A look costs by the peer, so on a large gateway one has to do for longer.
bool agent::looked_lately() const {
  const auto lasts = std::max<steady_duration>(look_lasts, 5 * look_took_);
  return looked_at_ != steady_time{} && with_.time.steady() < looked_at_ + lasts;
}

}  // namespace peerage
