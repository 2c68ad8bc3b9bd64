#include "plan/pace.h"

#include <gtest/gtest.h>

#include <string>

namespace peerage {
namespace {

constexpr steady_time start{seconds{1'000}};

struct allowances : testing::Test {
  /// How many of `wanted` it may at that moment.
  int take(const std::string& who, steady_time now, int wanted) {
    int got = 0;
    for (int i = 0; i < wanted; ++i) {
      if (!all.may(who, now)) continue;
      all.note(who, now);
      ++got;
    }
    return got;
  }
  paces<std::string> all{{.per_second = 10, .at_once = 20}, 3};
};

TEST_F(allowances, so_many_at_once_and_then_so_many_a_second) {
  EXPECT_EQ(take("a", start, 50), 20);
  EXPECT_EQ(take("a", start + milliseconds{99}, 50), 0);
  EXPECT_EQ(take("a", start + milliseconds{100}, 50), 1);
  EXPECT_EQ(take("a", start + seconds{1}, 50), 9);
  EXPECT_EQ(take("a", start + seconds{60}, 50), 20) << "rest is not saved beyond that";
}

TEST_F(allowances, over_a_long_time_the_pace_is_what_counts) {
  int got = 0;
  for (int ms = 0; ms < 30'000; ms += 7) got += take("a", start + milliseconds{ms}, 3);
  EXPECT_GE(got, 19 + 299);
  EXPECT_LE(got, 20 + 300);
}

TEST_F(allowances, each_has_its_own) {
  EXPECT_EQ(take("a", start, 50), 20);
  EXPECT_EQ(take("b", start, 5), 5);
  EXPECT_EQ(take("b", start, 50), 15);
}

TEST_F(allowances, whoever_is_refused_may_within_a_second) {
  paces<std::string> slow{{.per_second = 1, .at_once = 1}};
  slow.note("a", start);
  EXPECT_FALSE(slow.may("a", start + milliseconds{999}));
  EXPECT_TRUE(slow.may("a", start + seconds{1}));
}

TEST_F(allowances, no_more_are_remembered_than_there_is_room_for) {
  EXPECT_EQ(take("hot", start, 20), 20);
  for (const char* name : {"b", "c", "d", "e", "f"}) EXPECT_EQ(take(name, start, 2), 2);
  EXPECT_EQ(all.size(), 3U);
  EXPECT_EQ(take("hot", start, 1), 0) << "whoever asks most is forgotten last";
  take("g", start + seconds{10}, 1);
  EXPECT_EQ(all.size(), 1U) << "who has rested is forgotten";
}

TEST_F(allowances, without_a_bound_nobody_is_counted) {
  paces<std::string> free{{.per_second = 0}};
  for (int i = 0; i < 100'000; ++i) free.note("a", start);
  EXPECT_TRUE(free.may("a", start));
  EXPECT_EQ(free.size(), 0U);
}

}  // namespace
}  // namespace peerage
