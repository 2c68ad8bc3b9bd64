// Which prefixes a network may have.
#pragma once

#include "base/error.h"
#include "model/ip.h"

namespace peerage {

/// A /48 of unicast addresses. errc::invalid without a field.
result<> check_network_ipv6(const prefix& range);

/// /8 to /32 of unicast addresses that a host may have. errc::invalid without a field.
result<> check_network_ipv4(const prefix& range);

}  // namespace peerage
