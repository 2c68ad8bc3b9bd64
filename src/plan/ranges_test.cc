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

}  // namespace
}  // namespace peerage
