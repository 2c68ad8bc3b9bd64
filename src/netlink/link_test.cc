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

using namespace std::string_literals;

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

template <class T>
std::string said(const result<T>& of) {
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
  EXPECT_EQ(link_->state()->filled_from, "");
  ASSERT_TRUE(link_->note_store("epoch-1"));
  EXPECT_EQ(link_->state()->filled_from, "epoch-1");
  EXPECT_TRUE(link_->state()->marked);
  const auto next = make_link("tun7", "gw-fra-1");
  EXPECT_EQ(next->state()->filled_from, "epoch-1") << "it outlives the daemon";
  ASSERT_TRUE(next->bring_up(1400));
  EXPECT_EQ(next->state()->filled_from, "epoch-1") << "who does not know leaves it";
  ASSERT_TRUE(next->note_store("epoch-2"));
  EXPECT_EQ(link_->state()->filled_from, "epoch-2");
  EXPECT_FALSE(make_link("tun7", "gw-fra")->state()->marked) << "nor is a part of the name enough";
  ASSERT_TRUE(link_->bring_up(1420));

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

TEST_F(link_in_a_namespace, takes_from_the_host_nothing_that_it_has_or_needs) {
  output_of("ip link add eth7 type veth peer name eth8 && ip link set eth7 up");
  output_of("ip addr add 192.168.7.10/24 dev eth7; ip addr add fd00:77::10/64 dev eth7 nodad");
  output_of("ip link set eth8 up; ip addr add 10.1.1.1 peer 10.2.2.2/32 dev eth8");
  output_of("ip route add 10.9.9.1 dev eth7 && ip route add default via 10.9.9.1");
  output_of("ip -6 route add default via fe80::1 dev eth7");
  ASSERT_TRUE(link_->bring_up(1420));
  ASSERT_TRUE(link_->arrange({{ip("fd00:1:0:1::1")}, {net("fd00:1:0:1::/64")}}));
  const auto careful = make_link("tun7", "gw-fra-1", [] {
    return std::vector<needed_address>{{ip("10.53.0.53"), "its resolver"}};
  });
  const auto clashes = [&](const char* route) {
    const auto found = careful->conflicts({{}, {net(route)}});
    EXPECT_TRUE(found) << said(found);
    return found->empty() ? std::string() : found->front().why;
  };
  for (const char* part : {"192.168.7.128/25", "192.168.0.0/16", "192.168.7.10/32"})
    EXPECT_EQ(clashes(part), "this host has 192.168.7.10/24 on interface eth7") << part;
  EXPECT_EQ(clashes("fd00:77::/64"), "this host has fd00:77::10/64 on interface eth7");
  EXPECT_EQ(clashes("10.2.0.0/16"), "this host has 10.1.1.1/32 on interface eth8");
  EXPECT_EQ(clashes("10.9.0.0/16"), "10.9.9.1 is a router of this host");
  EXPECT_EQ(clashes("10.53.0.0/24"), "this host needs 10.53.0.53, its resolver");
  const auto whole = careful->conflicts({{}, {net("fd00:77:0:1::/64")}, {net("fd00:77::/48")}});
  ASSERT_EQ(whole->size(), 1U) << "what would be unreachable is taken from the host too";
  EXPECT_EQ(whole->front().what, net("fd00:77::/48"));
  output_of("ip tuntap add tun9 mode tun; ip addr add fd00:79:0:2::1/128 dev tun9");
  ASSERT_TRUE(make_link("tun9", "gw-fra-2")->bring_up(1420));
  EXPECT_EQ(clashes("fd00:79::/48"), "") << "another gateway's interface is not the host's own";
  for (const char* free : {"192.168.8.0/24", "10.3.0.0/16", "fd00:1:0:1::/64", "fd00:78::/64"})
    EXPECT_EQ(clashes(free), "") << free;
}

TEST_F(link_in_a_namespace, what_no_route_leads_to_is_unreachable) {
  const auto unreachable = [] {
    return lines_of("ip -o -6 route show type unreachable | awk '{print $2}'");
  };
  const auto other = make_link("tun8", "gw-fra-2");
  output_of("ip link set lo up; ip tuntap add tun8 mode tun");
  ASSERT_TRUE(link_->bring_up(1420));
  ASSERT_TRUE(other->bring_up(1420));
  output_of("ip -6 route add unreachable fd00:9::/48");
  ASSERT_TRUE(link_->arrange({{}, {}, {net("fd00:1::/48"), net("fd00:2::/48")}}));
  ASSERT_TRUE(other->arrange({{}, {}, {net("fd00:2::/48")}}));
  const std::vector all{"fd00:1::/48"s, "fd00:2::/48"s, "fd00:2::/48"s, "fd00:9::/48"s};
  EXPECT_EQ(unreachable(), all);
  link_plan more{{}, {}, {net("fd00:2::/48")}};
  more.only = false;
  ASSERT_TRUE(link_->arrange(more));
  EXPECT_EQ(unreachable(), all);
  ASSERT_TRUE(link_->arrange({{}, {}, {net("fd00:2::/48")}}));
  EXPECT_EQ(unreachable().size(), 3U);
  ASSERT_TRUE(link_->remove());
  EXPECT_EQ(unreachable(), (std::vector{"fd00:2::/48"s, "fd00:9::/48"s})) << "those of others";
}

TEST_F(link_in_a_namespace, only_what_is_marked_is_forwarded_from_it) {
  const auto rules = [] { return lines_of("ip rule show prio 5200; ip -6 rule show prio 5200"); };
  ASSERT_TRUE(link_->bring_up(1420));
  link_plan plan;
  plan.only_marked = true;
  ASSERT_TRUE(link_->arrange(plan));
  ASSERT_TRUE(link_->arrange(plan)) << "once more";
  const std::string rule = "5200:\tfrom all fwmark 0/0x1000000 iif tun7 prohibit";
  EXPECT_EQ(rules(), (std::vector{rule, rule}));
  ASSERT_TRUE(link_->arrange({}));
  EXPECT_TRUE(rules().empty());
  ASSERT_TRUE(link_->arrange(plan));
  ASSERT_TRUE(link_->remove());
  EXPECT_TRUE(rules().empty());
}

TEST_F(link_in_a_namespace, switches_ipv6_on_where_it_is_off_or_says_clearly_that_it_is) {
  const std::string setting = "/proc/sys/net/ipv6/conf/tun7/disable_ipv6";
  ASSERT_TRUE(link_->bring_up(1420));
  std::ofstream(setting) << 1;
  auto arranged = link_->arrange({{ip("fd00::1")}, {}});
  ASSERT_TRUE(arranged && arranged->empty()) << said(arranged);
  EXPECT_EQ(output_of("cat " + setting), "0\n");

  // As in a container, which may not write there.
  std::ofstream(setting) << 1;
  ASSERT_EQ(::unshare(CLONE_NEWNS), 0);
  output_of("mount --make-rprivate / && mount --bind " + setting + " " + setting +
            " && mount -o remount,ro,bind " + setting);
  arranged = link_->arrange({{ip("fd00::1")}, {}});
  output_of("umount " + setting);
  ASSERT_TRUE(arranged && arranged->size() == 1);
  EXPECT_EQ(arranged->front().what, net("fd00::1/128"));
  EXPECT_TRUE(arranged->front().no_ipv6);
  EXPECT_NE(arranged->front().why.find("disable_ipv6"), std::string::npos);
}

TEST_F(link_in_a_namespace, says_which_interface_and_which_route_were_refused) {
  output_of("ip link set lo up");
  output_of("ip route add 10.7.0.0/16 dev lo");
  ASSERT_TRUE(link_->bring_up(1420));
  const auto arranged = link_->arrange({{}, {net("10.7.0.0/16"), net("10.8.0.0/16")}});
  ASSERT_TRUE(arranged && arranged->size() == 1) << said(arranged);
  EXPECT_EQ(arranged->front().what, net("10.7.0.0/16"));
  EXPECT_NE(arranged->front().why.find("another route"), std::string::npos);
  EXPECT_EQ(routes(), std::vector{"10.8.0.0/16 proto static scope link"s})
      << "the other one is there all the same";

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
