#include "base/error.h"

#include <array>

namespace peerage {

std::string_view name_of(errc code) {
  // In the order of `errc`.
  static constexpr std::array<std::string_view, 12> names{
      "unavailable", "full",    "throttled", "outcome_unknown", "timeout", "conflict",
      "not_found",   "invalid", "denied",    "unsupported",     "corrupt", "io"};
  return names.at(static_cast<std::size_t>(code));
}

}  // namespace peerage
