// When each token was used last, gathered in memory and written to the store now and then: a write
// for each request would cost more than the request.
#pragma once

#include <map>
#include <utility>

#include "base/time.h"
#include "model/name.h"

namespace peerage {

class token_use {
 public:
  void note(const token_id& id, wall_time now) { uses_[id] = now; }
  /// What was noted since the last take.
  std::map<token_id, wall_time> take() { return std::exchange(uses_, {}); }
  /// The last use that is not written yet.
  const wall_time* find(const token_id& id) const {
    const auto known = uses_.find(id);
    return known == uses_.end() ? nullptr : &known->second;
  }

 private:
  std::map<token_id, wall_time> uses_;
};

}  // namespace peerage
