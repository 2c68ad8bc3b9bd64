#include "local/bus.h"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <utility>

#include "async/signal.h"
#include "testing/fake_clock.h"
#include "testing/run.h"

namespace peerage {
namespace {

/// A gateway that answers when it is told to.
struct slow_gateway final : gateway_service {
  task<accept_removals_reply> accept_removals(accept_removals_request) override {
    co_return accept_removals_reply{7};
  }
  explicit slow_gateway(asio::io_context& loop) : go_on(loop.get_executor()) {}
  task<apply_reply> apply(apply_request request) override {
    ++under_way;
    struct leave {
      int& count;
      ~leave() { --count; }
    } const leaving{under_way};
    co_await go_on.wait();
    apply_reply reply;
    reply.request_id = request.request_id;
    co_return reply;
  }
  task<status_reply> status(status_request) override { co_return status_reply{}; }

  signal go_on;
  int under_way = 0;
};

class local_bus : public testing::Test {
 protected:
  void TearDown() override {
    bus_->stop_serving(name_);
    run();
  }
  using answer = std::optional<result<apply_reply>>;

  /// Asks, and returns once the request waits for the gateway.
  void ask(answer& into, milliseconds limit, asio::cancellation_slot caller = {}) {
    auto ended = [this, &into](std::exception_ptr thrown, auto reply) {
      cancelled_ = thrown != nullptr;
      if (!thrown) into = std::move(reply);
    };
    asio::co_spawn(loop_, bus_->apply(name_, apply_request{}, time_.steady() + limit),
                   asio::bind_cancellation_slot(caller, std::move(ended)));
    run();
  }
  void run() {
    loop_.restart();
    loop_.poll();
  }

  asio::io_context loop_;
  fakes::fake_clock time_{loop_.get_executor()};
  std::unique_ptr<bus> bus_ = make_local_bus(time_);
  slow_gateway gateway_{loop_};
  const gateway_name name_ = *gateway_name::parse("gw-1");
  bool cancelled_ = false;
};

TEST_F(local_bus, each_request_ends_at_its_own_deadline) {
  ASSERT_TRUE(bus_->serve(name_, gateway_));
  answer late, later, sooner;
  ask(late, milliseconds{200});
  ask(later, milliseconds{300});
  ask(sooner, milliseconds{100});
  time_.advance(milliseconds{100});
  run();
  EXPECT_TRUE(sooner && !late && !later);
  time_.advance(milliseconds{100});
  run();
  EXPECT_TRUE(late && !later);
  EXPECT_EQ(late->error().code, errc::timeout);
  EXPECT_EQ(gateway_.under_way, 1);
  gateway_.go_on.notify();
  run();
  EXPECT_TRUE(later && *later) << "answered in time";
}

TEST_F(local_bus, a_deadline_that_has_passed_still_lets_the_request_begin) {
  ASSERT_TRUE(bus_->serve(name_, gateway_));
  answer now;
  ask(now, milliseconds{0});
  ASSERT_TRUE(now);
  EXPECT_EQ(now->error().code, errc::timeout);
  EXPECT_EQ(gateway_.under_way, 0);
}

TEST_F(local_bus, cancelling_the_caller_cancels_the_work) {
  ASSERT_TRUE(bus_->serve(name_, gateway_));
  answer none;
  asio::cancellation_signal caller;
  ask(none, milliseconds{100}, caller.slot());
  ASSERT_EQ(gateway_.under_way, 1);
  caller.emit(asio::cancellation_type::terminal);
  run();
  EXPECT_TRUE(cancelled_);
  EXPECT_EQ(gateway_.under_way, 0);
}

TEST_F(local_bus, leaves_nothing_behind_when_it_serves_no_more) {
  ASSERT_TRUE(bus_->serve(name_, gateway_));
  answer got;
  ask(got, milliseconds{100});
  gateway_.go_on.notify();
  run();
  ASSERT_TRUE(got && *got);
  bus_->stop_serving(name_);
  run();
  EXPECT_EQ(time_.waiting(), 0U);
  EXPECT_TRUE(loop_.stopped()) << "no work is left on the loop";
}

}  // namespace
}  // namespace peerage
