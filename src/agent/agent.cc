#include "agent/agent.h"

#include <algorithm>
#include <utility>

#include "log/log.h"
#include "plan/address.h"

namespace peerage {
namespace {

constexpr seconds beat_every{2};
// One status answers from one look at the device for so long: a look costs by the peer.
constexpr seconds look_lasts{1};
constexpr std::size_t most_waiting = 20'000;

bool by_key(const device_entry& a, const device_entry& b) {
  return a.peer.public_key < b.peer.public_key;
}

}  // namespace

agent::agent(asio::any_io_executor loop, agent_options options, store& desired, bus& word,
             clock& time, device& tunnel, link& interface, bring_up ready)
    : loop_(loop),
      options_(std::move(options)),
      store_(desired),
      bus_(word),
      clock_(time),
      device_(tunnel),
      link_(interface),
      bring_up_(std::move(ready)),
      work_(loop),
      compare_now_(loop),
      dumped_(loop),
      background_(loop) {}

task<result<>> agent::start() {
  if (auto ready = co_await bring_up_(); !ready) co_return ready;
  ready_ = true;
  auto id = co_await store_.identity();
  if (!id) co_return std::unexpected(id.error());
  epoch_ = *id;
  if (auto serving = bus_.serve(options_.name, *this); !serving) co_return serving;
  background_.spawn(write_loop());
  background_.spawn(compare_loop());
  background_.spawn(beat_loop());
  background_.spawn(watch_loop());
  co_return result<>{};
}

task<> agent::stop() {
  bus_.stop_serving(options_.name);
  co_await background_.stop();
}

task<apply_reply> agent::apply(apply_request request) {
  apply_reply reply;
  reply.request_id = request.request_id;
  const bool ours = request.epoch == epoch_;
  std::vector<hearing> heard;
  std::vector<public_key> keys;
  for (const peer_change& change : request.changes) {
    if (!ours) {
      hearing& refused = heard.emplace_back();
      refused.what = verdict::superseded;
      refused.reason = "the request is of another epoch of the store";
      continue;
    }
    heard.push_back(book_.hear(change, request.revision));
    for (const public_key& key : heard.back().write) keys.push_back(key);
    if (heard.back().what == verdict::taken) compare_now_.notify();
  }
  result<> written;
  if (!keys.empty()) {
    const auto mine = submit(std::move(keys));
    while (!mine->ended) co_await mine->done.wait();
    written = mine->outcome;
    reply.device_time = mine->device_time;
  }
  for (std::size_t i = 0; i < heard.size(); ++i) {
    reply.results.push_back(outcome_of(request.changes[i], heard[i], request.revision, written));
  }
  co_return reply;
}

change_result agent::outcome_of(const peer_change& change, const hearing& heard, revision at,
                                const result<>& written) const {
  const public_key& key = key_of(change);
  const bool put = std::holds_alternative<put_peer_change>(change);
  if (heard.what == verdict::superseded || heard.what == verdict::taken) {
    return {key, change_state::refused, heard.reason, {}};
  }
  if (heard.what == verdict::write && !written) {
    return {key, change_state::refused, written.error().message, {}};
  }
  if (!put) return {key, change_state::removed, {}, {}};
  const ledger::entry* now = book_.find(key);
  if (now == nullptr || !now->wanted || (heard.what == verdict::write && now->heard > at)) {
    return {key, change_state::refused, "a newer change came in between", {}};
  }
  return {key, change_state::live, {}, now->live_at};
}

std::shared_ptr<agent::job> agent::submit(std::vector<public_key> keys) {
  auto mine = std::make_shared<job>(loop_, std::move(keys));
  if (waiting_.size() >= most_waiting) {
    mine->outcome = fail(errc::full, "the gateway has more changes waiting than it can take");
    mine->ended = true;
    compare_now_.notify();
    return mine;
  }
  waiting_.push_back(mine);
  work_.notify();
  return mine;
}

task<status_reply> agent::status(status_request request) {
  status_reply reply;
  reply.peers = static_cast<std::uint32_t>(book_.peers());
  reply.device = device_.kind();
  if (request.want_seen && !request.public_keys.empty()) co_await refresh_look();
  for (const public_key& key : request.public_keys) {
    const ledger::entry* known = book_.find(key);
    peer_report report;
    report.public_key = key;
    report.live = known != nullptr && known->wanted && known->confirmed;
    if (request.want_seen && last_look_) {
      device_entry wanted;
      wanted.peer.public_key = key;
      const auto& entries = last_look_->entries;
      const auto at = std::lower_bound(entries.begin(), entries.end(), wanted, by_key);
      const bool there = at != entries.end() && at->peer.public_key == key;
      if (there) report.seen = at->status;
      // Somebody took it away behind our back.
      if (!there && report.live && known->touched <= last_look_->since) {
        report.live = false;
        compare_now_.notify();
      }
    }
    if (report.live) report.live_at = known->live_at;
    reply.reports.push_back(std::move(report));
  }
  co_return reply;
}

task<> agent::refresh_look() {
  // While a comparison dumps, the last look has to do.
  if (dumping_ || (last_look_ && clock_.steady() < last_look_->at + look_lasts)) co_return;
  look fresh;
  fresh.at = clock_.steady();
  fresh.since = book_.words();
  auto entries = co_await dump();
  if (!entries) co_return;
  fresh.entries = *std::move(entries);
  std::sort(fresh.entries.begin(), fresh.entries.end(), by_key);
  last_look_ = std::move(fresh);
}

/// The device is dumped by one at a time.
task<result<std::vector<device_entry>>> agent::dump() {
  while (dumping_) co_await dumped_.wait();
  // Whoever asked may give up while the device answers.
  struct leave {
    agent& mine;
    ~leave() {
      mine.dumping_ = false;
      mine.dumped_.notify();
    }
  } const leaving{*this};
  dumping_ = true;
  co_return co_await device_.dump();
}

/// A gateway without its device says nothing, so that nobody places peers there.
task<> agent::beat_loop() {
  for (;;) {
    if (ready_) {
      const auto peers = static_cast<std::uint32_t>(book_.peers());
      bus_.publish({options_.name, options_.region, peers, applied_});
    }
    co_await clock_.wait_until(clock_.steady() + beat_every);
  }
}

task<> agent::watch_loop() {
  for (;;) {
    if (ready_) {
      co_await device_.lost();
      log::warning("device lost", {{"interface", link_.name()}, {"device", device_.kind()}});
      ready_ = false;
      compare_now_.notify();
    }
    // The write loop brings it up again; until then there is nothing to watch.
    co_await clock_.wait_until(clock_.steady() + milliseconds{100});
  }
}

}  // namespace peerage
