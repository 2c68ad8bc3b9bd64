#include "async/signal.h"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>

namespace peerage {
namespace {

struct signal_test : testing::Test {
  asio::io_context loop;
  signal tested{loop.get_executor()};
  int woken = 0;
  int cancelled = 0;
  asio::cancellation_signal stop;

  void start_waiter() {
    asio::co_spawn(loop, tested.wait(),
                   [this](std::exception_ptr thrown) { ++(thrown ? cancelled : woken); });
    run();
  }
  /// One that `stop` cancels; a slot is for one at a time.
  void start_waiter_to_cancel() {
    asio::co_spawn(loop, tested.wait(),
                   asio::bind_cancellation_slot(stop.slot(), [this](std::exception_ptr thrown) {
                     ++(thrown ? cancelled : woken);
                   }));
    run();
  }
  void run() {
    loop.restart();
    loop.poll();
  }
};

TEST_F(signal_test, one_notification_wakes_every_waiter) {
  for (int i = 0; i < 5; ++i) start_waiter();
  tested.notify();
  run();
  EXPECT_EQ(woken, 5);
  start_waiter();
  EXPECT_EQ(woken, 5) << "none is kept: there were waiters";
  tested.notify();
  run();
  EXPECT_EQ(woken, 6);
}

TEST_F(signal_test, a_notification_without_a_waiter_is_kept_for_the_next_one) {
  tested.notify();
  tested.notify();
  start_waiter();
  EXPECT_EQ(woken, 1);
  start_waiter();
  EXPECT_EQ(woken, 1);
  tested.clear();
  tested.notify();
  run();
  EXPECT_EQ(woken, 2);
}

TEST_F(signal_test, a_notification_to_a_waiter_that_is_cancelled_is_kept) {
  start_waiter_to_cancel();
  stop.emit(asio::cancellation_type::terminal);  // is on its way to the waiter
  tested.notify();
  run();
  ASSERT_EQ(cancelled, 1);
  start_waiter();
  EXPECT_EQ(woken, 1);
}

}  // namespace
}  // namespace peerage
