// What happened to peers and gateways, for whoever watches: GET /v1/events. A hint that something
// changed, not a record of it: one that is lost is not repeated.
#pragma once

#include <optional>
#include <string_view>

#include "base/time.h"
#include "model/name.h"
#include "model/peer.h"
#include "model/revision.h"

namespace peerage {

enum class event_kind {
  peer_live,     // on its gateway's device, acknowledged
  peer_pending,  // stored, and not confirmed in time
  peer_removed,
  peer_expired,
  gateway_up,
  gateway_down,
};

/// "peer-live"
std::string_view name_of(event_kind value);

struct event {
  event_kind what{};
  wall_time at;
  gateway_name gateway;
  std::optional<peer_id> peer;  // of a peer's events
  revision at_revision;         // of a peer's events; 0: not known
};

}  // namespace peerage
