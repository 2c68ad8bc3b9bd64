#include "plan/trusted_time.h"

#include <utility>

namespace peerage {
namespace {

constexpr milliseconds still_the_same{1'000};
constexpr seconds believed_after{60};

bool near(milliseconds a, milliseconds b) {
  return a - b <= still_the_same && b - a <= still_the_same;
}

}  // namespace

wall_time trusted_time::at(wall_time shown, steady_time now) {
  const auto steady = std::chrono::duration_cast<milliseconds>(now.time_since_epoch());
  const auto offset = std::chrono::duration_cast<milliseconds>(shown.time_since_epoch()) - steady;
  if (!offset_ || near(offset, *offset_)) {
    // A clock that is slewed drifts a little at a time.
    offset_ = offset;
    doubted_.reset();
  } else if (!doubted_ || !near(offset, doubted_->offset)) {
    doubted_ = jump{offset, now};
  } else if (now - doubted_->since >= believed_after) {
    went_back_ = offset < *offset_;
    offset_ = offset;
    doubted_.reset();
  }
  return wall_time(std::chrono::duration_cast<wall_time::duration>(steady + *offset_));
}

bool trusted_time::went_back() {
  return std::exchange(went_back_, false);
}

}  // namespace peerage
