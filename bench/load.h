// Many callers of one API at once, and whether what they were told is so. For a benchmark's main,
// on its loop; failures are exceptions.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "bench/fleet_stand.h"
#include "bench/report.h"

namespace peerage::bench {

/// Closed, where `a_second` is 0: each caller begins again when it is answered. Otherwise open:
/// creations are meant to begin at that pace, whatever became of the earlier ones, and a latency
/// counts from when one was meant to begin, so also what it waited for a free caller.
struct load_plan {
  unsigned callers = 1;
  std::chrono::steady_clock::duration how_long = std::chrono::hours(1);
  double a_second = 0;
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();  // creations
};

struct load_result {
  std::uint64_t made = 0;
  double a_second = 0;  // confirmed ones, until the last answer
  std::array<series, stage_names.size()> stages;
  series latencies;  // milliseconds
  std::vector<fleet_stand::created> creations;
};

/// Runs the load and leaves what it made, which `creations` names.
task<load_result> apply_load(asio::any_io_executor loop, fleet_stand& stand, load_plan plan);
/// Holds every creation against the device and removes it, many at once.
task<> undo_load(asio::any_io_executor loop, fleet_stand& stand, load_result& done);
/// The two one after the other.
task<load_result> run_load(asio::any_io_executor loop, fleet_stand& stand, load_plan plan);

/// The public keys on a userspace device in hexadecimal, read from its socket without any of what
/// is measured.
std::set<std::string> keys_on_device(const std::string& interface);
/// An exception where one of them is not there.
void expect_on_device(const std::string& interface,
                      const std::vector<fleet_stand::created>& creations);

}  // namespace peerage::bench
