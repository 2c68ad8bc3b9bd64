#include "plan/leavings.h"

#include "plan/fixture.h"

namespace peerage {
namespace {

leaving left(std::uint8_t n) {
  return {peer_of(n).id, *gateway_name::parse("gw-1"),
          key(n),        *token_id::parse("tok"),
          epoch{"b1a6"}, revision{n}};
}

TEST(leavings, read_as_they_were_written) {
  const std::vector all{left(1), left(2)};
  EXPECT_EQ(parse_leavings(format_leavings(all)), all);
  EXPECT_TRUE(parse_leavings("").empty());
}

TEST(leavings, a_line_that_cannot_be_read_costs_that_line_alone) {
  const std::string good = format_leavings({left(3)});
  EXPECT_EQ(parse_leavings("a b c\n" + good + "acme p1 gw-1 x tok b1a6 7\n"), std::vector{left(3)});
  std::string no_number = good;
  no_number.insert(no_number.size() - 1, "x");
  EXPECT_TRUE(parse_leavings(no_number).empty());
}

TEST(leavings, are_noted_once_and_taken_out) {
  std::vector<leaving> all;
  change_leavings(all, {left(1), left(2)}, {});
  change_leavings(all, {left(1)}, {left(2)});
  EXPECT_EQ(all, std::vector{left(1)});
}

TEST(leavings, of_more_than_a_thousand_the_oldest_are_forgotten) {
  std::vector<leaving> all, more;
  for (std::uint64_t n = 0; n < 1'001; ++n) {
    more.push_back(left(1));
    more.back().at.number = n;
  }
  change_leavings(all, more, {});
  EXPECT_EQ(all.size(), 1'000U);
  EXPECT_EQ(all.front().at.number, 1U);
}

}  // namespace
}  // namespace peerage
