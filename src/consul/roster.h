// The roster of a fleet, in Consul's KV beside the store: docs/protocol/consul.md. A waiting read
// for each kind that is followed, over a connection of its own; a change is heard at once. Used on
// the loop's thread.
#pragma once

#include <memory>

#include "consul/store.h"
#include "ports/roster.h"

namespace peerage {

/// Of the options the id is not used. The roster goes before `time` does; what is under way then
/// ends on the loop. errc::invalid with the option's name or file.
result<std::unique_ptr<roster>> open_consul_roster(asio::any_io_executor loop, clock& time,
                                                   consul_options options);

}  // namespace peerage
