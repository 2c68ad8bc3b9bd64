// Time in the simulation: one true time for all, which passes when the seed says so, and each
// process's own clock, whose calendar may be wrong.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <list>

#include "ports/clock.h"

namespace peerage::sim {

struct true_time {
  wall_time wall{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};
  steady_time steady{std::chrono::hours{1}};
};

class sim_clock final : public clock {
 public:
  /// `skew` is the host's: it outlives the process.
  sim_clock(asio::any_io_executor loop, const true_time& truth, const milliseconds& skew)
      : loop_(std::move(loop)), truth_(truth), skew_(skew) {}

  wall_time now() const override { return truth_.wall + skew_; }
  steady_time steady() const override { return truth_.steady; }
  task<> wait_until(steady_time until) override;

  /// Wakes whoever's time has come; true where somebody's has.
  bool wake();
  /// When the next one is to be woken.
  std::optional<steady_time> next() const;

 private:
  struct waiter {
    steady_time until;
    asio::steady_timer wake;
  };
  asio::any_io_executor loop_;
  const true_time& truth_;
  const milliseconds& skew_;
  std::list<waiter> waiting_;
};

}  // namespace peerage::sim
