#include "plan/ranges.h"

#include <gtest/gtest.h>

namespace peerage {
namespace {

TEST(ranges, ipv6_is_a_unicast_48) {
  EXPECT_TRUE(check_network_ipv6(*prefix::parse("fd12:3456:789a::/48")));
  EXPECT_TRUE(check_network_ipv6(*prefix::parse("2001:db8:1::/48")));
  for (const char* bad :
       {"fd00::/47", "fd00::/64", "ff02::/48", "fe80::/48", "::/48", "10.0.0.0/8"})
    EXPECT_FALSE(check_network_ipv6(*prefix::parse(bad))) << bad;
}

TEST(ranges, ipv4_is_for_hosts) {
  for (const char* good : {"10.0.0.0/8", "192.168.7.0/24", "100.64.0.1/32"})
    EXPECT_TRUE(check_network_ipv4(*prefix::parse(good))) << good;
  for (const char* bad : {"0.0.0.0/0", "10.0.0.0/7", "127.0.0.0/24", "224.0.0.0/24", "240.0.0.0/8",
                          "169.254.1.0/24", "fd00::/48"})
    EXPECT_FALSE(check_network_ipv4(*prefix::parse(bad))) << bad;
}

TEST(ranges, a_network_lies_within_one_of_them) {
  const std::vector ranges{*prefix::parse("10.0.0.0/8"), *prefix::parse("fd12:3400::/24")};
  for (const char* good : {"10.0.0.0/8", "10.7.0.0/16", "fd12:3456:789a::/48"})
    EXPECT_TRUE(lies_within(*prefix::parse(good), ranges)) << good;
  for (const char* bad : {"11.0.0.0/8", "fd12:3500::/48", "8.0.0.0/6", "::/0"})
    EXPECT_FALSE(lies_within(*prefix::parse(bad), ranges)) << bad;
  EXPECT_TRUE(lies_within(*prefix::parse("11.0.0.0/8"), {})) << "without any";
}

TEST(ranges, a_random_network_is_taken_from_them) {
  const prefix wide = *prefix::parse("fd12:3400::/24"), one = *prefix::parse("2001:db8:7::/48");
  EXPECT_TRUE(prefix::parse("fd00::/8")->contains(*network_within({}, 12'345)));
  const prefix first = *network_within({*prefix::parse("10.0.0.0/8"), wide}, 12'345);
  EXPECT_TRUE(wide.contains(first));
  EXPECT_EQ(first.length(), 48U);
  EXPECT_NE(first, *network_within({wide}, 12'346));
  EXPECT_EQ(network_within({one}, 7), one);
  EXPECT_EQ(network_within({*prefix::parse("10.0.0.0/8"), *prefix::parse("fd00::/64")}, 7),
            std::nullopt);
}

}  // namespace
}  // namespace peerage
