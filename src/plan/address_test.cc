#include "plan/address.h"

#include <gtest/gtest.h>

#include <set>

namespace peerage {
namespace {

const prefix net = *prefix::parse("fd12:3456:789a::/48");

peer_id id_of(std::string_view network, std::string_view name) {
  return {*network_name::parse(network), *peer_name::parse(name)};
}

TEST(address, ipv6_is_network_number_and_a_hash_that_never_changes) {
  EXPECT_EQ(peer_ipv6(net, 7, id_of("acme", "ci-4711"), 0).text(),
            "fd12:3456:789a:7:82b4:3ffd:56:b9e5");
  EXPECT_EQ(gateway_ipv6(net, 258).text(), "fd12:3456:789a:102::1");
  EXPECT_EQ(gateway_prefix(net, 258).text(), "fd12:3456:789a:102::/64");
}

TEST(address, every_attempt_name_and_network_gives_another) {
  std::set<ip_address> all;
  for (unsigned attempt = 0; attempt < 100; ++attempt)
    for (const char* network : {"a", "b", "a-b"})
      for (const char* name : {"a", "b", "b-1"})
        all.insert(peer_ipv6(net, 1, id_of(network, name), attempt));
  EXPECT_EQ(all.size(), 900U);
  EXPECT_FALSE(all.contains(gateway_ipv6(net, 1)));
}

TEST(address, ipv4_leaves_the_first_and_the_last_alone) {
  const prefix range = *prefix::parse("10.1.2.0/29");
  EXPECT_EQ(ipv4_room(range), 6U);
  EXPECT_EQ(ipv4_at(range, 0).text(), "10.1.2.1");
  EXPECT_EQ(ipv4_at(range, 5).text(), "10.1.2.6");
  EXPECT_LT(ipv4_start(range, id_of("a", "b"), 3), 6U);
  EXPECT_EQ(ipv4_index(range, *ip_address::parse("10.1.2.6")), 5U);
  EXPECT_EQ(ipv4_index(range, *ip_address::parse("10.1.2.7")), std::nullopt);
  EXPECT_EQ(ipv4_index(range, *ip_address::parse("10.1.2.0")), std::nullopt);
  EXPECT_EQ(ipv4_index(range, *ip_address::parse("10.1.3.1")), std::nullopt);
}

TEST(address, small_and_large_ipv4_ranges) {
  EXPECT_EQ(ipv4_room(*prefix::parse("10.0.0.1/32")), 1U);
  EXPECT_EQ(ipv4_at(*prefix::parse("10.0.0.1/32"), 0).text(), "10.0.0.1");
  EXPECT_EQ(ipv4_room(*prefix::parse("10.0.0.0/31")), 2U);
  EXPECT_EQ(ipv4_index(*prefix::parse("10.0.0.0/31"), *ip_address::parse("10.0.0.0")), 0U);
  EXPECT_EQ(ipv4_room(*prefix::parse("10.0.0.0/8")), (1U << 24) - 2);
}

TEST(address, a_random_network_is_unique_local) {
  EXPECT_EQ(unique_local(0x0504030201ULL).text(), "fd01:203:405::/48");
}

}  // namespace
}  // namespace peerage
