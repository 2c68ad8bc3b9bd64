#include "agent/agent.h"

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <utility>

#include "base/counted.h"
#include "log/log.h"

namespace peerage {
namespace {

using namespace asio::experimental::awaitable_operators;

constexpr seconds beat_every{2};

}  // namespace

agent::agent(asio::any_io_executor loop, agent_options options, agent_parts parts)
    : loop_(loop),
      options_(std::move(options)),
      with_(std::move(parts)),
      answered_(loop),
      work_(loop),
      watch_now_(loop),
      compare_now_(loop),
      known_(loop),
      mend_now_(loop),
      tell_now_(loop),
      settle_now_(loop),
      keep_now_(loop),
      beat_now_(loop),
      remember_now_(loop),
      looked_(loop),
      background_(loop) {}

task<result<>> agent::start() {
  if (auto recalled = recall(); !recalled) {
    log::error("mirror can't be read; the store has it all", {{"error", recalled.error().message}});
  }
  recollect();
  if (options_.adopted) book_.hold_strangers();
  if (auto joined = co_await join(); !joined) {
    // Whatever the store answers: the mirror has the peers, and following it is tried for ever.
    const bool anothers = joined.error().code == errc::conflict;
    if (anothers || options_.self.number == 0) co_return joined;
    store_away_ = joined.error().message;
    log::warning("store is away; going on from the mirror", {{"error", store_away_}});
  }
  note_store();
  if (auto ready = co_await with_.bring_up(); !ready) co_return ready;
  ready_ = true;
  if (auto serving = with_.word.serve(options_.self.name, *this); !serving) co_return serving;
  background_.spawn(write_loop());
  background_.spawn(follow_loop());
  background_.spawn(compare_loop());
  background_.spawn(mend_loop());
  background_.spawn(tell_loop());
  background_.spawn(settle_loop());
  background_.spawn(keep_loop());
  background_.spawn(remember_loop());
  background_.spawn(expire_loop());
  background_.spawn(beat_loop());
  background_.spawn(watch_loop());
  background_.spawn(guard_loop());
  co_return result<>{};
}

task<> agent::stop() {
  with_.word.stop_serving(options_.self.name);
  stopping_ = true;
  co_await background_.stop();
  for (const auto& each : asked_) {
    if (!each->ended) end(*each, fail(errc::unavailable, "the gateway's daemon is stopping"));
  }
  while (!asked_.empty()) co_await answered_.wait();
  if (const auto kept = co_await keep(); !kept) {
    log::error("mirror can't be written", {{"error", kept.error().message}});
  }
  if (const auto saved = co_await save_sightings(); !saved) {
    log::error("sightings can't be written", {{"error", saved.error().message}});
  }
  gateway_name name = options_.self.name;
  if (joined_) co_await with_.desired.release(std::move(name));
}

agent::health agent::how() const {
  health now;
  now.settled = settled_;
  if (!store_away_.empty()) now.troubles.push_back("store: " + store_away_);
  if (!with_.word.connected()) now.troubles.emplace_back("bus: not connected");
  if (!device_trouble_.empty()) now.troubles.push_back("device: " + device_trouble_);
  if (!mirror_trouble_.empty()) now.troubles.push_back("mirror: " + mirror_trouble_);
  if (!sightings_trouble_.empty()) now.troubles.push_back("sightings: " + sightings_trouble_);
  now.troubles.insert(now.troubles.end(), host_troubles_.begin(), host_troubles_.end());
  add_barred(now.troubles);
  if (const std::size_t out = left_out(); out > 0) {
    now.troubles.push_back("left out: " + counted(out, "peer") +
                           " of the store, not live here; `reason` says why");
  }
  if (book_.held() > 0) now.troubles.push_back(held_peers());
  return now;
}

std::string agent::held_peers() const {
  const std::string count = counted(book_.held(), "peer");
  const std::string accept = "`peerage gateways accept-removals " + options_.self.name.text() + "`";
  if (options_.adopted) {
    return "removals held: interface " + with_.link.name() + " was adopted with " + count +
           " that the store has not (`wg show " + with_.link.name() +
           "`); make each of them anew (`peerage create NAME --public-key KEY`), and " + accept +
           " removes the others";
  }
  return "removals held: the store suddenly lacks " + count + " that this gateway has (`wg show " +
         with_.link.name() + "` has them, `peerage list` has not); " + accept + " lets them go";
}

task<apply_reply> agent::apply(apply_request request) {
  apply_reply reply;
  reply.request_id = request.request_id;
  const std::string untimely_because = untimely(request);
  std::vector<hearing> heard;
  std::vector<public_key> keys;
  std::unordered_set<public_key> outdated;
  for (const peer_change& change : request.changes) {
    if (!untimely_because.empty()) {
      heard.push_back({verdict::superseded, untimely_because, {}});
      continue;
    }
    untold_.erase(key_of(change));
    const auto* put = std::get_if<put_peer_change>(&change);
    if (put != nullptr && outdates(put->peer)) outdated.insert(key_of(change));
    heard.push_back(book_.hear(change, request.revision));
    if (heard.back().what == verdict::taken) {
      co_await resolve(change, request.revision, heard.back());
    }
    note(heard.back().write);
    // A renewal changes nothing on the device.
    if (heard.back().what == verdict::done) note({key_of(change)});
    for (const public_key& key : heard.back().write) keys.push_back(key);
  }
  result<> written;
  if (!keys.empty()) {
    const auto mine = submit(std::move(keys));
    co_await await(mine);
    written = mine->outcome;
    reply.device_time = mine->device_time;
  }
  for (std::size_t i = 0; i < heard.size(); ++i) {
    reply.results.push_back(outcome_of(request.changes[i], heard[i], written));
  }
  save_confirmed(reply.results, outdated);
  co_return reply;
}

/// Until it is written, or this agent stops.
task<> agent::await(std::shared_ptr<job> mine) {
  struct listed {
    agent& of;
    const std::shared_ptr<job>& mine;
    ~listed() {
      of.asked_.erase(mine);
      of.answered_.notify();
    }
  } const until_then{*this, mine};
  asked_.insert(mine);
  while (!mine->ended) co_await mine->done.wait();
}

/// Why its words can't be held against what is known; empty: they can. An earlier start may have
/// known more than its mirror has, so what was stored before this one is left to the store.
std::string agent::untimely(const apply_request& request) const {
  if (epoch_.id.empty()) return "the gateway has not heard from its store yet";
  if (request.epoch != epoch_) return "the request is of another epoch of the store";
  const bool newer = joined_ && request.revision > joined_at_;
  if (!spoken_ && !newer) return "the gateway has started since, and waits for its store's word";
  return {};
}

/// Two peers claim one address: the store says whose it is.
task<> agent::resolve(peer_change change, revision at, hearing& heard) {
  const auto* put = std::get_if<put_peer_change>(&change);
  std::vector<public_key> rivals = book_.rivals(put->peer);
  auto settled = co_await settle(std::move(rivals));
  if (settled) heard = book_.hear(change, at);
}

change_result agent::outcome_of(const peer_change& change, const hearing& heard,
                                const result<>& written) const {
  const public_key& key = key_of(change);
  const auto* put = std::get_if<put_peer_change>(&change);
  if (heard.what == verdict::superseded || heard.what == verdict::taken) {
    return {key, change_state::refused, heard.reason, {}};
  }
  if (heard.what == verdict::write && !written) {
    return {key, change_state::refused, written.error().message, {}};
  }
  const ledger::entry* now = book_.find(key);
  // One that was created again since is gone as far as this word goes; removed again, it is gone
  // when the device says so.
  const bool so = put == nullptr ? now == nullptr || now->wanted || now->confirmed
                                 : now != nullptr && now->confirmed && now->is(put->peer);
  if (!so) return {key, change_state::refused, "a newer change came in between", {}};
  if (put == nullptr) return {key, change_state::removed, {}, {}};
  if (const auto* why = why_barred(put->peer.id.network)) {
    return {key, change_state::refused, *why, {}};
  }
  return {key, change_state::live, {}, now->live_at};
}

task<accept_removals_reply> agent::accept_removals(accept_removals_request) {
  accept_removals_reply reply;
  const std::size_t gone = co_await release_held();
  reply.released = static_cast<std::uint32_t>(gone + book_.held());
  std::vector<public_key> keys = book_.accept_removals();
  note(keys);
  log::warning("removals accepted",
               {{"gateway", options_.self.name.text()}, {"peers", std::uint64_t{reply.released}}});
  repairs_.push_back({std::move(keys), applied_, false});
  mend_now_.notify();
  compare_now_.notify();
  beat_now_.notify();
  co_return reply;
}

task<status_reply> agent::status(status_request request) {
  status_reply reply;
  reply.peers = static_cast<std::uint32_t>(book_.peers());
  reply.device = with_.device.kind();
  reply.remembers_since = remembers_since_;
  if (!epoch_.id.empty()) reply.epoch = epoch_;
  if (request.want_seen && !request.public_keys.empty()) co_await look_for_status();
  for (const public_key& key : request.public_keys) {
    const ledger::entry* known = book_.find(key);
    peer_report report;
    report.public_key = key;
    report.reason = book_.why_left_out(key);
    if (known != nullptr && known->wanted) {
      const std::string* barred = why_barred(known->network->first);
      if (barred != nullptr) report.reason = *barred;
      report.live = known->confirmed && barred == nullptr;
      report.revision = known->heard;
      if (report.live) report.live_at = known->live_at;
      if (request.want_seen) report.seen = known->seen();
    }
    reply.reports.push_back(std::move(report));
  }
  co_return reply;
}

task<> agent::look_for_status() {
  // While a comparison looks, the last look has to do.
  if (looking_ || looked_lately() || !ready_) co_return;
  auto differing = co_await look();
  if (!differing || differing->empty()) co_return;
  repairs_.push_back({*std::move(differing), applied_, false});
  mend_now_.notify();
}

/// A gateway without its device says nothing, so that nobody places peers there.
task<> agent::beat_loop() {
  for (;;) {
    if (ready_) {
      heartbeat beat{options_.self.name, options_.self.region,
                     static_cast<std::uint32_t>(book_.peers()), applied_};
      beat.at = with_.time.now();
      beat.left_out = static_cast<std::uint32_t>(left_out());
      for (const std::string& each : how().troubles)
        beat.trouble += (beat.trouble.empty() ? "" : "; ") + each;
      with_.word.publish(beat);
    }
    beat_now_.clear();
    co_await (with_.time.wait_until(with_.time.steady() + beat_every) || beat_now_.wait());
  }
}

task<> agent::watch_loop() {
  for (;;) {
    // The write loop brings it up again; until then there is nothing to watch.
    while (!ready_) co_await watch_now_.wait();
    co_await with_.device.lost();
    log::warning("device lost",
                 {{"interface", with_.link.name()}, {"device", with_.device.kind()}});
    device_lost();
  }
}

}  // namespace peerage
