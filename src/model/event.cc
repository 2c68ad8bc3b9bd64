#include "model/event.h"

namespace peerage {

std::string_view name_of(event_kind value) {
  switch (value) {
    case event_kind::peer_live: return "peer-live";
    case event_kind::peer_pending: return "peer-pending";
    case event_kind::peer_removed: return "peer-removed";
    case event_kind::peer_expired: return "peer-expired";
    case event_kind::gateway_up: return "gateway-up";
    case event_kind::gateway_down: return "gateway-down";
  }
  return {};
}

}  // namespace peerage
