// From the options to the calls: what the store and the roster begin with. Inside this room.
#pragma once

#include <memory>

#include "consul/calls.h"
#include "consul/store.h"

namespace peerage::consul {

/// errc::invalid with the option's name or file.
result<std::shared_ptr<calls>> open_calls(const asio::any_io_executor& loop,
                                          const consul_options& options);

/// open_consul_store() over calls that are there already: the options' address and files are not
/// used.
result<std::unique_ptr<store>> open_store(asio::any_io_executor loop, clock& time,
                                          std::shared_ptr<calls> calls, consul_options options);

}  // namespace peerage::consul
