// The gateway's name, where the config has none: what the host was called at the first start. A
// container that is made again has another host name, and is the same gateway.
#pragma once

#include "config/config.h"

namespace peerage {

/// Gives the config the name that is kept in the state_dir, unless it has one of its own; keeps it
/// for the next start where `keep` says so. Returns what is worth knowing of it, in words; empty:
/// nothing. errc::io, errc::invalid.
result<std::string> settle_gateway_name(daemon_config& config, bool keep);

}  // namespace peerage
