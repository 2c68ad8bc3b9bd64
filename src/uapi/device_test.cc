#include "uapi/device.h"
#include "testing/collect.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

// The device's promises with a real process are held by tests/contract/.
namespace peerage {
namespace {

using protocol = asio::local::stream_protocol;
using namespace std::chrono_literals;
constexpr auto as_values = asio::as_tuple(asio::use_awaitable);

// Acknowledges every set; hangs up on every get, and on nothing else.
task<> serve(protocol::socket socket) {
  std::string request;
  while (true) {
    auto [failure, size] =
        co_await asio::async_read_until(socket, asio::dynamic_buffer(request), "\n\n", as_values);
    if (failure || request.starts_with("get")) co_return;
    request.erase(0, size);
    const std::string_view answer = "errno=0\n\n";
    co_await asio::async_write(socket, asio::buffer(answer), as_values);
  }
}

task<> listen(protocol::acceptor& at) {
  while (true) {
    protocol::socket socket(at.get_executor());
    const auto [failure] = co_await at.async_accept(socket, as_values);
    if (failure) co_return;
    asio::co_spawn(at.get_executor(), serve(std::move(socket)), asio::detached);
  }
}

struct uapi_device : testing::Test {
  uapi_device() {
    std::string name = testing::TempDir() + "uapi.XXXXXX";
    folder = ::mkdtemp(name.data());
  }
  ~uapi_device() override { std::filesystem::remove_all(folder); }

  std::unique_ptr<userspace_device> make(const std::string& interface) {
    return make_userspace_device(loop.get_executor(),
                                 {interface, folder + "/no-program", folder, folder + "/log"});
  }

  template <class T>
  T finish(task<T> work) {
    std::optional<T> outcome;
    asio::co_spawn(loop, std::move(work),
                   [&](std::exception_ptr, T value) { outcome = std::move(value); });
    run_until([&] { return outcome.has_value(); });
    return std::move(outcome).value();
  }
  void run_until(const std::function<bool()>& done) {
    loop.restart();
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!done() && loop.run_one_until(deadline) != 0) {}
    ASSERT_TRUE(done());
  }

  std::string folder;
  asio::io_context loop;
};

TEST_F(uapi_device, says_what_it_is) {
  const auto device = make("wg0");
  EXPECT_EQ(device->kind(), "userspace");
  EXPECT_EQ(device->capacity(), 65'536U);
}

TEST_F(uapi_device, refuses_a_name_that_leads_elsewhere) {
  for (const char* name : {"../wg0", "", "sixteenletters12"}) {
    const auto device = make(name);
    const auto running = finish(device->ensure_running());
    ASSERT_FALSE(running) << name;
    EXPECT_EQ(running.error().code, errc::invalid) << name;
    const auto applied = finish(device->apply({drop_peer{}}));
    ASSERT_FALSE(applied) << name;
    EXPECT_EQ(applied.error().code, errc::unavailable) << name;
  }
}

TEST_F(uapi_device, that_failed_a_call_is_lost_until_it_is_ensured_again) {
  // The loopback interface stands for one that a process has made.
  protocol::acceptor acceptor(loop, folder + "/lo.sock");
  asio::co_spawn(loop, listen(acceptor), asio::detached);
  const auto device = make("lo");
  for (int round = 0; round < 2; ++round) {
    const auto running = finish(device->ensure_running());
    ASSERT_TRUE(running) << running.error().message;
    bool lost = false;
    asio::co_spawn(loop, device->lost(), [&](std::exception_ptr) { lost = true; });
    EXPECT_TRUE(finish(device->apply({drop_peer{}})));
    EXPECT_FALSE(lost);
    const auto dumped = finish(fakes::collect(*device));
    ASSERT_FALSE(dumped);
    EXPECT_EQ(dumped.error().code, errc::unavailable) << dumped.error().message;
    run_until([&] { return lost; });
    const auto applied = finish(device->apply({drop_peer{}}));
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code, errc::unavailable) << applied.error().message;
  }
}

}  // namespace
}  // namespace peerage
