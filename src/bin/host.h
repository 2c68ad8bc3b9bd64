// What the daemon asks of the host it runs on.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"

namespace peerage {

std::string host_name();
/// Another after each start of the host; empty where the system tells none.
std::string boot_id();

/// "ADDRESS:PORT" with the source address of the default route. errc::not_found without one.
result<std::string> default_endpoint(std::uint16_t port);

/// For one process with many connections; no secret in a core file; new files for the owner alone.
void prepare_process();

/// So many files this process may have open.
std::size_t most_open_files();

}  // namespace peerage
