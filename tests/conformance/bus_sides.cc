// The buses that are compared: the one in memory, and the one on a real nats-server.
#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "crypto/x25519.h"
#include "local/system_clock.h"
#include "natsbus/bus.h"
#include "testing/fake_bus.h"
#include "testing/fake_clock.h"
#include "testing/fake_roster.h"
#include "testing/run.h"
#include "tests/conformance/bus_model.h"
#include "tests/contract/nats_server.h"

namespace peerage::conformance {
namespace {

using namespace std::chrono_literals;

struct fake_side final : bus_side {
  fakes::fake_clock time{loop.get_executor()};
  std::vector<std::unique_ptr<fakes::fake_bus>> all;
  bool up = true;

  void make(unsigned number, const fakes::fake_bus* beside) {
    auto made = beside == nullptr ? std::make_unique<fakes::fake_bus>(time)
                                  : std::make_unique<fakes::fake_bus>(time, *beside);
    made->patience = 1s;
    made->is_connected = up;
    all[number] = std::move(made);
  }
  void begin() override {
    up = true;
    all.resize(bus_processes);
    for (unsigned i = 0; i < bus_processes; ++i) make(i, i == 0 ? nullptr : all[0].get());
  }
  void end() override {
    for (auto& each : all) fakes::run_on(loop, each->stop());
    settle();
    all.clear();
  }
  bus& process(unsigned number) override { return *all[number]; }
  void stop(unsigned process) override { fakes::run_on(loop, all[process]->stop()); }
  void start(unsigned process) override {
    settle();
    make(process, all[process == 0 ? 1 : 0].get());
  }
  void lose() override {
    up = false;
    for (auto& each : all) each->lose_connection();
  }
  void bring_back(bool) override {
    up = true;
    for (auto& each : all) each->is_connected = true;
    for (auto& each : all) each->connect();
  }
  void settle() override {
    loop.restart();
    loop.poll();
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
  void choose(unsigned process, bus_choice what) override {
    all[process]->unheard = what == bus_choice::missed ? 1 : 0;
    all[process]->not_believed = what == bus_choice::not_believed ? 1 : 0;
  }
  void greet() override {
    for (auto& each : all) each->greet();
  }
};

/// Each process with a connection of its own. What was sent on one has arrived once a later message
/// on the same connection has: `settle()` sends such messages, from everyone to everyone.
struct nats_side final : bus_side {
  contract::nats_server server;
  std::unique_ptr<clock> time = make_system_clock(loop.get_executor());
  std::unique_ptr<fakes::fake_roster> roster;
  struct process_of {
    std::unique_ptr<nats_bus> port;
    std::map<unsigned, std::uint64_t> fences;  // heard, by who sent them
  };
  std::vector<process_of> all{bus_processes};
  bool up = true;
  std::uint64_t fence = 0;

  void begin() override {
    if (!std::exchange(up, true)) server.start();
    roster = std::make_unique<fakes::fake_roster>(loop.get_executor());
    for (unsigned i = 0; i < bus_processes; ++i) make(i);
    await([this] { return all_connected(true); });
  }
  void end() override {
    for (auto& each : all) fakes::run_on(loop, each.port->stop());
    for (auto& each : all) each.port.reset();
    loop.restart();
    loop.poll();
  }
  bus& process(unsigned number) override { return *all[number].port; }
  void stop(unsigned process) override { fakes::run_on(loop, all[process].port->stop()); }
  void start(unsigned process) override {
    make(process);
    if (up) await([&] { return all[process].port->connected(); });
  }
  void lose() override {
    server.stop();
    up = false;
    await([this] { return all_connected(false); });
  }
  void bring_back(bool at_once) override {
    server.start();
    up = true;
    if (!at_once) await([this] { return all_connected(true); });
  }
  void settle() override {
    if (!up) {
      // On a busy machine these 3 ms may be over before what is ready has run.
      do loop.restart();
      while (loop.run_for(3ms) + loop.poll() > 0);
      return;
    }
    await([this] { return all_connected(true); });
    for (int round = 0; round < 4; ++round) {
      ++fence;
      const auto begun = std::chrono::steady_clock::now();
      do {
        say_fence();
        if (std::chrono::steady_clock::now() - begun > 10s)
          throw std::runtime_error("what was sent over NATS does not arrive");
      } while (!wait([this] { return fence_is_over(); }, 100ms));
    }
  }
  void linger(const std::function<bool()>& done) override { wait(done, 500ms); }
  steady_time now() override { return time->steady(); }
  bool run_until(const std::function<bool()>& done) override { return wait(done, 5s); }

 private:
  void make(unsigned number) {
    nats_options options;
    options.servers = {server.url()};
    options.name = "conformance";
    options.region = "fra";
    const bool api = number < first_gateway_process;
    nats_identity self{make_private_key(), api ? "api-" + std::to_string(number + 1) : ""};
    process_of& one = all[number];
    one.port =
        make_nats_bus(loop.get_executor(), *time, *roster, std::move(self), std::move(options));
    one.fences.clear();
    one.port->listen([&one](const event& what) {
      if (what.gateway.text() != "fence") return;
      const std::uint64_t told = what.at_revision.number;
      one.fences[static_cast<unsigned>(told % bus_processes)] = told / bus_processes;
    });
  }
  void say_fence() {
    for (unsigned i = 0; i < bus_processes; ++i) {
      all[i].port->publish(numbered_event("fence", fence * bus_processes + i));
    }
  }
  bool fence_is_over() {
    for (auto& each : all)
      for (unsigned i = 0; i < bus_processes; ++i)
        if (each.fences[i] != fence) return false;
    return true;
  }
  bool all_connected(bool wanted) {
    return std::ranges::all_of(all, [&](auto& one) { return one.port->connected() == wanted; });
  }
  bool wait(const std::function<bool()>& done, steady_duration limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    loop.restart();
    while (!done() && loop.run_one_until(end) > 0) {}
    return done();
  }
  void await(const std::function<bool()>& done) {
    if (!wait(done, 10s)) throw std::runtime_error("the processes and NATS do not find each other");
  }
};

}  // namespace

std::unique_ptr<bus_side> make_nats_side() {
  return std::make_unique<nats_side>();
}
std::unique_ptr<bus_side> make_fake_bus_side() {
  return std::make_unique<fake_side>();
}

}  // namespace peerage::conformance
