#include "model/event.h"

#include <array>

namespace peerage {

std::string_view name_of(event_kind value) {
  // In the order of `event_kind`.
  static constexpr std::array<std::string_view, 6> names{
      "peer-live", "peer-pending", "peer-removed", "peer-expired", "gateway-up", "gateway-down"};
  return names.at(static_cast<std::size_t>(value));
}

}  // namespace peerage
