// The roster of a process that is alone with its store: who enters is known, until the process
// ends.
#pragma once

#include <memory>

#include "ports/roster.h"

namespace peerage {

std::unique_ptr<roster> make_local_roster(asio::any_io_executor loop);

}  // namespace peerage
