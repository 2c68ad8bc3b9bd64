// Makes a failing seed short: leaves out whatever the same invariant breaks without.
#pragma once

#include <chrono>

#include "tests/sim/world.h"

namespace peerage::sim {

/// At most `within` of real time; what is found by then is returned.
script shrink(script what, const std::string& invariant, std::chrono::milliseconds within);

}  // namespace peerage::sim
