// What WireGuard does to its peers for one change, for every device in memory. ./dev conformance
// holds it to wireguard-go, and ./dev test kernel to the kernel.
#pragma once

#include <map>
#include <optional>

#include "model/device.h"

namespace peerage::fakes {

using device_peers = std::map<public_key, device_entry>;

/// A peer with the device's `own` public key is never made, and nothing is taken for it from
/// others: the device acknowledges it all the same. An allowed IP belongs to the peer that was
/// given it last.
void make_change(device_peers& peers, const device_change& change,
                 const std::optional<public_key>& own = {});

}  // namespace peerage::fakes
