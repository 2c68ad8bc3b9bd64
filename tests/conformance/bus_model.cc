#include "tests/conformance/bus_model.h"

#include "testing/samples.h"

namespace peerage::conformance {
namespace {

using kind = bus_step::kind;

constexpr std::pair<kind, unsigned> weights[] = {
    {kind::serve, 16},       {kind::stop_serving, 6}, {kind::ask, 30},
    {kind::ask_late, 5},     {kind::ask_at_once, 5},  {kind::ask_early, 3},
    {kind::ask_stranger, 1}, {kind::cancel, 5},       {kind::hold, 8},
    {kind::release, 8},      {kind::beat, 16},        {kind::tell, 10},
    {kind::lose, 3},         {kind::bring_back, 6},   {kind::bring_back_and_ask, 3},
    {kind::restart, 3}};

kind some_kind(chance& by) {
  unsigned all = 0;
  for (const auto& [what, weight] : weights) all += weight;
  std::size_t rest = by.below(all);
  for (const auto& [what, weight] : weights) {
    if (rest < weight) return what;
    rest -= weight;
  }
  return kind::ask;
}

bool of_a_gateway_process(kind what) {
  return what == kind::serve || what == kind::stop_serving || what == kind::ask_at_once ||
         what == kind::ask_early || what == kind::beat;
}

}  // namespace

std::string text_of(const bus_step& step) {
  constexpr std::string_view names[] = {"serve",
                                        "stop serving",
                                        "ask",
                                        "ask late",
                                        "serve and ask at once",
                                        "ask early",
                                        "ask a stranger",
                                        "cancel",
                                        "hold",
                                        "release",
                                        "heartbeat",
                                        "event",
                                        "lose the server",
                                        "bring the server back",
                                        "bring the server back and ask",
                                        "restart"};
  constexpr std::string_view questions[] = {"apply",     "status",   "accept removals",
                                            "too large", "too many", "huge answer"};
  constexpr std::string_view processes[] = {"api-1", "api-2", "gw-process-1", "gw-process-2"};
  return std::string(names[static_cast<std::size_t>(step.what)]) + ", " +
         std::string(processes[step.process]) + ", gw-" + std::to_string(step.gateway + 1) + ", " +
         std::string(questions[static_cast<std::size_t>(step.question)]);
}

std::vector<bus_step> some_bus_steps(chance& by, bool whole) {
  std::vector<bus_step> all;
  for (std::size_t n = 8 + by.below(30); n > 0; --n) {
    bus_step made{all.size() < 3 && by.percent(60) ? kind::serve : some_kind(by)};
    if (!whole && (made.what == kind::restart || made.what == kind::ask_early)) continue;
    made.gateway = static_cast<unsigned>(by.below(bus_gateways));
    constexpr bus_question usual[] = {bus_question::apply, bus_question::apply,
                                      bus_question::status, bus_question::accept_removals};
    constexpr bus_question odd[] = {bus_question::too_large, bus_question::too_many,
                                    bus_question::huge_answer};
    made.question = whole && by.percent(12) ? by.pick(odd) : by.pick(usual);
    const std::size_t number = by.below(bus_processes);
    made.process = static_cast<unsigned>(number);
    if (of_a_gateway_process(made.what)) {
      made.process = first_gateway_process + static_cast<unsigned>(number % 2);
    } else if (made.what != kind::tell && made.what != kind::restart) {
      made.process = static_cast<unsigned>(number % first_gateway_process);
    }
    all.push_back(made);
  }
  return all;
}

event numbered_event(const char* gateway, std::uint64_t number) {
  return {event_kind::peer_live, wall_time{seconds{1}}, *gateway_name::parse(gateway),
          fakes::sample_peer("acme", "a", 1).id, revision{number}};
}

std::string difference(bus_side& fake, bus_side& real, const std::vector<bus_step>& steps) {
  const bus_transcript over_nats = run_steps(real, steps);
  for (const bool greets : {false, true}) {
    const bus_transcript in_memory = run_steps(fake, steps, &over_nats, greets);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const std::string& left = in_memory.steps[i];
      const std::string& right = over_nats.steps[i];
      if (left == right && !left.contains("WRONG")) continue;
      return "step " + std::to_string(i) + ", " + text_of(steps[i]) + "\nfake: " + left +
             "\nreal: " + right;
    }
  }
  return {};
}

}  // namespace peerage::conformance
