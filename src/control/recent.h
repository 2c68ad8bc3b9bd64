// What was read of the store a moment ago. For reads that leave the host and hardly ever change.
#pragma once

#include <map>
#include <optional>
#include <utility>

#include "base/time.h"

namespace peerage {

template <class Key, class Value>
class recent {
 public:
  /// `lasts`: so long a value is as good as read; 0: never.
  explicit recent(steady_duration lasts) : lasts_(lasts) {}

  std::optional<Value> find(const Key& key, steady_time now) const {
    const auto found = all_.find(key);
    if (found == all_.end() || now >= found->second.until) return {};
    return found->second.value;
  }
  void keep(const Key& key, Value value, steady_time now) {
    if (lasts_ == steady_duration::zero()) return;
    if (all_.size() >= most) all_.clear();
    all_.insert_or_assign(key, entry{std::move(value), now + lasts_});
  }
  void forget(const Key& key) { all_.erase(key); }

 private:
  static constexpr std::size_t most = 10'000;
  struct entry {
    Value value;
    steady_time until;
  };
  steady_duration lasts_;
  std::map<Key, entry> all_;
};

}  // namespace peerage
