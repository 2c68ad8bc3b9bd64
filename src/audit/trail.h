// The audit in day files, written by a thread of its own, so that no call waits for the disk.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "ports/audit.h"

namespace peerage {

struct audit_options {
  std::string folder;
  std::chrono::days keep{90};         // whole days, today's apart
  std::size_t most_waiting = 65'536;  // entries; what comes beyond is lost
  // Of all files together. The oldest days go first, and today never: where that alone is as large,
  // entries are lost.
  std::uint64_t most_bytes = 1'000'000'000;
  // Nothing is written while less is free on the disk, which is left to the store.
  std::uint64_t leave_free = 64'000'000;
};

/// Its end waits until what was noted is written. What goes wrong is logged, and again once it is
/// well. Days beyond the time to keep go now, and whenever an entry begins a new day.
std::unique_ptr<audit_trail> make_audit_trail(asio::any_io_executor loop, wall_time now,
                                              audit_options options);

}  // namespace peerage
