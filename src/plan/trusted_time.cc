#include "plan/trusted_time.h"

#include <utility>

namespace peerage {
namespace {

constexpr milliseconds still_the_same{1'000};
constexpr seconds ahead_believed_after{60};

bool near(milliseconds a, milliseconds b) {
  return a - b <= still_the_same && b - a <= still_the_same;
}

}  // namespace

wall_time trusted_time::at(wall_time shown, steady_time now) {
  const auto steady = std::chrono::duration_cast<milliseconds>(now.time_since_epoch());
  const auto offset = std::chrono::duration_cast<milliseconds>(shown.time_since_epoch()) - steady;
  if (!offset_) {
    believe(offset, now);
  } else if (near(offset, *offset_)) {
    // A clock that is slewed drifts a little at a time.
    offset_ = offset;
    doubted_.reset();
    if (now - since_ >= ahead_believed_after) settled_ = offset;
  } else if (settled_ && near(offset, *settled_)) {
    believe(offset, now);
  } else if (!doubted_ || !near(offset, doubted_->offset)) {
    doubted_ = jump{offset, now};
  } else {
    const seconds after = offset < *offset_ ? back_after_ : ahead_believed_after;
    if (now - doubted_->since >= after) believe(offset, now);
  }
  return wall_time(std::chrono::duration_cast<wall_time::duration>(steady + *offset_));
}

void trusted_time::believe(milliseconds offset, steady_time now) {
  went_back_ = offset_ && offset < *offset_;
  offset_ = offset;
  since_ = now;
  doubted_.reset();
}

bool trusted_time::went_back() {
  return std::exchange(went_back_, false);
}

}  // namespace peerage
