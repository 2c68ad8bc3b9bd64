#include "sqlite/changes.h"

#include <algorithm>
#include <unordered_set>

namespace peerage::sqlite {
namespace {

constexpr std::size_t most_kept = 16'384;

}  // namespace

void recent_changes::note(revision at, const std::vector<touched>& keys) {
  known_ = at;
  for (const touched& each : keys) changes_.push_back({at, each});
  unread_ += keys.size();
  while (changes_.size() > most_kept) {
    floor_ = std::max(floor_, changes_.front().at);
    changes_.pop_front();
  }
}

std::optional<std::vector<public_key>> recent_changes::read(revision behind,
                                                            const gateway_name& gateway) {
  unread_ = 0;
  if (behind < floor_) return {};
  std::vector<public_key> keys;
  std::unordered_set<public_key> seen;
  for (auto each = changes_.rbegin(); each != changes_.rend() && each->at > behind; ++each) {
    if (each->what.gateway != gateway || !seen.insert(each->what.key).second) continue;
    keys.push_back(each->what.key);
  }
  return keys;
}

}  // namespace peerage::sqlite
