#include "api/refusals.h"

#include <gtest/gtest.h>

namespace peerage {
namespace {

struct refusals_test : testing::Test {
  refusals folded;
  steady_time now{std::chrono::hours{1}};

  static audit_entry refused(const std::string& by, int status = 404) {
    audit_entry made;
    made.token = *token_id::parse(by);
    made.call = "DELETE /v1/networks/{network}/peers/{name}";
    made.did = deed::refused;
    made.status = status;
    return made;
  }
  unsigned lines(const std::string& by, unsigned many) {
    unsigned made = 0;
    for (unsigned i = 0; i < many; ++i) made += folded.fold(refused(by), now) ? 1 : 0;
    return made;
  }
};

TEST_F(refusals_test, of_a_loop_some_have_lines_and_one_more_says_how_many_had_none) {
  EXPECT_EQ(lines("a", 20), 20U);
  EXPECT_EQ(lines("a", 999), 0U);
  EXPECT_FALSE(folded.fold(refused("a", 409), now));
  EXPECT_TRUE(folded.over(now).empty());
  now += seconds{59};
  EXPECT_TRUE(folded.over(now).empty());
  now += seconds{1};
  const auto over = folded.over(now);
  ASSERT_EQ(over.size(), 1U);
  EXPECT_EQ(over[0].more, 999U) << "beside this one";
  EXPECT_EQ(over[0].status, 409) << "the last of them";
  EXPECT_EQ(lines("a", 30), 20U) << "another minute";
}

TEST_F(refusals_test, one_tokens_loop_takes_no_line_from_another) {
  lines("a", 1'000);
  EXPECT_EQ(lines("b", 5), 5U);
  now += seconds{60};
  EXPECT_EQ(folded.over(now).size(), 1U) << "of b nothing was counted";
}

TEST_F(refusals_test, at_the_end_nothing_that_was_counted_is_forgotten) {
  lines("a", 22);
  lines("b", 21);
  const auto all = folded.all();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].more, 1U);
  EXPECT_EQ(all[1].more, 0U);
  EXPECT_TRUE(folded.all().empty());
}

TEST_F(refusals_test, of_very_many_tokens_the_last_share_their_lines) {
  for (int i = 0; i < 10'000; ++i) lines("t" + std::to_string(i), 1);
  EXPECT_EQ(lines("x", 15) + lines("y", 15), 20U);
  EXPECT_EQ(lines("t7", 1), 1U);
}

}  // namespace
}  // namespace peerage
