#include "plan/vouched_time.h"

#include <algorithm>
#include <vector>

namespace peerage {
namespace {

constexpr seconds counts_for{10};
constexpr seconds all_are_heard_within{5};  // each says its time every 2 s
constexpr seconds without_a_jump{60};
constexpr seconds alike_within{60};
constexpr std::chrono::hours long_ago{1};
constexpr std::size_t most_witnesses = 1'000;

milliseconds since_epoch(auto time) {
  return std::chrono::duration_cast<milliseconds>(time.time_since_epoch());
}

wall_time wall(steady_time now, milliseconds offset) {
  return wall_time(std::chrono::duration_cast<wall_time::duration>(since_epoch(now) + offset));
}

}  // namespace

void vouched_time::witness(const std::string& who, wall_time shown, steady_time now) {
  if (witnesses_.size() >= most_witnesses && !witnesses_.contains(who)) return;
  if (!heard_first_) heard_first_ = now;
  said& mine = witnesses_[who];
  mine.at = now;
  mine.trusted = since_epoch(mine.without_jumps.at(shown, now)) - since_epoch(now);
  mine.careful = std::min(mine.trusted, since_epoch(shown) - since_epoch(now));
}

/// Of the clocks that were heard lately.
std::optional<vouched_time::middle_of> vouched_time::middle(steady_time now,
                                                            milliseconds said::* which) {
  std::erase_if(witnesses_, [&](const auto& each) { return each.second.at + counts_for < now; });
  if (witnesses_.empty()) return {};
  std::vector<milliseconds> all;
  for (const auto& [who, each] : witnesses_) all.push_back(each.*which);
  std::ranges::sort(all);
  return middle_of{all[(all.size() - 1) / 2], all[all.size() / 2]};
}

std::optional<wall_time> vouched_time::at(wall_time shown, steady_time now, std::size_t gateways) {
  const wall_time own = own_.at(shown, now);
  const milliseconds offset = since_epoch(own) - since_epoch(now);
  const bool steady = now - own_.since() >= without_a_jump;
  if (const auto others = middle(now, &said::careful)) {
    // One of two clocks is far behind, or the other far ahead: a clock of long standing decides.
    const bool with_the_later = steady && std::chrono::abs(others->later - offset) <= alike_within;
    vouched_ = std::min(with_the_later ? others->later : others->earlier, offset);
  }
  const bool all_heard = witnesses_.size() >= gateways;
  if (!vouched_ || (!all_heard && now - *heard_first_ < all_are_heard_within)) return {};
  const bool late = newest_ && own > *newest_ + long_ago;
  if (late && !steady) return {};
  newest_.reset();
  return std::min(own, wall(now, *vouched_));
}

std::size_t vouched_time::agreeing_on(milliseconds offset) const {
  return static_cast<std::size_t>(std::ranges::count_if(witnesses_, [&](const auto& each) {
    return std::chrono::abs(each.second.trusted - offset) <= alike_within;
  }));
}

wall_time vouched_time::stamp(wall_time shown, steady_time now) {
  if (!begun_) begun_ = now;
  const wall_time own = own_.at(shown, now);
  const milliseconds offset = since_epoch(own) - since_epoch(now);
  const bool behind = recorded_ && own + alike_within < *recorded_;
  const auto others = middle(now, &said::trusted);
  if (!others && behind) {
    return *recorded_ + std::chrono::duration_cast<wall_time::duration>(now - *begun_);
  }
  if (!others) return own;
  if (agreeing_on(offset) > 0) return own;
  // One clock against another: who says so may be wrong himself, unless the records agree with him.
  const bool several =
      witnesses_.size() > 1 && agreeing_on(others->earlier) * 2 > witnesses_.size();
  return several || behind ? wall(now, others->earlier) : own;
}

}  // namespace peerage
