// The promises of ports/clock.h, for the system's clock and for the one that is told the time.
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "local/system_clock.h"
#include "testing/fake_clock.h"
#include "testing/run.h"

namespace peerage::contract {
namespace {

using peerage::fakes::fake_clock;
using peerage::fakes::run_on;

struct clock_kind {
  std::string name;
  std::function<std::unique_ptr<clock>(asio::any_io_executor)> make;
  friend void PrintTo(const clock_kind& kind, std::ostream* to) { *to << kind.name; }
};

class clock_contract : public testing::TestWithParam<clock_kind> {
 protected:
  asio::io_context loop_;
  std::unique_ptr<clock> clock_ = GetParam().make(loop_.get_executor());

  /// Lets time pass, for a clock that has to be told.
  void pass(milliseconds by) {
    asio::post(loop_, [this, by] {
      if (auto* told = dynamic_cast<fake_clock*>(clock_.get())) told->advance(by);
    });
  }
};

TEST_P(clock_contract, waits_until_the_moment_and_not_less) {
  const steady_time until = clock_->steady() + milliseconds{30};
  pass(milliseconds{10});
  pass(milliseconds{20});
  run_on(loop_, clock_->wait_until(until));
  EXPECT_GE(clock_->steady(), until);
}

TEST_P(clock_contract, a_moment_that_has_passed_is_no_wait) {
  run_on(loop_, clock_->wait_until(clock_->steady()));
  run_on(loop_, clock_->wait_until(clock_->steady() - seconds{5}));
}

TEST_P(clock_contract, both_clocks_go_on_together) {
  const auto wall = clock_->now();
  const auto steady = clock_->steady();
  pass(milliseconds{50});
  run_on(loop_, clock_->wait_until(steady + milliseconds{50}));
  EXPECT_GE(clock_->now() - wall, milliseconds{49});
}

TEST_P(clock_contract, a_wait_that_is_cancelled_ends) {
  asio::cancellation_signal cancel;
  bool ended = false;
  asio::co_spawn(loop_, clock_->wait_until(clock_->steady() + std::chrono::hours{1}),
                 asio::bind_cancellation_slot(
                     cancel.slot(), [&](std::exception_ptr thrown) { ended = thrown != nullptr; }));
  loop_.poll();
  EXPECT_FALSE(ended);
  cancel.emit(asio::cancellation_type::terminal);
  loop_.restart();
  loop_.poll();
  EXPECT_TRUE(ended);
}

INSTANTIATE_TEST_SUITE_P(system, clock_contract,
                         testing::Values(clock_kind{"system", make_system_clock}));
INSTANTIATE_TEST_SUITE_P(fake, clock_contract,
                         testing::Values(clock_kind{"fake", [](asio::any_io_executor loop) {
                                                      return std::make_unique<fake_clock>(
                                                          std::move(loop));
                                                    }}));

}  // namespace
}  // namespace peerage::contract
