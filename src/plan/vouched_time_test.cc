#include "plan/vouched_time.h"

#include <gtest/gtest.h>

namespace peerage {
namespace {

struct vouched_time_test : testing::Test {
  vouched_time clock;
  wall_time right{seconds{1'000'000}};
  steady_time steady{std::chrono::hours{5}};
  std::size_t known = 4;                          // gateways, one of which is never heard
  seconds own{0}, first{0}, second{0}, third{0};  // what each clock is wrong by

  std::optional<wall_time> pass(seconds by, int gateways = 3) {
    right += by;
    steady += by;
    if (gateways > 0) clock.witness("a", right + first, steady);
    if (gateways > 1) clock.witness("b", right + second, steady);
    if (gateways > 2) clock.witness("c", right + third, steady);
    return clock.at(right + own, steady, known);
  }
  /// What a stamp is wrong by, with so many gateways; of those before, none is heard any more.
  milliseconds stamp_wrong_by(int gateways) {
    for (int i = 0; i < 7; ++i) pass(seconds{11}, gateways);  // and no jump is doubted any more
    return clock.stamp(right + own, steady) - right;
  }
};

constexpr seconds day{86'400};

TEST_F(vouched_time_test, is_the_right_time_while_all_clocks_are_right) {
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(pass(seconds{1})) << "another may not be heard yet";
  for (int i = 0; i < 100; ++i) EXPECT_EQ(pass(seconds{1}), right);
}

TEST_F(vouched_time_test, is_known_at_once_where_every_gateway_has_been_heard) {
  known = 2;
  EXPECT_FALSE(pass(seconds{1}, 1));
  EXPECT_EQ(pass(seconds{1}, 2), right);
}

TEST_F(vouched_time_test, no_clock_alone_moves_it_ahead) {
  pass(seconds{5});
  pass(seconds{5});
  for (seconds* each : {&own, &first, &second, &third}) {
    *each = day;
    for (int i = 0; i < 100; ++i) EXPECT_LE(pass(seconds{2}), right);
    *each = seconds{0};
    pass(seconds{2});
  }
  own = day;
  first = -day;
  for (int i = 0; i < 100; ++i) EXPECT_LE(pass(seconds{2}), right);
}

TEST_F(vouched_time_test, a_start_with_a_wrong_clock_is_seen_by_the_others) {
  own = day;
  EXPECT_FALSE(pass(seconds{1}, 1));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(pass(seconds{5}, 1), right);
}

TEST_F(vouched_time_test, a_start_with_the_wrong_clock_of_one_gateway_hears_the_others_first) {
  own = first = day;
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(pass(seconds{1}, 1));
  for (int i = 0; i < 25; ++i) EXPECT_LE(pass(seconds{2}, 2).value_or(right), right);
}

/// Faults that follow each other closely: each is gone before it is a minute old.
TEST_F(vouched_time_test, gateways_that_are_wrong_one_after_the_other_are_never_believed) {
  own = day;
  for (int i = 0; i < 3; ++i) pass(seconds{2}, 2);
  own = seconds{0};  // put right, which may be a jump
  for (int i = 0; i < 20; ++i) {
    first = i % 5 < 3 ? day : seconds{0};
    second = i % 5 > 1 ? day : seconds{0};
    EXPECT_LE(pass(seconds{2}, 2).value_or(right), right);
  }
}

TEST_F(vouched_time_test, of_two_gateways_that_differ_a_clock_of_long_standing_decides) {
  for (int i = 0; i < 30; ++i) pass(seconds{5}, 2);
  for (const seconds wrong : {-day, day}) {
    first = wrong;
    for (int i = 0; i < 30; ++i) EXPECT_EQ(pass(seconds{5}, 2), right);
  }
}

TEST_F(vouched_time_test, is_unknown_until_another_clock_has_been_heard_and_then_goes_on_alone) {
  EXPECT_FALSE(pass(seconds{1}, 0));
  pass(seconds{1}, 1);
  EXPECT_EQ(pass(seconds{5}, 1), right);
  EXPECT_EQ(pass(seconds{3'600}, 0), right);
  own = day;
  EXPECT_EQ(pass(seconds{1}, 0), right);
  EXPECT_EQ(pass(seconds{100}, 0), right) << "the others' clocks never said so";
}

TEST_F(vouched_time_test, a_start_long_after_the_newest_record_waits_for_a_minute_without_a_jump) {
  clock.start(right);
  own = first = day;
  EXPECT_FALSE(pass(seconds{1}, 1));
  EXPECT_FALSE(pass(seconds{9}, 1));
  EXPECT_FALSE(pass(seconds{20}, 1));
  own = first = seconds{0};
  pass(seconds{1}, 1);
  for (int i = 0; i < 130; ++i) EXPECT_LE(pass(seconds{1}, 1).value_or(right), right);
  EXPECT_EQ(pass(seconds{1}, 1), right) << "a clock that was put right counts in the end";
}

TEST_F(vouched_time_test, a_start_after_a_day_off_removes_after_a_minute) {
  clock.start(right - day);
  EXPECT_FALSE(pass(seconds{1}, 1));
  EXPECT_FALSE(pass(seconds{59}, 1));
  EXPECT_EQ(pass(seconds{1}, 1), right);
}

TEST_F(vouched_time_test, a_stamp_is_the_own_clocks_unless_it_has_just_jumped) {
  pass(seconds{1});
  EXPECT_EQ(clock.stamp(right + milliseconds{300}, steady), right + milliseconds{300});
  EXPECT_EQ(clock.stamp(right + day, steady), right + milliseconds{300}) << "it has just jumped";
}

TEST_F(vouched_time_test, a_stamp_of_a_start_with_a_wrong_clock_is_the_others_time) {
  for (const seconds wrong : {day, -day, seconds{-3'600}, seconds{61}}) {
    clock = vouched_time();
    own = wrong;
    EXPECT_EQ(stamp_wrong_by(0), wrong) << "nobody says otherwise";
    EXPECT_EQ(stamp_wrong_by(1), wrong) << "one clock against another";
    EXPECT_EQ(stamp_wrong_by(2), seconds{0});
    EXPECT_EQ(stamp_wrong_by(3), seconds{0});
    first = day * 2;  // which one is wrong, of three?
    EXPECT_EQ(stamp_wrong_by(2), wrong);
    EXPECT_EQ(stamp_wrong_by(3), seconds{0});
    second = wrong;
    EXPECT_EQ(stamp_wrong_by(3), wrong) << "somebody vouches for it";
    first = second = seconds{0};
  }
}

TEST_F(vouched_time_test, a_stamp_is_never_long_before_what_the_store_has_recorded) {
  clock.start(right - seconds{5});
  own = -day;
  EXPECT_EQ(clock.stamp(right - day, steady), right - seconds{5});
  steady += seconds{3};
  EXPECT_EQ(clock.stamp(right - day + seconds{3}, steady), right - seconds{2});
  clock.witness("gw-1", right, steady);
  clock.at(right - day + seconds{3}, steady, 1);
  EXPECT_EQ(clock.stamp(right - day + seconds{3}, steady), right);
  EXPECT_EQ(clock.stamp(right + seconds{3}, steady), right) << "put right, which may be a jump";
}

TEST_F(vouched_time_test, believes_a_thousand_clocks_at_most) {
  for (int i = 0; i < 1'001; ++i) clock.witness(std::to_string(i), right + day, steady);
  clock.witness("0", right, steady);
  steady += seconds{5};
  right += seconds{5};
  EXPECT_TRUE(clock.at(right, steady, 1));
}

}  // namespace
}  // namespace peerage
