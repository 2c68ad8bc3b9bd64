// The bus of one process: API and gateway call each other directly. Nothing is lost on the way.
#pragma once

#include <memory>

#include "ports/bus.h"
#include "ports/clock.h"

namespace peerage {

/// `time` outlives the bus.
std::unique_ptr<bus> make_local_bus(clock& time);

}  // namespace peerage
