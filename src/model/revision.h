// The store's own clock: a number that only grows within one epoch of the store.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace peerage {

struct revision {
  std::uint64_t number = 0;  // 0: before everything
  auto operator<=>(const revision&) const = default;
};

/// A random id that the store was born with; a restored store has another.
struct epoch {
  std::string id;
  bool operator==(const epoch&) const = default;
};

}  // namespace peerage
