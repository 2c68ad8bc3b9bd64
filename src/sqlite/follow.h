// How a gateway follows a store in its own process: the bus there loses nothing, so this is only
// the safety net, and reads everything again, now and then, where anything has changed.
#pragma once

#include "ports/store.h"

namespace peerage::sqlite {

/// As store::follow(). A position is a revision, as text.
task<result<followed>> follow(store& of, asio::any_io_executor loop, gateway_name gateway,
                              std::string position, steady_duration wait);
/// As store::assignments().
task<result<assigned>> assignments(store& of, gateway_name gateway, std::vector<public_key> keys);

}  // namespace peerage::sqlite
