// One side of the comparison of two buses, through one sequence.
#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "async/signal.h"
#include "testing/samples.h"
#include "tests/conformance/bus_model.h"

namespace peerage::conformance {
namespace {

using namespace std::chrono_literals;
using kind = bus_step::kind;

constexpr auto long_enough = std::chrono::seconds(60);
constexpr auto too_short = std::chrono::milliseconds(150);

/// What happened in a step, in no order: who hears first is not promised.
using happenings = std::multiset<std::string>;

/// A gateway that answers, or holds its answers.
struct held_gateway : gateway_service {
  explicit held_gateway(asio::io_context& loop, happenings& into)
      : noted(into), released(loop.get_executor()) {}

  /// `what` is noted; empty: the simulated bus asks for status by itself, which is not.
  task<> work(std::string what) {
    ++arrived;
    if (!what.empty()) noted.insert("arrives " + what);
    while (held) co_await released.wait();
    if (!what.empty()) noted.insert("is done " + what);
  }
  task<apply_reply> apply(apply_request request) override {
    std::string what = request.request_id;
    co_await work(what);
    apply_reply made;
    made.request_id = what.starts_with("huge") ? std::string(1'100'000, 'x') : what;
    for (const auto& each : request.changes) {
      made.results.push_back({key_of(each), change_state::refused, "no room", {}});
    }
    co_return made;
  }
  task<status_reply> status(status_request request) override {
    std::string unnoted;
    co_await work(unnoted);
    status_reply made;
    made.peers = static_cast<std::uint32_t>(request.public_keys.size());
    made.device = "fake";
    for (const auto& each : request.public_keys) made.reports.push_back({each, true, {}, {}, {}});
    co_return made;
  }
  task<accept_removals_reply> accept_removals(accept_removals_request) override {
    std::string what = "accept removals";
    co_await work(what);
    co_return accept_removals_reply{7};
  }

  happenings& noted;
  signal released;
  bool held = false;
  std::size_t arrived = 0;  // requests so far
};

/// A cancelled request leaves the same doubt as one that timed out.
template <class Reply, class Print>
std::string outcome_of(const result<Reply>& answer, Print print) {
  if (answer) return "answered " + print(*answer);
  return answer.error().code == errc::timeout ? "doubt" : std::string(name_of(answer.error().code));
}

task<std::string> ask(bus& by, gateway_name to, bus_question what, unsigned number,
                      steady_time deadline) {
  if (what == bus_question::status || what == bus_question::too_many) {
    status_request request;
    request.public_keys.assign(what == bus_question::status ? number % 3 : 1'001,
                               fakes::sample_key(1));
    const auto answer = co_await by.status(to, std::move(request), deadline);
    co_return outcome_of(answer, [](const status_reply& reply) {
      return std::to_string(reply.peers) + " of " + std::to_string(reply.reports.size());
    });
  }
  if (what == bus_question::accept_removals) {
    const auto answer = co_await by.accept_removals(to, deadline);
    co_return outcome_of(answer, [](const accept_removals_reply& reply) {
      return std::to_string(reply.released) + " released";
    });
  }
  apply_request request;
  request.request_id = (what == bus_question::huge_answer ? "huge" : "r") + std::to_string(number);
  if (what == bus_question::too_large) request.request_id = std::string(1'100'000, 'x');
  request.changes.push_back(remove_peer_change{fakes::sample_key(1 + number % 3)});
  const auto answer = co_await by.apply(to, std::move(request), deadline);
  co_return outcome_of(answer, [](const apply_reply& reply) {
    return reply.request_id + " " + reply.results.at(0).public_key.text().substr(0, 4) + " " +
           reply.results.at(0).reason;
  });
}

struct question {
  unsigned number, process;
  std::optional<unsigned> gateway;
  asio::cancellation_signal stop;
  std::optional<std::string> outcome;
};

/// Which heartbeats may be heard, and which must be.
struct beats {
  std::map<unsigned, unsigned> owner;                             // by gateway: who served it last
  std::map<std::pair<unsigned, unsigned>, std::uint32_t> newest;  // by process and gateway
  std::map<unsigned, unsigned> served_by;
  std::uint32_t serial = 0;

  /// Those that may be said again: the newest of each gateway, by the process that serves it.
  std::set<std::uint32_t> repeatable() const {
    std::set<std::uint32_t> made;
    for (const auto& [gateway, process] : served_by) {
      const auto found = newest.find({process, gateway});
      if (found != newest.end()) made.insert(found->second);
    }
    return made;
  }
};

class run {
 public:
  run(bus_side& side, const bus_transcript* like, bool greets)
      : side_(side), like_(like), greets_(greets) {
    side_.begin();
    for (unsigned i = 0; i <= bus_gateways; ++i) {
      gateways_.push_back(std::make_unique<held_gateway>(side_.loop, happened_));
    }
    for (unsigned i = 0; i < bus_processes; ++i) listen(i);
    side_.settle();
  }
  ~run() {
    for (auto& each : asked_)
      if (!each->outcome) each->stop.emit(asio::cancellation_type::terminal);
    for (auto& each : gateways_) release(*each);
    side_.settle();
    side_.end();
  }
  run(const run&) = delete;
  run& operator=(const run&) = delete;

  std::string take(const bus_step& step) {
    const auto before = known_.repeatable();
    sure_.reset();
    for (auto& heard : beats_) heard.clear();
    happened_.clear();
    act(step);
    if (greets_) side_.greet();
    side_.settle();
    std::string text = "\n  connected";
    for (unsigned i = 0; i < bus_processes; ++i)
      text += side_.process(i).connected() ? " yes" : " no";
    for (auto at = asked_.begin(); at != asked_.end();) {
      const auto& one = **at;
      if (one.outcome)
        happened_.insert("request " + std::to_string(one.number) + ": " + *one.outcome);
      at = one.outcome ? asked_.erase(at) : std::next(at);
    }
    for (const std::string& each : happened_) text += "\n  " + each;
    return text + wrong_beats(before);
  }
  bus_transcript transcript;

 private:
  static gateway_name name_of_gateway(unsigned number) {
    return *gateway_name::parse("gw-" + std::to_string(number + 1));
  }
  void act(const bus_step& step);
  void listen(unsigned process);
  void serve(unsigned process, unsigned gateway);
  void restart(unsigned process);
  question& start_asking(unsigned process, std::optional<unsigned> gateway, gateway_name to,
                         bus_question what, steady_duration limit);
  void ask_at_once(const bus_step& step, const std::function<void()>& beside);
  void ask_early(const bus_step& step);
  void choose(unsigned process);
  void note_choice(const question& made, std::size_t before, bool new_hands);
  std::size_t arrivals() const {
    std::size_t all = 0;
    for (const auto& each : gateways_) all += each->arrived;
    return all;
  }
  void ask_stranger(const bus_step& step);
  void cancel(question& one) {
    if (!one.outcome) one.stop.emit(asio::cancellation_type::terminal);
    wait_for(one);
  }
  void wait_for(const question& one) {
    if (!side_.run_until([&] { return one.outcome.has_value(); }))
      happened_.insert("WRONG: request " + std::to_string(one.number) + " does not end");
  }
  static void release(held_gateway& one) {
    one.held = false;
    one.released.notify();
  }
  void note(const bus_step& step, const result<>& answer) {
    happened_.insert(text_of(step) +
                     (answer ? ": done" : ": " + std::string(name_of(answer.error().code))));
  }
  std::string wrong_beats(const std::set<std::uint32_t>& before) const;

  bus_side& side_;
  const bus_transcript* like_;
  bool greets_;
  bool up_ = true;
  unsigned asked_so_far_ = 0;
  unsigned early_so_far_ = 0;
  unsigned events_ = 0;
  happenings happened_;
  std::vector<std::unique_ptr<held_gateway>> gateways_;  // the last is for those asked early
  std::list<std::shared_ptr<question>> asked_;
  std::set<unsigned> ever_served_;  // gateways; the keys of others are waited for
  beats known_;
  std::optional<std::uint32_t> sure_;  // a heartbeat of this step that everybody must hear
  std::set<std::uint32_t> beats_[first_gateway_process];  // heard in this step
};

void run::listen(unsigned process) {
  bus& by = side_.process(process);
  by.listen([this, process](const event& what) {
    if (what.gateway.text() == "fence") return;
    happened_.insert("process " + std::to_string(process) + " hears event " +
                     std::to_string(what.at_revision.number));
  });
  if (process >= first_gateway_process) return;
  by.listen([this, process](const heartbeat& beat) { beats_[process].insert(beat.peers); });
}

std::string run::wrong_beats(const std::set<std::uint32_t>& before) const {
  std::string text;
  const auto after = known_.repeatable();
  for (unsigned api = 0; api < first_gateway_process; ++api) {
    const std::string who = "\n  WRONG: process " + std::to_string(api);
    if (sure_ && !beats_[api].contains(*sure_))
      text += who + " does not hear heartbeat " + std::to_string(*sure_);
    for (const std::uint32_t each : beats_[api]) {
      if (each == sure_ || before.contains(each) || after.contains(each)) continue;
      text += who + " hears heartbeat " + std::to_string(each) + ", which is not believable or old";
    }
  }
  return text;
}

question& run::start_asking(unsigned process, std::optional<unsigned> gateway, gateway_name to,
                            bus_question what, steady_duration limit) {
  const auto made = std::make_shared<question>();
  made->number = ++asked_so_far_;
  made->process = process;
  made->gateway = gateway;
  asked_.push_back(made);
  asio::co_spawn(
      side_.loop,
      ask(side_.process(process), std::move(to), what, made->number, side_.now() + limit),
      asio::bind_cancellation_slot(made->stop.slot(),
                                   [made](std::exception_ptr thrown, std::string outcome) {
                                     made->outcome = thrown ? "doubt" : std::move(outcome);
                                   }));
  return *made;
}

/// What the other side did, where this one is told to do the same.
void run::choose(unsigned process) {
  const std::size_t number = transcript.choices.size();
  if (like_ != nullptr && number < like_->choices.size())
    side_.choose(process, like_->choices[number]);
}

/// The request may find nobody yet, or be worked at. Where the gateway's key has changed hands it
/// may also be sealed for the process of before, and then nobody answers it.
void run::note_choice(const question& made, std::size_t before, bool new_hands) {
  auto what = made.outcome == "unavailable" ? bus_choice::missed : bus_choice::worked;
  if (!made.outcome && arrivals() == before) what = bus_choice::not_believed;
  if (what == bus_choice::not_believed && !new_hands)
    happened_.insert("WRONG: request " + std::to_string(made.number) + " waits for nothing");
  transcript.choices.push_back(what);
  side_.choose(made.process, bus_choice::worked);
}

void run::ask_at_once(const bus_step& step, const std::function<void()>& beside) {
  const auto owner = known_.owner.find(step.gateway);
  const bool new_hands = ever_served_.contains(step.gateway) && step.what == kind::ask_at_once &&
                         (owner == known_.owner.end() || owner->second != step.process);
  beside();
  if (!ever_served_.contains(step.gateway)) return;
  const unsigned api = step.process % first_gateway_process;
  choose(api);
  const std::size_t arrived = arrivals();
  const auto& mine =
      start_asking(api, step.gateway, name_of_gateway(step.gateway), step.question, long_enough);
  side_.settle();
  side_.linger([&] { return mine.outcome.has_value() || arrivals() > arrived; });
  side_.settle();
  note_choice(mine, arrived, new_hands);
}

/// The gateway's key is not known when the request begins; it may or may not find its subscription.
void run::ask_early(const bus_step& step) {
  if (!up_) return;
  const auto name = *gateway_name::parse("gw-early-" + std::to_string(++early_so_far_));
  const unsigned api = step.gateway % first_gateway_process;
  choose(api);
  const std::size_t arrived = arrivals();
  const auto& mine = start_asking(api, {}, name, bus_question::apply, long_enough);
  side_.loop.restart();
  side_.loop.poll();
  note(step, side_.process(step.process).serve(name, *gateways_.back()));
  wait_for(mine);
  note_choice(mine, arrived, false);
  side_.process(step.process).stop_serving(name);
}

void run::ask_stranger(const bus_step& step) {
  wait_for(start_asking(step.process, {}, *gateway_name::parse("gw-nowhere"), bus_question::apply,
                        long_enough));
}

void run::serve(unsigned process, unsigned gateway) {
  const auto at = known_.served_by.find(gateway);
  if (at != known_.served_by.end() && at->second != process) return;  // one owner at a time
  const bool done =
      side_.process(process).serve(name_of_gateway(gateway), *gateways_[gateway]).has_value();
  happened_.insert(done ? "serves" : "serves already");
  known_.served_by[gateway] = process;
  known_.owner[gateway] = process;
  ever_served_.insert(gateway);
}

/// Whoever waits for a gateway there gives up: its answer will never come.
void run::restart(unsigned process) {
  for (const auto& each : std::list(asked_)) {
    const auto by = each->gateway ? known_.served_by.find(*each->gateway) : known_.served_by.end();
    if (each->process != process && by != known_.served_by.end() && by->second == process)
      cancel(*each);
  }
  side_.stop(process);
  for (const auto& each : asked_)
    if (each->process == process) wait_for(*each);
  std::erase_if(known_.served_by, [&](const auto& each) { return each.second == process; });
  std::erase_if(known_.owner, [&](const auto& each) { return each.second == process; });
  std::erase_if(known_.newest, [&](const auto& each) { return each.first.first == process; });
  side_.start(process);
  listen(process);
}

void run::act(const bus_step& step) {
  held_gateway& gateway = *gateways_[step.gateway];
  const auto ask_for = [&](steady_duration limit) -> question& {
    return start_asking(step.process, step.gateway, name_of_gateway(step.gateway), step.question,
                        limit);
  };
  switch (step.what) {
    case kind::serve: return serve(step.process, step.gateway);
    case kind::stop_serving:
      if (const auto at = known_.served_by.find(step.gateway);
          at == known_.served_by.end() || at->second != step.process)
        return;
      side_.process(step.process).stop_serving(name_of_gateway(step.gateway));
      known_.served_by.erase(step.gateway);
      return;
    case kind::ask:
      if (ever_served_.contains(step.gateway) || !up_) {
        static_cast<void>(ask_for(long_enough));
      } else if (step.question == bus_question::accept_removals) {
        wait_for(ask_for(long_enough));  // for its key, a second: only now and then
      }
      return;
    case kind::ask_late: {
      if (!ever_served_.contains(step.gateway)) return;
      const bool waits = up_ && gateway.held && known_.served_by.contains(step.gateway);
      auto& mine = ask_for(waits ? steady_duration(too_short) : steady_duration(long_enough));
      if (waits) wait_for(mine);
      return;
    }
    case kind::ask_at_once: return ask_at_once(step, [&] { serve(step.process, step.gateway); });
    case kind::ask_early: return ask_early(step);
    case kind::ask_stranger: return ask_stranger(step);
    case kind::cancel:
      if (!asked_.empty()) cancel(*asked_.front());
      return;
    case kind::hold: gateway.held = true; return;
    case kind::release: return release(gateway);
    case kind::beat: {
      const std::uint32_t serial = ++known_.serial;
      const auto owner = known_.owner.find(step.gateway);
      if (up_ && owner != known_.owner.end() && owner->second == step.process) sure_ = serial;
      known_.newest[{step.process, step.gateway}] = serial;
      side_.process(step.process)
          .publish(heartbeat{name_of_gateway(step.gateway), *region_name::parse("fra"), serial,
                             revision{3}});
      return;
    }
    case kind::tell: side_.process(step.process).publish(numbered_event("gw-1", ++events_)); return;
    case kind::lose:
      if (std::exchange(up_, false)) side_.lose();
      return;
    case kind::bring_back:
      if (!std::exchange(up_, true)) side_.bring_back(false);
      return;
    case kind::bring_back_and_ask:
      if (!std::exchange(up_, true)) ask_at_once(step, [&] { side_.bring_back(true); });
      return;
    case kind::restart: return restart(step.process);
  }
}

}  // namespace

bus_transcript run_steps(bus_side& side, const std::vector<bus_step>& steps,
                         const bus_transcript* like, bool greets) {
  run one(side, like, greets);
  std::vector<std::string> texts;
  for (const bus_step& each : steps) texts.push_back(one.take(each));
  one.transcript.steps = std::move(texts);
  return one.transcript;
}

}  // namespace peerage::conformance
