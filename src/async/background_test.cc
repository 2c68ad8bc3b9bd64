#include "async/background.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>

namespace peerage {
namespace {

/// A loop that can end before those who work on it do, as a process that dies.
struct mortal_loop : asio::io_context {
  void end() { shutdown(); }
};

task<> hold(std::shared_ptr<int> something, signal& until) {
  co_await until.wait();
  *something = 0;
}

struct background_test : testing::Test {
  mortal_loop loop;
  signal until{loop.get_executor()};
  std::shared_ptr<int> held = std::make_shared<int>(1);
};

TEST_F(background_test, stop_ends_everything) {
  background work(loop.get_executor());
  work.spawn(hold(held, until));
  loop.poll();
  EXPECT_EQ(held.use_count(), 2);
  asio::co_spawn(loop, work.stop(), asio::detached);
  loop.poll();
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(*held, 1) << "cancelled, not done";
}

TEST_F(background_test, a_loop_that_ends_takes_the_work_with_it) {
  background work(loop.get_executor());
  work.spawn(hold(held, until));
  loop.poll();
  loop.end();
  EXPECT_EQ(held.use_count(), 1) << "and the owner, which goes now, need not stop it";
}

}  // namespace
}  // namespace peerage
