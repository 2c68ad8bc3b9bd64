// The store of one host: one SQLite file, written by one thread and read by the loop itself.
// A read is a lookup by key or a page in the order of an index, microseconds from memory; it sees
// every commit that has returned.
#pragma once

#include <memory>
#include <string>

#include "ports/store.h"

namespace peerage {

/// Opens the file, or makes it. The folder must exist. errc::io, errc::corrupt; errc::unsupported
/// for a file from a newer version.
result<std::unique_ptr<store>> open_sqlite_store(asio::any_io_executor loop, std::string file);

}  // namespace peerage
