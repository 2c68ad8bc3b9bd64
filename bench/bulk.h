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
/// Loads so many new peers twice, on devices of their own that are called by the number and stay: a
/// kernel may take milliseconds to remove a peer with its interface.
task<bulk_times> load_beside(asio::any_io_executor loop, std::string folder, unsigned number,
                             std::uint32_t peers);

struct peer_count {
  std::uint64_t all = 0;
  std::uint64_t with_allowed_ips = 0;
};
task<peer_count> count_peers(asio::any_io_executor loop, std::string interface);

}  // namespace peerage::bench
