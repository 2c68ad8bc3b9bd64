// These need root: each test has a network namespace and a tun device of its own. What the link did
// is read back with iproute2, which shares no code with it.
#include "netlink/link.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "netlink/socket.h"

namespace peerage::netlink {
namespace {

std::string output_of(const std::string& command) {
  std::string text;
  FILE* const from = popen((command + " 2>&1").c_str(), "r");
  std::array<char, 4096> part{};
  while (std::fgets(part.data(), part.size(), from) != nullptr) text += part.data();
  EXPECT_EQ(pclose(from), 0) << command << ": " << text;
  return text;
}

/// Each line without its white space at the end, sorted.
std::vector<std::string> lines_of(const std::string& command) {
  std::istringstream text(output_of(command));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) {
    lines.push_back(line.substr(0, line.find_last_not_of(' ') + 1));
  }
  std::ranges::sort(lines);
  return lines;
}

ip_address ip(const char* text) {
  return ip_address::parse(text).value();
}
prefix net(const char* text) {
  return prefix::parse(text).value();
}

std::string said(const result<>& of) {
  return of ? "no error" : of.error().message;
}

class link_in_a_namespace : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(geteuid(), 0U) << "this test makes a network namespace and must be run as root";
    ASSERT_EQ(unshare(CLONE_NEWNET), 0) << std::strerror(errno);
    tun_ = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    ASSERT_GE(tun_, 0) << "/dev/net/tun: " << std::strerror(errno);
    ifreq wanted{};
    std::strcpy(wanted.ifr_name, "tun7");
    wanted.ifr_flags = IFF_TUN | IFF_NO_PI;
    ASSERT_EQ(ioctl(tun_, TUNSETIFF, &wanted), 0) << std::strerror(errno);
    link_ = make_link("tun7", "gw-fra-1");
  }
  void TearDown() override {
    link_.reset();
    if (tun_ >= 0) close(tun_);
  }

  static std::vector<std::string> addresses() {
    return lines_of("ip -o addr show dev tun7 | awk '$4 !~ /^fe80/ {print $4}'");
  }
  static std::vector<std::string> routes() {
    return lines_of("ip -o route show dev tun7; ip -o -6 route show dev tun7 | sed /^fe80/d");
  }

  int tun_ = -1;
  std::unique_ptr<link> link_;
};

TEST_F(link_in_a_namespace, says_what_is_there_and_whether_it_is_ours) {
  auto state = link_->state();
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_TRUE(state->exists);
  EXPECT_FALSE(state->wireguard);
  EXPECT_FALSE(state->marked);
  EXPECT_FALSE(state->up);

  ASSERT_TRUE(link_->bring_up(1420));
  state = link_->state();
  EXPECT_TRUE(state->marked);
  EXPECT_TRUE(state->up);
  EXPECT_FALSE(make_link("tun7", "gw-fra-2")->state()->marked) << "another gateway's mark";
  EXPECT_NE(output_of("ip link show tun7").find("mtu 1420"), std::string::npos);
  EXPECT_NE(output_of("ip link show tun7").find("alias peerage:gw-fra-1"), std::string::npos);
  EXPECT_TRUE(link_->bring_up(1420)) << "once more";

  const auto absent = make_link("tun8", "gw-fra-1")->state();
  ASSERT_TRUE(absent);
  EXPECT_FALSE(absent->exists);
}

TEST_F(link_in_a_namespace, has_exactly_the_addresses_and_routes_of_the_plan) {
  ASSERT_TRUE(link_->bring_up(1420));
  const link_plan plan{{ip("fd00:0:0:1::1"), ip("10.7.0.1")},
                       {net("fd00::/48"), net("10.7.0.0/16")}};
  auto arranged = link_->arrange(plan);
  ASSERT_TRUE(arranged) << said(arranged);
  EXPECT_EQ(addresses(), (std::vector<std::string>{"10.7.0.1/32", "fd00:0:0:1::1/128"}));
  const std::vector<std::string> wanted{"10.7.0.0/16 proto static scope link",
                                        "fd00:0:0:1::1 proto kernel metric 256 pref medium",
                                        "fd00::/48 proto static metric 1024 pref medium"};
  EXPECT_EQ(routes(), wanted);
  EXPECT_EQ(output_of("ip -o -6 addr show dev tun7").find("tentative"), std::string::npos)
      << "it works at once";

  arranged = link_->arrange({{ip("fd00:0:0:2::1")}, {net("fd01::/48")}});
  ASSERT_TRUE(arranged) << said(arranged);
  EXPECT_EQ(addresses(), (std::vector<std::string>{"fd00:0:0:2::1/128"}));
  EXPECT_EQ(routes(), (std::vector<std::string>{"fd00:0:0:2::1 proto kernel metric 256 pref medium",
                                                "fd01::/48 proto static metric 1024 pref medium"}));
  arranged = link_->arrange({});
  ASSERT_TRUE(arranged) << said(arranged);
  EXPECT_TRUE(addresses().empty());
  EXPECT_TRUE(routes().empty());
}

TEST_F(link_in_a_namespace, arranging_again_sends_nothing_to_those_who_watch) {
  ASSERT_TRUE(link_->bring_up(1420));
  const link_plan plan{{ip("fd00::1"), ip("10.7.0.1")}, {net("fd00::/48"), net("10.7.0.0/16")}};
  ASSERT_TRUE(link_->arrange(plan));
  // The kernel tells of a change before the call that made it returns, with the call's number; what
  // it does by itself, as with link-local addresses, has none.
  auto watch =
      kernel_socket::open(NETLINK_ROUTE, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
                                             RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE);
  ASSERT_TRUE(watch);
  const auto seen = [&] {
    int count = 0;
    std::array<std::uint8_t, 65536> news{};
    for (;;) {
      const ssize_t size = recv(watch->descriptor(), news.data(), news.size(), MSG_DONTWAIT);
      if (size <= 0) return count;
      messages list(bytes_view(news).first(static_cast<std::size_t>(size)));
      while (const auto found = list.next()) count += found->sequence == 0 ? 0 : 1;
    }
  };
  ASSERT_TRUE(link_->arrange(plan));
  ASSERT_TRUE(link_->bring_up(1420));
  EXPECT_EQ(seen(), 0);
  ASSERT_TRUE(link_->arrange({}));
  EXPECT_GT(seen(), 0) << "the watcher watches";
}

TEST_F(link_in_a_namespace, repairs_what_somebody_else_did_and_leaves_alone_what_is_not_its) {
  ASSERT_TRUE(link_->bring_up(1420));
  const link_plan plan{{ip("fd00::1")}, {net("fd00::/48")}};
  ASSERT_TRUE(link_->arrange(plan));
  const auto before = routes();
  output_of("ip addr add 10.9.0.1/24 dev tun7");
  output_of("ip -6 addr del fd00::1/128 dev tun7");
  output_of("ip -6 addr add fd00::1/64 dev tun7");
  output_of("ip -6 route add fd77::/64 dev tun7 proto bird metric 5");
  output_of("ip -6 route del fd00::/48 dev tun7");
  output_of("ip -6 route add fd55::/64 dev tun7 table 77");
  output_of("ip -6 addr add fe80::7/64 dev tun7");
  const auto arranged = link_->arrange(plan);
  ASSERT_TRUE(arranged) << said(arranged);
  EXPECT_EQ(addresses(), (std::vector<std::string>{"fd00::1/128"}));
  EXPECT_EQ(routes(), before);
  EXPECT_EQ(lines_of("ip -6 route show table 77").size(), 1U);
  EXPECT_NE(output_of("ip -6 addr show dev tun7").find("fe80::7/64"), std::string::npos);
}

TEST_F(link_in_a_namespace, keeps_the_routes_that_the_kernel_drops_with_the_last_ipv4_address) {
  ASSERT_TRUE(link_->bring_up(1420));
  ASSERT_TRUE(link_->arrange({{ip("10.7.0.1")}, {net("10.7.0.0/16")}}));
  const auto arranged = link_->arrange({{ip("10.7.0.2")}, {net("10.7.0.0/16")}});
  ASSERT_TRUE(arranged) << said(arranged);
  EXPECT_EQ(addresses(), (std::vector<std::string>{"10.7.0.2/32"}));
  EXPECT_EQ(routes(), (std::vector<std::string>{"10.7.0.0/16 proto static scope link"}));
}

TEST_F(link_in_a_namespace, hundreds_of_addresses_and_routes_come_and_go) {
  ASSERT_TRUE(link_->bring_up(1420));
  link_plan plan;
  for (std::uint8_t i = 0; i < 250; ++i) {
    plan.addresses.push_back(ip_address::v6(std::array<std::uint8_t, 16>{0xfd, i, 1}));
    plan.routes.push_back(prefix::of(ip_address::v6(std::array<std::uint8_t, 16>{0xfd, i}), 48));
  }
  auto arranged = link_->arrange(plan);
  ASSERT_TRUE(arranged) << said(arranged);
  EXPECT_EQ(addresses().size(), 250U);
  EXPECT_EQ(routes().size(), 500U);
  ASSERT_TRUE(link_->arrange({}));
  EXPECT_TRUE(addresses().empty());
  EXPECT_TRUE(routes().empty());
}

TEST_F(link_in_a_namespace, says_clearly_that_ipv6_is_disabled) {
  ASSERT_TRUE(link_->bring_up(1420));
  std::ofstream("/proc/sys/net/ipv6/conf/tun7/disable_ipv6") << 1;
  const auto arranged = link_->arrange({{ip("fd00::1")}, {}});
  ASSERT_FALSE(arranged);
  EXPECT_EQ(arranged.error().code, errc::io);
  EXPECT_NE(arranged.error().message.find("disable_ipv6"), std::string::npos) << said(arranged);
}

TEST_F(link_in_a_namespace, says_which_interface_and_which_route_were_refused) {
  output_of("ip link set lo up");
  output_of("ip route add 10.7.0.0/16 dev lo");
  ASSERT_TRUE(link_->bring_up(1420));
  const auto arranged = link_->arrange({{}, {net("10.7.0.0/16")}});
  ASSERT_FALSE(arranged);
  EXPECT_EQ(arranged.error().code, errc::io);
  EXPECT_NE(arranged.error().message.find("10.7.0.0/16"), std::string::npos) << said(arranged);
  EXPECT_NE(arranged.error().message.find("tun7"), std::string::npos) << said(arranged);

  const auto absent = make_link("tun8", "x")->bring_up(1420);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, errc::io);
  EXPECT_NE(absent.error().message.find("tun8"), std::string::npos);
  EXPECT_EQ(make_link("sixteen-letters-", "x")->state().error().code, errc::invalid);
}

TEST_F(link_in_a_namespace, is_removed_and_removing_it_again_succeeds) {
  EXPECT_TRUE(link_->remove());
  EXPECT_FALSE(link_->state()->exists);
  EXPECT_TRUE(link_->remove());
}

TEST_F(link_in_a_namespace,
       is_made_marked_where_the_kernel_has_wireguard_and_unsupported_where_not) {
  const auto made = make_link("wg7", "gw-fra-1");
  const auto created = made->create();
  if (!created) {
    EXPECT_EQ(created.error().code, errc::unsupported) << said(created);
    EXPECT_FALSE(made->state()->exists);
    return;
  }
  const auto state = made->state();
  ASSERT_TRUE(state);
  EXPECT_TRUE(state->exists && state->wireguard && state->marked);
  EXPECT_FALSE(state->up);
  const auto again = made->create();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, errc::io) << said(again);
  EXPECT_TRUE(made->state()->exists) << "a second creation does not harm the first";
}

}  // namespace
}  // namespace peerage::netlink
