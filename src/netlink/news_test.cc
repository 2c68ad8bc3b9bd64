// What others do to the host's network is told, and what this process does is not. Needs root: each
// test has a network namespace of its own.
#include "netlink/news.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdlib>

#include "base/time.h"

namespace peerage::netlink {
namespace {

struct news : testing::Test {
  asio::io_context loop;
  std::unique_ptr<host_news> ear;

  void SetUp() override {
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    run("ip tuntap add wg7 mode tun && ip link add eth7 type veth peer name eth9");
    run("for each in wg7 eth7 eth9 lo; do ip link set $each up; done");
    run("ip addr add fd00:1::1/128 dev wg7 && ip -6 route add fd00:1::/64 dev wg7");
    run("nft add table inet peerage-test");
    ear = make_host_news(loop.get_executor(), "wg7");
    ASSERT_EQ(ear->trouble(), "");
  }
  static void run(const std::string& command) {
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
  }
  /// Whether it is told before `until` has passed.
  bool told(milliseconds until) {
    if (!waiting) {
      waiting = true;
      asio::co_spawn(loop, wait(this), asio::detached);
    }
    const auto deadline = std::chrono::steady_clock::now() + until;
    do {
      loop.restart();
      loop.run_for(milliseconds{10});
    } while (waiting && std::chrono::steady_clock::now() < deadline);
    return !waiting;
  }
  static task<> wait(news* me) {
    co_await me->ear->changed();
    me->waiting = false;
  }
  bool waiting = false;
};

TEST_F(news, what_the_interface_and_the_wall_lose_is_told) {
  for (const char* done :
       {"nft flush ruleset", "nft add table inet another", "ip addr del fd00:1::1/128 dev wg7",
        "ip link set wg7 down",
        "ip link set wg7 up && ip -6 route replace fd00:1::/64 dev wg7 && ip -6 route del "
        "fd00:1::/64",
        "ip addr add 192.0.2.1/24 dev eth7", "ip addr del 192.0.2.1/24 dev eth7"}) {
    run(done);
    EXPECT_TRUE(told(seconds{10})) << done;
  }
}

TEST_F(news, other_peoples_routes_and_interfaces_are_none) {
  run("ip tuntap add eth8 mode tun && ip link set eth8 up && ip link del eth8");
  run("ip route add 198.51.100.0/24 dev eth7 && ip route del 198.51.100.0/24");
  (void)told(milliseconds{0});
  run("ip route add 198.51.100.0/24 dev eth7 && ip route del 198.51.100.0/24");
  EXPECT_FALSE(told(milliseconds{200}));
}

}  // namespace
}  // namespace peerage::netlink
