// The time by which an API process removes expired peers from the store, for good: never the word
// of one calendar. The process's own clock must not have jumped (trusted_time), and the clocks of
// gateways, told by their heartbeats, must have reached the same time. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "plan/trusted_time.h"

namespace peerage {

class vouched_time {
 public:
  /// `newest` is the newest time that the store had recorded when the process started; absent: it
  /// had recorded nothing.
  void start(std::optional<wall_time> newest) { newest_ = recorded_ = newest; }

  /// `who` said at `now` that it was `shown`.
  void witness(const std::string& who, wall_time shown, steady_time now);

  /// What no clock alone can move ahead. Nothing until so many clocks have been heard of as there
  /// are `gateways`, or 5 s after the first; or, where the process's own clock was more than an
  /// hour ahead of the newest recorded time at its start, until it has not jumped for a minute.
  /// `shown` is the process's own clock.
  std::optional<wall_time> at(wall_time shown, steady_time now, std::size_t gateways);

  /// For what is written now: the own clock's, except while that has just jumped, or where a start
  /// has found it wrong: the others agree on another time, or it is behind the newest recorded one.
  wall_time stamp(wall_time shown, steady_time now);

 private:
  struct said {
    steady_time at;
    trusted_time without_jumps{seconds{60}};
    milliseconds trusted{};  // the offset of that calendar over this steady clock, without jumps
    milliseconds careful{};  // the same, but for a jump back, which counts at once
  };
  /// Of an even number of clocks, where nothing tells which is right, the earlier of the two.
  struct middle_of {
    milliseconds earlier, later;
  };
  std::optional<middle_of> middle(steady_time now, milliseconds said::* which);
  /// How many of the others say that, within a minute.
  std::size_t agreeing_on(milliseconds offset) const;

  trusted_time own_{seconds{60}};  // what is written must not be a minute's jump back either
  std::map<std::string, said> witnesses_;  // 1,000 at most
  std::optional<milliseconds> vouched_;    // by all of them, as it was last
  std::optional<steady_time> heard_first_;
  std::optional<wall_time> newest_;  // until the clock has shown itself
  std::optional<wall_time> recorded_;
  std::optional<steady_time> begun_;  // the first stamp
};

}  // namespace peerage
