// What --check says of the host's network: see bin/host_network.h and bin/adopt.h.
#pragma once

#include <string>
#include <vector>

#include "async/task.h"
#include "base/error.h"
#include "bin/beside.h"
#include "config/config.h"

namespace peerage {

/// A line of what --check prints.
struct finding {
  std::string what;
  result<> how;
  std::string detail;
  bool note = false;  // worth knowing, and no fault
};

/// Changes nothing.
task<std::vector<finding>> check_host_network(asio::any_io_executor loop,
                                              const daemon_config& config,
                                              const running_daemon& beside,
                                              const std::string& endpoint);

}  // namespace peerage
