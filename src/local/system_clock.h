// The system's own clocks, behind ports/clock.h.
#pragma once

#include <memory>

#include "ports/clock.h"

namespace peerage {

std::unique_ptr<clock> make_system_clock(asio::any_io_executor loop);

}  // namespace peerage
