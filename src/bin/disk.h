// Whether the disks of the daemon's files have the space that these need, for /readyz and --check.
// Without paths: whoever reaches /readyz may read it.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace peerage {

/// In words, one for each disk that is too full. `store_is_full` is what the store itself says.
std::vector<std::string> troubles_of_disks(const daemon_config& config, bool store_is_full);

}  // namespace peerage
