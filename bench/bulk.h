// Many peers brought to a device without a daemon: what loading them costs at least, and by hand.
// On the kernel's WireGuard where there is one, else in userspace. For a benchmark, on its loop;
// failures are exceptions.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "async/task.h"

namespace peerage::bench {

struct bulk_times {
  std::chrono::steady_clock::duration loop{};      // full messages, made before, one after another
  std::chrono::steady_clock::duration syncconf{};  // `wg syncconf` of a file
  std::chrono::steady_clock::duration drop{};      // one peer of them, the middle of several
};
/// Loads so many new peers twice, on devices of their own that go again.
task<bulk_times> load_beside(asio::any_io_executor loop, std::string folder, std::uint32_t peers);

struct peer_count {
  std::uint64_t all = 0;
  std::uint64_t with_allowed_ips = 0;
};
task<peer_count> count_peers(asio::any_io_executor loop, std::string interface);

/// The interface, and the userspace process that may be behind it.
void remove_device(const std::string& interface);

}  // namespace peerage::bench
