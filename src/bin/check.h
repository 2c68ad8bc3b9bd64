// `peeraged --check`: tries what a start would do, and changes nothing, neither on this host nor in
// the store.
#pragma once

#include "async/task.h"
#include "base/error.h"
#include "config/config.h"

namespace peerage {

/// Prints a line for each thing; errc::io when one of them failed.
/// `user` is what standing() said; empty: nothing.
task<result<>> check_daemon(asio::any_io_executor loop, daemon_config config, std::string user);

/// Whom a start by root would go on as, in words; empty where this is not root.
std::string standing(const daemon_config& config);

}  // namespace peerage
