// A clock that is told the time: nothing passes until a test says so.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <list>

#include "ports/clock.h"

namespace peerage::fakes {

class fake_clock final : public clock {
 public:
  explicit fake_clock(asio::any_io_executor loop);

  wall_time now() const override { return now_; }
  steady_time steady() const override { return steady_; }
  task<> wait_until(steady_time until) override;

  /// Both clocks go on; whoever waited for a moment up to then wakes.
  void advance(milliseconds by);
  /// Only the calendar moves, as when somebody sets it.
  void jump(milliseconds by) { now_ += by; }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  struct waiter {
    steady_time until;
    asio::steady_timer wake;
  };
  asio::any_io_executor loop_;
  wall_time now_{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};
  steady_time steady_{std::chrono::hours{1}};
  std::list<waiter> waiting_;
};

}  // namespace peerage::fakes
