// The bus of one process: API and gateway call each other directly. Nothing is lost on the way.
#pragma once

#include <memory>

#include "ports/bus.h"
#include "ports/clock.h"

namespace peerage {

/// `time` outlives the bus. What it waits for ends soon after the last stop_serving(), or its own
/// end, once the loop runs.
std::unique_ptr<bus> make_local_bus(clock& time);

}  // namespace peerage
