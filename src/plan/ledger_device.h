// What the two halves of the ledger share. Inside this room.
#pragma once

#include <cstdint>

#include "model/apply.h"
#include "model/device.h"

namespace peerage {

/// Whether so many peers that are gone from a list, or were never on it, are more likely a mistake
/// of the list: at least 100, and more than half.
bool implausible(std::uint64_t gone, std::uint64_t of);

}  // namespace peerage
