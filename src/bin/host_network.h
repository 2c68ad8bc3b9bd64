// Looks at the network of the gateway's host, and sets what the gateway needs of it. What it means
// is plan/host_network.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "nft/chains.h"
#include "plan/host_network.h"

namespace peerage {

forwarding_facts look_at_forwarding(nft::other_chains& chains, const std::string& interface);

/// What of it stands in the way of the gateway's peers, in words, unless the config ignores it.
std::vector<std::string> host_troubles(const gateway_config& config, nft::other_chains& chains);

/// Switches on what the interface's peers need to reach each other; it has to be there. What it
/// changed, as sysctl says it: "net.ipv4.conf.wg0.forwarding = 1". What it could not change is
/// found by look_at_forwarding() afterwards.
std::vector<std::string> set_forwarding(const std::string& interface);

/// Of the interface, or of the next one that is made.
ipv6_of_host look_at_ipv6(const std::string& interface);

/// Of the way to the Internet; nothing where there is none.
std::optional<std::uint32_t> uplink_mtu();

}  // namespace peerage
