// Addresses that lead to nobody, or to nobody else (RFC 6890). Pure.
#pragma once

#include <string_view>

#include "model/ip.h"

namespace peerage {

/// What a prefix within them is, in words that follow "is": "a multicast address"; empty for
/// others. Loopback is not among them: see is_loopback().
std::string_view reserved_as(const prefix& wanted);

bool is_loopback(const prefix& wanted);

}  // namespace peerage
