#include "model/ip.h"

#include <gtest/gtest.h>

#include <unordered_set>

namespace peerage {
namespace {

TEST(ip_address, reads_both_families_and_prints_the_shortest_form) {
  const char* pairs[][2] = {{"10.9.0.2", "10.9.0.2"},
                            {"255.255.255.255", "255.255.255.255"},
                            {"fd00:0:0::0001", "fd00::1"},
                            {"FD00::A", "fd00::a"},
                            {"::", "::"},
                            {"::ffff:1.2.3.4", "::ffff:1.2.3.4"}};
  for (const auto& [text, shortest] : pairs) {
    const auto read = ip_address::parse(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(read->text(), shortest);
  }
}

TEST(ip_address, refuses_everything_else) {
  for (const std::string_view text :
       {std::string_view(""), std::string_view("10.9.0"), std::string_view("10.9.0.256"),
        std::string_view("010.9.0.1"), std::string_view("fe80::1%eth0"), std::string_view("[::1]"),
        std::string_view("1.2.3.4\0x", 9), std::string_view("::1\0", 4),
        std::string_view(" ::1")}) {
    const auto read = ip_address::parse(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, errc::invalid);
  }
}

TEST(ip_address, is_bytes_in_network_order) {
  const ip_address four = ip_address::v4(0x0a090002);
  EXPECT_EQ(four.text(), "10.9.0.2");
  EXPECT_EQ(four.v4_value(), 0x0a090002U);
  EXPECT_EQ(four.bytes().size(), 4U);
  EXPECT_EQ(four.bits(), 32U);
  const ip_address six = *ip_address::parse("fd00::1");
  EXPECT_EQ(six.bytes().size(), 16U);
  EXPECT_EQ(six.bytes()[15], 1);
  EXPECT_EQ(six.bits(), 128U);
}

TEST(prefix, has_no_host_bits) {
  for (const char* text : {"::/0", "0.0.0.0/0", "10.9.0.0/16", "fd00:1:2::/48", "10.9.0.2/32"}) {
    const auto read = prefix::parse(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(read->text(), text);
  }
  for (const char* text :
       {"10.9.0.0", "x/8", "10.9.0.0/", "10.9.0.0/x", "10.9.0.0/8x", "10.9.0.0/33", "::/129",
        "10.9.0.0/016", "10.9.0.1/16", "/8", "10.9.0.0/99999999999"}) {
    const auto read = prefix::parse(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, errc::invalid);
  }
  EXPECT_EQ(prefix::of(*ip_address::parse("10.9.8.7"), 12).text(), "10.0.0.0/12");
  EXPECT_EQ(prefix::host(*ip_address::parse("fd00::7")).text(), "fd00::7/128");
}

TEST(prefix, contains_and_overlaps) {
  const prefix wide = *prefix::parse("10.0.0.0/8");
  const prefix narrow = *prefix::parse("10.9.0.0/16");
  EXPECT_TRUE(wide.contains(narrow));
  EXPECT_FALSE(narrow.contains(wide));
  EXPECT_TRUE(narrow.overlaps(wide));
  EXPECT_TRUE(wide.overlaps(narrow));
  EXPECT_FALSE(narrow.overlaps(*prefix::parse("10.8.0.0/16")));
  EXPECT_TRUE(wide.contains(*ip_address::parse("10.255.0.1")));
  EXPECT_FALSE(wide.contains(*ip_address::parse("11.0.0.1")));
  EXPECT_FALSE(wide.contains(*ip_address::parse("a00::"))) << "the same bits, another family";
}

TEST(prefix, can_be_put_into_a_set) {
  const std::unordered_set<prefix> all{*prefix::parse("10.0.0.0/8"), *prefix::parse("10.0.0.0/9"),
                                       *prefix::parse("10.0.0.0/8")};
  EXPECT_EQ(all.size(), 2U);
}

}  // namespace
}  // namespace peerage
