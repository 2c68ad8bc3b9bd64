#include "plan/host_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace peerage {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(host_network, forwarding_that_is_off_is_named_with_its_setting) {
  EXPECT_THAT(forwarding_troubles({}, "wg0"), IsEmpty());
  EXPECT_THAT(forwarding_troubles({.ipv4 = false}, "wg0"),
              ElementsAre(AllOf(HasSubstr("IPv4"), HasSubstr("net.ipv4.ip_forward=1"))));
  EXPECT_THAT(forwarding_troubles({.ipv4 = false, .ipv6 = false}, "wg0"),
              ElementsAre(HasSubstr("IPv4"), HasSubstr("net.ipv6.conf.all.forwarding=1")));
}

TEST(host_network, a_chain_that_drops_is_named_with_its_table) {
  const auto said = forwarding_troubles({.dropping = {{"ip", "filter", "FORWARD"}}}, "wg0");
  EXPECT_THAT(said, ElementsAre(AllOf(HasSubstr("chain FORWARD of nftables table ip filter"),
                                      HasSubstr("iifname wg0 oifname wg0 accept"))));
  EXPECT_THAT(forwarding_troubles({.legacy_filter = true}, "wg0"),
              ElementsAre(HasSubstr("iptables-legacy")));
}

TEST(host_network, without_ipv6_the_gateway_says_what_to_do) {
  EXPECT_THAT(why_no_ipv6(ipv6_of_host::there, "wg0"), IsEmpty());
  EXPECT_THAT(why_no_ipv6(ipv6_of_host::off, "wg0"), IsEmpty());
  EXPECT_THAT(why_no_ipv6(ipv6_of_host::locked, "wg0"), HasSubstr("disable_ipv6=0"));
  EXPECT_THAT(why_no_ipv6(ipv6_of_host::absent, "wg0"), HasSubstr("ipv6.disable=1"));
}

TEST(host_network, a_tunnel_takes_what_the_uplink_leaves_and_1420_at_most) {
  EXPECT_EQ(tunnel_mtu({}, "192.0.2.1:51820"), 1'420U);
  EXPECT_EQ(tunnel_mtu(1'500, "192.0.2.1:51820"), 1'420U);
  EXPECT_EQ(tunnel_mtu(9'000, "[2001:db8::1]:51820"), 1'420U);
  EXPECT_EQ(tunnel_mtu(1'460, "192.0.2.1:51820"), 1'400U);
  EXPECT_EQ(tunnel_mtu(1'460, "[2001:db8::1]:51820"), 1'380U);
  EXPECT_EQ(tunnel_mtu(1'460, "vpn.example.com:51820"), 1'380U) << "which may be either";
  EXPECT_EQ(tunnel_mtu(1'300, "192.0.2.1:51820"), 1'280U) << "IPv6 needs it";
  EXPECT_EQ(tunnel_mtu(0, "192.0.2.1:51820"), 1'280U);
}

}  // namespace
}  // namespace peerage
