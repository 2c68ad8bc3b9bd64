// The time that expiry goes by: the clock's, except while the clock has jumped and may jump back.
// Pure; one for each process that lets peers expire.
#pragma once

#include <optional>

#include "base/time.h"

namespace peerage {

class trusted_time {
 public:
  /// `shown` is what the clock says at `now`. A jump of more than a second, either way, is believed
  /// when it has lasted for a minute; until then time goes on as if it had not been.
  wall_time at(wall_time shown, steady_time now);

  /// True once after a jump back was believed: what expired before may have done so too early.
  bool went_back();

 private:
  struct jump {
    milliseconds offset;
    steady_time since;
  };
  std::optional<milliseconds> offset_;  // of the calendar over the steady clock
  std::optional<jump> doubted_;
  bool went_back_ = false;
};

}  // namespace peerage
