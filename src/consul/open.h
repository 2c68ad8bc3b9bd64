// From the options to the calls: what the store and the roster begin with. Inside this room.
#pragma once

#include <memory>

#include "consul/calls.h"
#include "consul/store.h"

namespace peerage::consul {

/// errc::invalid with the option's name or file.
result<std::shared_ptr<calls>> open_calls(const asio::any_io_executor& loop,
                                          const consul_options& options);

}  // namespace peerage::consul
