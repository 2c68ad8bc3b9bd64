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
  tenant alike = tenant_of(1);
  alike.ipv4 = net("10.1.0.0/16");
  const wall_plan before{{alike}};
  const wall_plan after{{alike, four}};
  EXPECT_EQ(change(options, before, before), "");
  EXPECT_EQ(change(options, before, after),
            "add element inet peerage-gw-1 here { fd00:2:0:7::1 }\n"
            "add element inet peerage-gw-1 tenants6 { fd00:2:: }\n"
            "add element inet peerage-gw-1 own6 { fd00:2:0:7:: . fd00:2:: }\n"
            "add element inet peerage-gw-1 routes6 { fd00:2:0:7::/64 . ::/0 }\n"
            "add element inet peerage-gw-1 routes4 { 10.2.0.0/16 . 192.0.2.0/24 }\n"
            "add element inet peerage-gw-1 tenants4-16 { 10.2.0.0 }\n"
            "add element inet peerage-gw-1 own4-16 { 10.2.0.0 . 10.2.0.0 }\n")
      << "a route within another is no element";
  const std::string back = change(options, after, before);
  EXPECT_EQ(std::ranges::count(back, '\n'), 7);
  EXPECT_THAT(back, HasSubstr("delete element inet peerage-gw-1 own6 { fd00:2:0:7:: . fd00:2:: }"));
}

TEST(ruleset, the_first_ipv4_range_of_a_length_brings_its_sets_and_rules_and_the_last_takes_them) {
  tenant one = tenant_of(1), two = tenant_of(2);
  one.ipv4 = net("10.1.0.0/16");
  two.ipv4 = net("10.2.3.0/24");
  const wall_plan before{{one}};
  const wall_plan both{{one, two}};
  const std::string come = change(options, before, both);
  EXPECT_THAT(come,
              HasSubstr("add set inet peerage-gw-1 own4-24 { type ipv4_addr . ipv4_addr; }\n"));
  EXPECT_THAT(come, HasSubstr("flush chain inet peerage-gw-1 other-network4-to\n"));
  for (const char* const mask : {"255.255.0.0", "255.255.255.0"}) {
    const std::string length = std::string(mask) == "255.255.0.0" ? "16" : "24";
    EXPECT_THAT(come, HasSubstr("same-network4-to ip daddr & " + std::string(mask) +
                                " . ip saddr & " + mask + " @own4-" + length + " accept\n"))
        << "flushed chains have their other rules again";
    EXPECT_THAT(come, HasSubstr("other-network4-from ip daddr & " + std::string(mask) +
                                " @tenants4-" + length + " drop\n"));
  }
  EXPECT_THAT(come, HasSubstr("own4-24 { 10.2.3.0 . 10.2.3.0 }"));
  EXPECT_THAT(come, Not(HasSubstr("own4-16 {")));
  const std::string gone = change(options, both, before);
  EXPECT_THAT(gone, HasSubstr("delete set inet peerage-gw-1 tenants4-24\n"));
  EXPECT_THAT(gone, Not(HasSubstr("@own4-24")));
  EXPECT_THAT(gone, HasSubstr("@own4-16"));
  EXPECT_LT(gone.find("flush chain"), gone.find("delete set"));
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
