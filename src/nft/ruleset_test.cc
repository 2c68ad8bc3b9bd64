#include "nft/ruleset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace peerage::nft {
namespace {

using testing::HasSubstr;
using testing::Not;

prefix net(const char* text) {
  return *prefix::parse(text);
}

tenant tenant_of(int n) {
  const std::string whole = "fd00:" + std::to_string(n) + "::";
  const std::string own = "fd00:" + std::to_string(n) + ":0:7:";
  tenant made{net((whole + "/48").c_str()),
              net((own + ":/64").c_str()),
              *ip_address::parse(own + ":1"),
              {},
              {}};
  return made;
}

const wall_options options{"peerage-gw-1", "wg0", {{"udp", 53}}};

TEST(ruleset, is_built_in_the_place_of_what_was_there) {
  const std::string text = build(options, {{tenant_of(1)}});
  EXPECT_TRUE(
      text.starts_with("add table inet peerage-gw-1\ndelete table inet peerage-gw-1\n"
                       "table inet peerage-gw-1 {\n"));
  EXPECT_THAT(text, HasSubstr("iifname \"wg0\" jump from-peers"));
  EXPECT_THAT(text, HasSubstr("oifname \"wg0\" jump to-peers"));
  EXPECT_THAT(text, HasSubstr("ip6 daddr @here udp dport 53 accept"));
  EXPECT_THAT(text, HasSubstr("add element inet peerage-gw-1 own6 { fd00:1:0:7:: . fd00:1:: }"));
  EXPECT_THAT(text, HasSubstr("add element inet peerage-gw-1 here { fd00:1:0:7::1 }"));
  EXPECT_THAT(text, Not(HasSubstr("tenants4 {  }")));
  EXPECT_LT(text.find("@tenants6 drop"), text.find("@routes6 accept"))
      << "other networks go before any route is looked at";
  EXPECT_LT(text.find("ip6 daddr fd00::/8 drop"), text.find("@routes6 accept"))
      << "those without peers here too";
  EXPECT_LT(text.find("ip6 saddr . ip6 daddr @inner6"), text.find("ip6 daddr fd00::/8 drop"));
}

TEST(ruleset, a_route_to_unique_local_addresses_is_one_that_was_meant) {
  tenant one = tenant_of(1);
  one.routes = {net("fd99::/32"), net("2001:db8::/32")};
  const std::string text = build(options, {{one}});
  EXPECT_THAT(text, HasSubstr("inner6 { fd00:1:0:7::/64 . fd99::/32 }"));
  EXPECT_THAT(text, HasSubstr("routes6 { fd00:1:0:7::/64 . 2001:db8::/32 }"));
}

TEST(ruleset, one_more_network_is_an_element_more_in_each_set) {
  tenant four = tenant_of(2);
  four.ipv4 = net("10.2.0.0/16");
  four.routes = {net("::/0"), net("2001:db8::/32"), net("192.0.2.0/24")};
  const wall_plan before{{tenant_of(1)}};
  const wall_plan after{{tenant_of(1), four}};
  EXPECT_EQ(change(options, before, before), "");
  EXPECT_EQ(change(options, before, after),
            "add element inet peerage-gw-1 here { fd00:2:0:7::1 }\n"
            "add element inet peerage-gw-1 tenants6 { fd00:2:: }\n"
            "add element inet peerage-gw-1 tenants4 { 10.2.0.0/16 }\n"
            "add element inet peerage-gw-1 own6 { fd00:2:0:7:: . fd00:2:: }\n"
            "add element inet peerage-gw-1 own4 { 10.2.0.0/16 . 10.2.0.0/16 }\n"
            "add element inet peerage-gw-1 routes6 { fd00:2:0:7::/64 . ::/0 }\n"
            "add element inet peerage-gw-1 routes4 { 10.2.0.0/16 . 192.0.2.0/24 }\n")
      << "a route within another is no element";
  const std::string back = change(options, after, before);
  EXPECT_EQ(std::ranges::count(back, '\n'), 7);
  EXPECT_THAT(back, HasSubstr("delete element inet peerage-gw-1 own6 { fd00:2:0:7:: . fd00:2:: }"));
}

TEST(ruleset, what_goes_is_removed_before_what_comes) {
  tenant old = tenant_of(1), now = tenant_of(1);
  old.routes = {net("2001:db8::/32")};
  now.routes = {net("2001:db8::/33")};
  const std::string text = change(options, {{old}}, {{now}});
  EXPECT_LT(text.find("delete element"), text.find("add element"));
  EXPECT_EQ(std::ranges::count(text, '\n'), 2);
}

TEST(ruleset, a_network_without_ipv4_uses_no_ipv4_route) {
  tenant six = tenant_of(1);
  six.routes = {net("192.0.2.0/24")};
  EXPECT_THAT(build(options, {{six}}), Not(HasSubstr("add element inet peerage-gw-1 routes4")));
}

}  // namespace
}  // namespace peerage::nft
