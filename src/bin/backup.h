// `peeraged --backup FILE` and `peeraged --restore FILE`: the store of one host, copied and put
// back.
#pragma once

#include <string>

#include "base/error.h"
#include "config/config.h"

namespace peerage {

/// Beside a daemon that runs, or not. Prints what is in the copy. errc::invalid for a config
/// without a database; errors as sqlite/copy.h.
result<> back_up(const daemon_config& config, const std::string& into);

/// errc::conflict while a daemon runs on the state_dir. What was there is kept under a dated name.
/// Prints what is in it now, and what to do next.
result<> restore(const daemon_config& config, const std::string& from);

}  // namespace peerage
