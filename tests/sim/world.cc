#include "tests/sim/world.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <exception>
#include <utility>

namespace peerage::sim {
namespace {

// Once faults have stopped, everything is to be right within so much simulated time.
// A comparison rests for 20 times what it took, and here one may take most of a minute.
constexpr seconds settle_within{1'200};
constexpr seconds stays_equal{3};
constexpr seconds operator_comes_after{100};
constexpr int most_rounds = 200;
constexpr int most_tries = 6;

/// What became of a peer, for the trace.
std::string text_of(const peer_changed& change) {
  const peer& one = change.after ? change.after->value : change.before->value;
  std::string text = change.after ? " stores " : " removes ";
  text += name_of_peer(one.id) + " with key " + short_text(one.public_key) + " on " +
          one.gateway.text() + " at " + std::to_string(change.at.number);
  return one.expires_at ? text + " until " + to_rfc3339(*one.expires_at) : text;
}

}  // namespace

world::world(const script& what, bool tracing)
    : what_(what), tracing_(tracing), chance_(what.seed) {
  store_.on_change = [this](const std::string& who, const std::vector<peer_changed>& peers) {
    for (const auto& each : peers)
      if (!who.empty()) note(who + text_of(each));
    who.empty() ? model_.preloaded(peers) : model_.committed_by(who, peers);
  };
  store_.cut_off = [this](const std::string& process) { return store_lost(process); };
  store_.may_lie = [this](const std::string& gateway) { return old_to(gateway); };
  store_.tracing = tracing;
  bus_.on_applied = [this](const gateway_name& by, const apply_request& asked,
                           const apply_reply& reply, const status_reply& has) {
    model_.said(by, asked, reply, has);
    spoke_last_ = by;
  };
  bus_.on_status = [this](const gateway_name& by, const status_reply& reply) {
    model_.said(by, reply);
  };
  bus_.on_beat = [this](const heartbeat& beat) { model_.said(beat); };
  calls_.orphaned = [this](const std::shared_ptr<open_call>& one) {
    late_.push_back({one->process, one->text, std::move(one->act), time_.steady + seconds{10}});
  };
  choose_world();
  make_hosts();
  furnish();
}

world::~world() {
  calls_.orphaned = nullptr;
  for (auto& [name, each] : gateways_) each.now.reset();
  for (auto& each : apis_) each.now.reset();
}

void world::note(const std::string& text) {
  if (tracing_) out_.trace += "  " + text + "\n";
}

outcome world::run() {
  for (auto& each : apis_) start_api(each);
  for (auto& [name, each] : gateways_)
    if (each.wanted) start_gateway(name);
  let_all_run(true);
  for (std::size_t number = 1; number <= what_.steps && !model_.broken(); ++number) {
    if (!what_.without.contains(number)) step(number);
  }
  if (!model_.broken()) settle_down();
  out_.broken = model_.broken();
  return std::move(out_);
}

/// A kind of step that this seed knows, by weight.
const world::kind& world::draw() {
  unsigned total = 0;
  for (const auto& [name, weight] : weights_) total += weight;
  std::size_t at = chance_.below(total);
  for (const kind& each : kinds()) {
    const unsigned weight = weights_.at(each.name);
    if (at < weight) return each;
    at -= weight;
  }
  return kinds().front();
}

void world::step(std::size_t number) {
  chance_ = dice(what_.seed, number);
  model_.step = number;
  // Where there is nothing of the kind, another may happen.
  for (int tries = 0; tries < most_tries; ++tries) {
    const kind& chosen = draw();
    if (what_.never.contains(chosen.name)) return;
    const std::string title =
        std::to_string(number) + " " + chosen.name + " at " + to_rfc3339(time_.wall);
    const std::size_t before = out_.trace.size();
    if (tracing_) out_.trace += title + "\n";
    if ((this->*chosen.make)()) break;
    out_.trace.resize(before);
  }
  ++out_.steps;
  let_all_run(false);
  model_.check();
  if (tracing_ && model_.broken()) {
    out_.trace += "! " + model_.broken()->invariant + ": " + model_.broken()->what + "\n";
  }
}

/// Every process runs what is ready, in an order that the seed decides, until nothing is.
void world::let_all_run(bool all) {
  for (int round = 0; round < most_rounds; ++round) {
    std::vector<process*> ready;
    for (auto& each : apis_)
      if (each.now) ready.push_back(each.now.get());
    for (auto& [name, each] : gateways_)
      if (each.now) ready.push_back(each.now.get());
    bool ran = false;
    while (!ready.empty()) {
      const std::size_t at = chance_.below(ready.size());
      ran = ready[at]->run(all ? 0 : busy_) || ran;
      ready.erase(ready.begin() + static_cast<std::ptrdiff_t>(at));
    }
    reap();
    if (busy_ != 0 && !all) break;  // the rest is for the next step
    if (!ran) break;
  }
  busy_ = 0;
}

void world::reap() {
  for (auto& each : apis_)
    if (each.now && each.now->state == life::dead) kill(each.now);
  for (auto& [name, each] : gateways_) {
    if (each.now && each.now->state == life::dead) kill(each.now);
  }
}

void world::pass(steady_duration by) {
  time_.steady += by;
  time_.wall += std::chrono::duration_cast<milliseconds>(by);
  for (auto& each : apis_)
    if (each.now) each.now->time.wake();
  for (auto& [name, each] : gateways_)
    if (each.now) each.now->time.wake();
  for (const auto& each : calls_.all) {
    if (each->over || !each->until || *each->until > time_.steady) continue;
    note(each->process + ": " + each->text + " takes too long");
    each->fail_with({each->writing ? errc::outcome_unknown : errc::unavailable,
                     "Consul did not answer in time",
                     {}});
  }
}

void world::end_call(const std::shared_ptr<open_call>& one) {
  note(one->process + ": " + one->text + " is answered");
  while (!one->done) one->done = one->act(chance_);
  one->end();
}

/// All that is under way arrives, in order.
void world::finish_calls() {
  for (int round = 0; round < most_rounds; ++round) {
    bool any = false;
    // Nothing runs meanwhile, so the list stays; none is held beyond its process.
    for (const auto& each : calls_.all) {
      if (each->over || (each->ready && !each->ready())) continue;
      end_call(each);
      any = true;
    }
    for (auto& each : std::exchange(bus_.under_way, {})) {
      note(each.text + " arrives");
      each.deliver();
      any = true;
    }
    let_all_run(true);
    if (!any) break;
  }
}

/// Faults stop: within bounded simulated time every device is as the store has it, and stays so.
/// What an operator does about peers that a restored store has not.
void world::accept_removals() {
  for (auto& [name, each] : gateways_) {
    if (!each.now || each.now->state != life::up) continue;
    const auto troubles = each.now->mind->how().troubles;
    const bool holds = std::ranges::any_of(
        troubles, [](const auto& text) { return text.starts_with("removals held"); });
    if (!holds) continue;
    note("the removals that " + name.text() + " holds are accepted");
    accept_removals_request none;
    asio::co_spawn(each.now->loop, each.now->mind->accept_removals(none), asio::detached);
  }
}

void world::settle_down() {
  chance_ = dice(what_.seed, what_.steps + 1);
  model_.step = what_.steps + 1;
  if (tracing_) out_.trace += "faults stop at " + to_rfc3339(time_.wall) + "\n";
  store_.quiet = true;
  store_away_ = false;
  cut_off_.clear();
  bus_.connected = true;
  bus_.unheard = 0;
  bus_.mischief = store_.confusion = mischief_ = 0;
  store_.lies = false;
  slow_.clear();
  late_.clear();
  for (auto& [name, host] : hosts_) {
    host.device.mischief = host.saved.mischief = 0;
    host.skew = milliseconds{0};
  }
  for (auto& each : apis_) each.skew = milliseconds{0};
  const steady_time begun = time_.steady;
  steady_time equal_since = time_.steady;
  while (time_.steady < begun + settle_within && !model_.broken()) {
    for (auto& each : apis_)
      if (!each.now) start_api(each);
    for (auto& [name, each] : gateways_)
      if (each.wanted && !each.now) start_gateway(name);
    if (time_.steady >= begun + operator_comes_after) accept_removals();
    finish_calls();
    model_.check();
    bool equal = true;
    for (auto& [name, each] : gateways_)
      equal = equal && (!each.wanted || (each.now && model_.equal(name)));
    for (const auto& each : model_.operations) equal = equal && each->ended;
    if (!equal) equal_since = time_.steady;
    if (equal && time_.steady >= equal_since + stays_equal) return;
    pass(milliseconds{time_.steady < begun + seconds{2}    ? 100
                      : time_.steady < begun + seconds{60} ? 1'000
                                                           : 5'000});
  }
  for (auto& [name, each] : gateways_)
    if (each.wanted) model_.check_settled(name);
  for (auto& [name, each] : gateways_) {
    if (!each.now) continue;
    for (const auto& text : each.now->mind->how().troubles) note(name.text() + ": " + text);
  }
  for (const auto& each : model_.operations) {
    if (!each->ended) model_.breaks("every_call_ends", text_of(*each) + " has no end");
  }
  if (!model_.broken()) model_.breaks("settles", "devices and store do not stay equal");
  if (tracing_)
    out_.trace += "! " + model_.broken()->invariant + ": " + model_.broken()->what + "\n";
}

outcome run(const script& what, bool tracing) {
  world one(what, tracing);
  return one.run();
}

}  // namespace peerage::sim
