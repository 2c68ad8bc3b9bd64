#include "plan/trusted_time.h"

#include <gtest/gtest.h>

namespace peerage {
namespace {

struct trusted_time_test : testing::Test {
  trusted_time clock;
  wall_time shown{seconds{1'000'000}};
  steady_time steady{std::chrono::hours{5}};
  wall_time pass(milliseconds by) {
    shown += by;
    steady += by;
    return clock.at(shown, steady);
  }
};

TEST_F(trusted_time_test, is_the_clocks_while_that_goes_steadily) {
  for (int i = 0; i < 100; ++i) EXPECT_EQ(pass(milliseconds{250}), shown);
  shown += milliseconds{300};  // as NTP does
  EXPECT_EQ(pass(milliseconds{250}), shown);
}

TEST_F(trusted_time_test, a_jump_there_and_back_is_never_seen) {
  wall_time right = pass(milliseconds{0});
  shown += seconds{3'600};
  for (int i = 0; i < 50; ++i) EXPECT_EQ(pass(seconds{1}), right += seconds{1});
  shown -= seconds{3'600};
  for (int i = 0; i < 200; ++i) EXPECT_EQ(pass(seconds{1}), right += seconds{1});
  EXPECT_FALSE(clock.went_back());
}

TEST_F(trusted_time_test, a_jump_back_is_believed_soon_and_undone_at_once) {
  wall_time right = pass(milliseconds{0});
  for (int i = 0; i < 61; ++i) EXPECT_EQ(pass(seconds{1}), right += seconds{1});
  shown -= seconds{3'600};
  EXPECT_EQ(pass(seconds{1}), right += seconds{1});
  EXPECT_EQ(pass(seconds{2}), shown);
  EXPECT_TRUE(clock.went_back());
  shown += seconds{3'600};
  EXPECT_EQ(pass(seconds{1}), shown);
  EXPECT_FALSE(clock.went_back());
}

TEST_F(trusted_time_test, a_clock_that_was_wrong_at_the_start_is_right_two_seconds_after_it_is) {
  shown += seconds{86'400};
  for (int i = 0; i < 300; ++i) pass(seconds{1});
  shown -= seconds{86'400};
  pass(milliseconds{250});
  EXPECT_EQ(pass(seconds{2}), shown);
  EXPECT_TRUE(clock.went_back());
}

TEST_F(trusted_time_test, a_jump_that_stays_is_believed_after_a_minute) {
  pass(seconds{1});
  shown += seconds{3'600};
  const wall_time right = shown - seconds{3'600};
  EXPECT_EQ(pass(seconds{1}), right + seconds{1});
  EXPECT_EQ(pass(seconds{59}), right + seconds{60});
  EXPECT_EQ(pass(seconds{1}), shown);
  EXPECT_FALSE(clock.went_back());
  shown -= seconds{1'800};
  pass(seconds{1});
  EXPECT_EQ(pass(seconds{60}), shown);
  EXPECT_TRUE(clock.went_back());
  EXPECT_FALSE(clock.went_back()) << "said once";
}

TEST_F(trusted_time_test, a_clock_that_jumps_about_is_not_believed) {
  wall_time right = pass(seconds{1});
  for (int i = 0; i < 20; ++i) {
    shown += seconds{100};
    EXPECT_EQ(pass(seconds{30}), right += seconds{30});
  }
}

}  // namespace
}  // namespace peerage
