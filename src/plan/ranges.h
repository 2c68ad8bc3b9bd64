// Which prefixes a network may have.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/error.h"
#include "model/ip.h"

namespace peerage {

/// A /48 of unicast addresses. errc::invalid without a field.
result<> check_network_ipv6(const prefix& range);

/// /8 to /32 of unicast addresses that a host may have. errc::invalid without a field.
result<> check_network_ipv4(const prefix& range);

/// Whether one of `ranges` holds all of it, or there are none.
bool lies_within(const prefix& wanted, const std::vector<prefix>& ranges);

/// A /48 out of `random`, within the first range of IPv6 that has room for one: a unique-local one
/// where there are no ranges. Nothing where none has.
std::optional<prefix> network_within(const std::vector<prefix>& ranges, std::uint64_t random);

}  // namespace peerage
