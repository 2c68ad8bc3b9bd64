// The bus of the simulated fleet, where nothing goes wrong but what it is told: every message is
// delivered once, in order.
#include <utility>

#include "testing/fake_clock.h"
#include "tests/conformance/bus_model.h"
#include "tests/sim/bus.h"

namespace peerage::conformance {
namespace {

using namespace std::chrono_literals;

struct simulated_side final : bus_side {
  fakes::fake_clock time{loop.get_executor()};
  sim::dice chance{1};
  struct process_of {
    std::shared_ptr<bool> alive = std::make_shared<bool>(true);
    std::unique_ptr<sim::sim_bus> port;
  };
  std::unique_ptr<sim::bus_world> world;
  std::vector<process_of> all;
  bool lose_next = false;

  void begin() override {
    world = std::make_unique<sim::bus_world>(chance);
    world->on_applied = [](const auto&...) {};
    world->on_status = [](const auto&...) {};
    world->on_beat = [](const auto&...) {};
    for (unsigned i = 0; i < bus_processes; ++i) {
      process_of made;
      made.port = std::make_unique<sim::sim_bus>(
          *world, time, sim::reachable{made.alive, loop.get_executor()}, std::to_string(i));
      all.push_back(std::move(made));
    }
  }
  void end() override {
    world->go_away();
    settle();
    all.clear();
    settle();
  }
  bus& process(unsigned number) override { return *all[number].port; }
  void stop(unsigned) override {}
  void start(unsigned) override {}
  void lose() override { world->go_away(); }
  void bring_back(bool) override { world->connected = true; }
  void settle() override {
    do {
      loop.restart();
      loop.poll();
      auto messages = std::exchange(world->under_way, {});
      if (!messages.empty() && std::exchange(lose_next, false)) messages.pop_back();
      for (const auto& each : messages) each.deliver();
      loop.restart();
      loop.poll();
    } while (!world->under_way.empty());
  }
  steady_time now() override { return time.steady(); }
  bool run_until(const std::function<bool()>& done) override {
    settle();
    for (int i = 0; i < 300 && !done(); ++i) {
      time.advance(10ms);
      settle();
    }
    return done();
  }
  void choose(unsigned, bus_choice what) override {
    world->unheard = what == bus_choice::missed ? 1 : 0;
    lose_next = what == bus_choice::not_believed;
  }
};

}  // namespace

std::unique_ptr<bus_side> make_simulated_bus_side() {
  return std::make_unique<simulated_side>();
}

}  // namespace peerage::conformance
