// What a gateway leaves on its host when its daemon has stopped, and how to be rid of it.
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "config/config.h"
#include "ports/wall.h"

namespace peerage {

/// The gateway's part of the host's firewall.
std::unique_ptr<wall> make_wall(const gateway_config& config, const std::string& state_dir);

/// `peeraged --remove-gateway`: its interface, with every peer, and its firewall. errc::conflict
/// for an interface that is not the gateway's own, or while its daemon runs.
result<> remove_gateway(daemon_config config);

}  // namespace peerage
