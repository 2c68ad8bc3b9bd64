// A process in the simulation: the real mind of an API or a gateway and the real store over Consul,
// on a loop of its own, over simulated connections and ports. It dies at any await: its loop goes
// first and takes every coroutine with it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "agent/agent.h"
#include "control/control.h"
#include "tests/sim/bus.h"
#include "tests/sim/consul.h"
#include "tests/sim/host.h"

namespace peerage::sim {

/// What all processes live in.
struct surroundings {
  dice& chance;
  true_time& time;
  open_calls& calls;
  consul_world& store;
  bus_world& bus;
};

class mortal_loop : public asio::io_context {
 public:
  mortal_loop() : asio::io_context(1) {}
  /// Destroys all that waits on it.
  void end() { shutdown(); }
};

enum class life { starting, up, stopping, dead };

class process {
 public:
  process(surroundings& in, std::string name, const milliseconds& skew);
  virtual ~process() = default;
  process(const process&) = delete;
  process& operator=(const process&) = delete;

  const std::string name;  // "gw-1.3": the third start
  life state = life::starting;
  mortal_loop loop;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
  sim_clock time;
  std::unique_ptr<peerage::store> store;
  sim_bus bus;

  /// Runs what is ready, `most` handlers of it. True where something ran.
  bool run(std::size_t most);

 protected:
  void end();
};

class api_process final : public process {
 public:
  api_process(surroundings& in, std::string called, const milliseconds& skew);
  ~api_process() override { end(); }
  std::unique_ptr<control> mind;
};

/// A gateway's host: what outlives its processes.
struct gateway_host {
  gateway_name name;
  gateway self;
  device_world device;
  mirror_world saved;
  milliseconds skew{0};
};

class gateway_process final : public process {
 public:
  gateway_process(surroundings& in, std::string called, gateway_host& on);
  ~gateway_process() override { end(); }
  /// As a daemon that is told to stop.
  void stop();

  sim_device device;
  sim_link link;
  sim_mirror saved;
  std::unique_ptr<agent> mind;
};

}  // namespace peerage::sim
