// The subjects of docs/protocol/nats.md, as pure functions. Inside this room.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/name.h"

namespace peerage::nats {

enum class action { apply, status, accept_removals, heartbeat };

std::string_view name_of(action value);

/// "peerage.v1.gateway.gw-1.apply"
std::string subject_of(const gateway_name& gateway, action what);

/// The same of a gateway that can't be: a name has no '_'.
std::string subject_of_nobody(action what);

/// Every gateway's heartbeat.
inline constexpr const char* every_heartbeat = "peerage.v1.gateway.*.heartbeat";

/// What happens to peers, from every process.
inline constexpr const char* events = "peerage.v1.events";

/// The gateway that a heartbeat's subject names; nothing for any other subject.
std::optional<gateway_name> gateway_of_heartbeat(std::string_view subject);

}  // namespace peerage::nats
