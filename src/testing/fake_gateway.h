// A gateway within the test: the real agent, over a device and an interface in memory.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "model/gateway.h"
#include "testing/fake_device.h"

namespace peerage {
class agent;
struct bus;
struct clock;
struct store;
}  // namespace peerage

namespace peerage::fakes {

/// Registered and serving from its construction on; stop() before it goes.
class fake_gateway {
 public:
  fake_gateway(asio::io_context& loop, store& desired, bus& word, clock& time, gateway wanted);
  ~fake_gateway();

  /// Ends the agent, as when its daemon is stopped. The device keeps its peers.
  void stop();
  /// Another agent takes the device over.
  void start();

  fake_device tunnel;
  fake_link interface;

 private:
  asio::io_context& loop_;
  store& store_;
  bus& bus_;
  clock& clock_;
  gateway what_;
  std::unique_ptr<agent> mind_;
};

}  // namespace peerage::fakes
