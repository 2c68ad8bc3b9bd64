// How often each of many may do something: so many a second, and some at once after a rest. What
// others call a token bucket; a token is something else in this house. Pure.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "base/time.h"

namespace peerage {

struct pace {
  std::uint32_t per_second = 0;  // 0: no bound
  std::uint32_t at_once = 1;     // after a rest; at least 1
};

/// Who may go on, by name. Holds names of those alone who did something lately, and of no more than
/// `most`: where there are more, the one nearest to its full allowance gets that early.
template <class Name>
class paces {
 public:
  explicit paces(pace allowed, std::size_t most = 10'000) : allowed_(allowed), most_(most) {}

  /// Whether it may now. With at least one a second allowed, it may again within a second.
  bool may(const Name& who, steady_time now) const {
    if (allowed_.per_second == 0) return true;
    const auto found = rested_at_.find(who);
    return found == rested_at_.end() || found->second <= now + slack();
  }

  /// It did it now, or what counts for so many.
  void note(const Name& who, steady_time now, std::size_t times = 1) {
    if (allowed_.per_second == 0 || times == 0) return;
    steady_time rested = now;
    if (const auto found = rested_at_.find(who); found != rested_at_.end()) {
      rested = std::max(rested, found->second);
      order_.erase({found->second, who});
    } else {
      make_room(now);
    }
    rested += every() * times;
    rested_at_.insert_or_assign(who, rested);
    order_.insert({rested, who});
  }

  std::size_t size() const { return rested_at_.size(); }

 private:
  steady_duration every() const {
    return std::chrono::duration_cast<steady_duration>(seconds{1}) / allowed_.per_second;
  }
  /// So far ahead of the even pace somebody may be who wants one more.
  steady_duration slack() const { return every() * (allowed_.at_once - 1); }

  /// Whoever has rested has nothing to be remembered for.
  void make_room(steady_time now) {
    while (!order_.empty() && (order_.begin()->first <= now || order_.size() >= most_)) {
      rested_at_.erase(order_.begin()->second);
      order_.erase(order_.begin());
    }
  }

  pace allowed_;
  std::size_t most_;
  std::map<Name, steady_time> rested_at_;         // when its allowance is whole again
  std::set<std::pair<steady_time, Name>> order_;  // the same
};

}  // namespace peerage
