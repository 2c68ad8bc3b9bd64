#include "model/audit.h"

#include <array>

namespace peerage {
namespace {

/// In the order of `deed`.
constexpr std::array<std::string_view, 6> names = {"refused", "unknown", "created",
                                                   "changed", "rekeyed", "removed"};

}  // namespace

std::string_view name_of(deed value) {
  return names.at(static_cast<std::size_t>(value));
}

std::optional<deed> deed_named(std::string_view name) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names.at(i) == name) return static_cast<deed>(i);
  return {};
}

}  // namespace peerage
