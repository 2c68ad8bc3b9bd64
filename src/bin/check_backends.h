// What --check says of the store and the bus.
#pragma once

#include <optional>

#include "async/task.h"
#include "bin/backends.h"
#include "bin/check_report.h"
#include "config/config.h"

namespace peerage {

/// Asks both, as this role does, and reads every record where that role may. Changes nothing, and
/// makes nothing on the disk. What could be opened; its bus has stopped.
task<std::optional<backends>> check_backends(asio::any_io_executor loop, clock& time,
                                             daemon_config config, check_report& into);

}  // namespace peerage
