// The time that expiry goes by: the clock's, except while the clock has jumped and may jump back.
// Pure; one for each process that lets peers expire.
#pragma once

#include <optional>

#include "base/time.h"

namespace peerage {

class trusted_time {
 public:
  /// `back_after`: when a jump back is believed.
  explicit trusted_time(seconds back_after = seconds{2}) : back_after_(back_after) {}

  /// `shown` is what the clock says at `now`. A jump ahead of more than a second is believed when
  /// it has lasted for a minute; until then time goes on as if it had not been. A jump back, which
  /// lets nobody expire early, is believed after `back_after`, and one that undoes it within a
  /// minute at once.
  wall_time at(wall_time shown, steady_time now);

  /// True once after a jump back was believed: what expired before may have done so too early.
  bool went_back();

  /// Since when the clock has not jumped, as far as that is believed.
  steady_time since() const { return since_; }

 private:
  struct jump {
    milliseconds offset;
    steady_time since;
  };
  void believe(milliseconds offset, steady_time now);

  seconds back_after_;
  std::optional<milliseconds> offset_;   // of the calendar over the steady clock
  steady_time since_{};                  // when that was believed first
  std::optional<milliseconds> settled_;  // the last one that was believed for a minute
  std::optional<jump> doubted_;
  bool went_back_ = false;
};

}  // namespace peerage
