// What the bus's conformance test does to a few processes on one bus, and what it sees of them.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ports/bus.h"
#include "ports/clock.h"
#include "tests/conformance/runs.h"

namespace peerage::conformance {

// Two API processes, then two gateway processes, each of which may serve either gateway.
constexpr unsigned bus_processes = 4;
constexpr unsigned first_gateway_process = 2;
constexpr unsigned bus_gateways = 2;

/// What is asked; the last three are more than goes over NATS.
enum class bus_question { apply, status, accept_removals, too_large, too_many, huge_answer };

struct bus_step {
  enum class kind {
    serve,
    stop_serving,
    ask,
    ask_late,      // the gateway holds it until after the deadline
    ask_at_once,   // in the same moment as the gateway begins to serve
    ask_early,     // before the gateway does
    ask_stranger,  // a gateway that never was there
    cancel,        // the oldest request under way
    hold,          // the gateway's answers
    release,
    beat,  // a heartbeat
    tell,  // an event
    lose,  // the server
    bring_back,
    bring_back_and_ask,
    restart,  // a process
  };
  kind what{};
  unsigned process = 0;
  unsigned gateway = 0;
  bus_question question = bus_question::apply;
};

std::string text_of(const bus_step& step);
/// `whole`: also processes that end, gateways that are asked before they were ever there, and what
/// is too large for NATS.
std::vector<bus_step> some_bus_steps(chance& by, bool whole);

/// What became of a request where the bus may do one of several things: it was worked at; it found
/// nobody; or the gateway did not believe it, and the asker waits in vain.
enum class bus_choice { worked, missed, not_believed };

/// An event with a number, which is its revision's.
event numbered_event(const char* gateway, std::uint64_t number);

/// The processes, and what is between them.
struct bus_side {
  virtual ~bus_side() = default;
  asio::io_context loop;

  /// All processes, new; nobody knows anybody, and the server is there.
  virtual void begin() = 0;
  virtual void end() = 0;
  virtual bus& process(unsigned number) = 0;
  virtual void stop(unsigned process) = 0;
  virtual void start(unsigned process) = 0;
  /// All processes have noticed before it returns.
  virtual void lose() = 0;
  /// Returns when all are connected, or, `at_once`, before they are.
  virtual void bring_back(bool at_once) = 0;
  /// Everything under way arrives.
  virtual void settle() = 0;
  /// Waits a little longer for what takes more turns: keys that are on their way.
  virtual void linger(const std::function<bool()>&) {}
  virtual steady_time now() = 0;
  /// Time passes until `done`, or too much of it.
  virtual bool run_until(const std::function<bool()>& done) = 0;
  /// What becomes of the next request of the process, although the gateway serves.
  virtual void choose(unsigned, bus_choice) {}
  /// Heartbeats are said again, as NATS's side does now and then.
  virtual void greet() {}
};

struct bus_transcript {
  std::vector<std::string> steps;
  std::vector<bus_choice> choices;
};

/// Runs the steps. Where `like` is given, the side is told to choose as that one did; `greets`: it
/// says heartbeats again.
bus_transcript run_steps(bus_side& side, const std::vector<bus_step>& steps,
                         const bus_transcript* like = nullptr, bool greets = false);

/// What the sides do differently; empty: nothing.
std::string difference(bus_side& fake, bus_side& real, const std::vector<bus_step>& steps);

std::unique_ptr<bus_side> make_nats_side();
std::unique_ptr<bus_side> make_fake_bus_side();
std::unique_ptr<bus_side> make_simulated_bus_side();

}  // namespace peerage::conformance
