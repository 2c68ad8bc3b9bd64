// The promises of ports/device.h that can be seen through the port itself, as one parameterised
// suite. A backend's own file says how to make one of its devices and instantiates the suite:
//
//   INSTANTIATE_TEST_SUITE_P(kernel, device_contract, testing::Values(backend), name_of_backend);
//   INSTANTIATE_TEST_SUITE_P(fake, device_capacity, …);  // where filling a device is cheap
//
// The tests are in device_contract.cc. Every test gets a device of its own without peers; an
// exception from make() is the test's failure.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "async/task.h"
#include "base/error.h"
#include "ports/device.h"

namespace peerage {

struct device_backend {
  std::string name;  // letters, digits and _: it becomes part of the test's name
  std::string kind;  // what device::kind() has to say
  /// A device without peers, in a place of its own. Called once for each test.
  std::function<std::unique_ptr<device>(asio::io_context&)> make;
  /// Takes the last made device away from under its port: lost() has to return.
  std::function<void()> take_away;
  /// After each test, when its device has been destroyed; may be empty.
  std::function<void()> after = {};
};

inline void PrintTo(const device_backend& backend, std::ostream* out) {
  *out << backend.name;
}

inline std::string name_of_backend(const testing::TestParamInfo<device_backend>& info) {
  return info.param.name;
}

class device_contract : public testing::TestWithParam<device_backend> {
 protected:
  using entries = std::map<public_key, device_entry>;

  void SetUp() override {
    device_ = GetParam().make(loop_);
    ASSERT_TRUE(device_);
  }
  void TearDown() override {
    device_.reset();
    if (GetParam().after) GetParam().after();
  }

  /// Runs the loop until `work` is done; throws what it throws, and when it takes a minute.
  template <class T>
  T finish(task<T> work) {
    std::optional<T> value;
    std::exception_ptr failure;
    bool done = false;
    asio::co_spawn(loop_, std::move(work), [&](std::exception_ptr thrown, T result) {
      failure = thrown;
      value.emplace(std::move(result));
      done = true;
    });
    run_until([&] { return done; });
    if (failure) std::rethrow_exception(failure);
    return std::move(*value);
  }

  void run_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    loop_.restart();
    while (!done() && loop_.run_one_until(deadline) > 0) {}
    if (!done()) throw std::runtime_error("not done within a minute, or never going to be");
  }

  /// Applies the changes; a failure of it is the test's.
  void apply(std::vector<device_change> changes);
  /// All entries by key; a key that is there twice is the test's failure.
  entries dump();
  /// The one peer, or nothing.
  std::optional<device_peer> find(const public_key& key);

  asio::io_context loop_;
  std::unique_ptr<device> device_;
};

/// Apart, because it fills the device to its capacity and one beyond.
class device_capacity : public device_contract {};

}  // namespace peerage
