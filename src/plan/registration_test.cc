#include "plan/registration.h"

#include <gtest/gtest.h>

namespace peerage {
namespace {

public_key key(std::uint8_t number) {
  std::array<std::uint8_t, 32> bytes{};
  bytes.fill(number);
  return public_key(bytes);
}

gateway registered(const char* name, std::uint16_t number) {
  gateway made;
  made.name = *gateway_name::parse(name);
  made.number = number;
  made.region = *region_name::parse("fra");
  made.public_key = key(static_cast<std::uint8_t>(number));
  made.endpoint = "[2001:db8::1]:51820";
  made.device = "kernel";
  made.capacity = 100;
  return made;
}

TEST(registration, what_is_written_is_read_again_in_order_of_name) {
  const std::vector<accepted_gateway> all{accepted_from(registered("gw-1", 7)),
                                          accepted_from(registered("gw-2", 3))};
  EXPECT_EQ(parse_accepted(format_accepted(all)), all);
  EXPECT_EQ(parse_accepted(format_accepted({all[1], all[0]})), all);
  EXPECT_TRUE(parse_accepted("").empty());
}

TEST(registration, lines_that_cant_be_read_are_passed_over) {
  const std::string good = format_accepted({accepted_from(registered("gw-1", 7))});
  for (const char* bad : {"gw-2\n", "gw-2 70000 fra K e:1\n", "\n\n", "gw-2 1 fra nonsense h:1\n",
                          "gw-2 1x fra nonsense h:1\n", " \n"}) {
    EXPECT_EQ(parse_accepted(bad + good).size(), 1U) << bad;
    EXPECT_EQ(parse_accepted(good + bad).size(), 1U) << bad;
  }
}

TEST(registration, a_number_or_key_of_another_is_a_clash_and_its_own_is_not) {
  const std::vector<accepted_gateway> all{accepted_from(registered("gw-1", 7)),
                                          accepted_from(registered("gw-2", 3))};
  EXPECT_EQ(clashes(all, all[0]), std::nullopt);
  gateway other = registered("gw-3", 9);
  EXPECT_EQ(clashes(all, accepted_from(other)), std::nullopt);
  other.number = 3;
  EXPECT_EQ(clashes(all, accepted_from(other))->text(), "gw-2");
  other.number = 9;
  other.public_key = key(7);
  EXPECT_EQ(clashes(all, accepted_from(other))->text(), "gw-1");
}

TEST(registration, what_was_accepted_counts_and_what_is_said_instead_is_told) {
  const gateway first = registered("gw-1", 7);
  const accepted_gateway known = accepted_from(first);
  EXPECT_EQ(vouch(&first, &known).what, first);
  EXPECT_EQ(vouch(&first, &known).doubt, "");
  gateway later = first;
  later.number = 8;
  later.region = *region_name::parse("iad");
  later.endpoint = "192.0.2.1:1";
  later.public_key = key(99);
  later.capacity = 5;
  later.draining = true;
  const vouched_gateway made = vouch(&later, &known);
  EXPECT_TRUE(made.usable);
  EXPECT_EQ(accepted_from(made.what), known);
  EXPECT_EQ(made.what.capacity, 5U);
  EXPECT_TRUE(made.what.draining);
  EXPECT_EQ(made.doubt,
            "it now says number 8 (accepted: 7), region iad (accepted: fra), endpoint 192.0.2.1:1 "
            "(accepted: [2001:db8::1]:51820), a public key that a peer or another gateway has; "
            "`peerage gateways accept gw-1` accepts another region or endpoint");
}

TEST(registration, without_a_record_or_an_acceptance_no_peer_is_placed_on_it) {
  const gateway first = registered("gw-1", 7);
  const accepted_gateway known = accepted_from(first);
  const vouched_gateway lost = vouch(nullptr, &known);
  EXPECT_FALSE(lost.usable);
  EXPECT_TRUE(lost.what.draining);
  EXPECT_EQ(accepted_from(lost.what), known);
  EXPECT_NE(lost.doubt, "");
  const vouched_gateway clash = vouch(&first, nullptr);
  EXPECT_FALSE(clash.usable);
  EXPECT_NE(clash.doubt, "");
}

}  // namespace
}  // namespace peerage
