// Time, as the daemon sees it. The real one reads the system's clocks; a fake is told the time.
#pragma once

#include "async/task.h"
#include "base/time.h"

namespace peerage {

struct clock {
  virtual ~clock() = default;

  /// What the calendar says. May jump, both ways.
  virtual wall_time now() const = 0;

  /// Never jumps. For measuring and for deadlines.
  virtual steady_time steady() const = 0;

  /// Returns when steady() has reached `until`; at once where it has already. Many may wait at the
  /// same time. Cancelling the coroutine ends the wait early with an exception, and leaves nothing.
  virtual task<> wait_until(steady_time until) = 0;
};

}  // namespace peerage
