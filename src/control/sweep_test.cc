#include <gtest/gtest.h>

#include "control/control.h"
#include "testing/fake_bus.h"
#include "testing/fake_clock.h"
#include "testing/fake_store.h"
#include "testing/run.h"

namespace peerage {
namespace {

struct sweep_test : testing::Test {
  asio::io_context loop;
  fakes::fake_store store;
  fakes::fake_clock time{loop.get_executor()};
  fakes::fake_bus bus{time};
  control first{loop.get_executor(), store, bus, time};
  control second{loop.get_executor(), store, bus, time};

  void SetUp() override { store.sweep_finds = sweep_report{10, 2, 1, {"a/key: missing"}}; }
  void start() {
    ASSERT_TRUE(fakes::run_on(loop, first.start()));
    ASSERT_TRUE(fakes::run_on(loop, second.start()));
  }
  void pass(std::chrono::minutes by) {
    for (; by.count() > 0; --by) {
      time.advance(seconds{60});
      loop.restart();
      loop.poll();
    }
  }
  void TearDown() override {
    fakes::run_on(loop, first.stop());
    fakes::run_on(loop, second.stop());
  }
};

TEST_F(sweep_test, of_two_processes_one_sweeps_once_an_hour) {
  start();
  pass(std::chrono::minutes{2});
  EXPECT_EQ(store.sweeps, 1U);
  pass(std::chrono::minutes{56});
  EXPECT_EQ(store.sweeps, 1U);
  pass(std::chrono::minutes{10});
  EXPECT_EQ(store.sweeps, 2U);
}

TEST_F(sweep_test, a_beginning_in_the_far_future_holds_nobody_up) {
  time.jump(std::chrono::hours{24});
  start();
  pass(std::chrono::minutes{2});
  EXPECT_EQ(store.sweeps, 1U);
  time.jump(-std::chrono::hours{24});
  pass(std::chrono::minutes{2});
  EXPECT_EQ(store.sweeps, 2U);
}

TEST_F(sweep_test, a_store_that_cannot_disagree_is_not_swept) {
  store.sweep_finds.reset();
  start();
  pass(std::chrono::minutes{3});
  EXPECT_EQ(store.sweeps, 0U);
}

}  // namespace
}  // namespace peerage
