// One number of peers in a fleet, and what is measured there: a creation, and beside it each thing
// that a creation can't do without. Made by a benchmark's main, used on its loop; failures are
// exceptions.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "bench/fleet_floor.h"
#include "bench/fleet_stand.h"
#include "bench/floor.h"
#include "bench/report.h"

namespace peerage::bench {

enum class fleet_part : std::uint8_t { create, consul, nats, device, http };
inline constexpr std::array<const char*, 5> fleet_part_names{"create", "consul", "nats", "device",
                                                             "http"};

class fleet_place {
 public:
  fleet_place(asio::any_io_executor loop, fleet_options options);

  task<> prepare();
  /// Does the part once. With `keep` the time it took is entered into `values`. What it made is
  /// undone, unmeasured: a creation once its key was seen on the device, which is read after each
  /// of them with at most 1,000 peers and after every 25 with more.
  task<> once(fleet_part which, bool keep);
  /// The creations that were not yet looked for on the device, and removed.
  task<> settle();

  fleet_stand stand;
  std::array<series, fleet_part_names.size()> values;
  std::array<series, stage_names.size()> stages;  // of the creations
  std::uint64_t checked = 0;                      // answers held against the device

 private:
  task<std::chrono::steady_clock::duration> create(bool keep);
  task<std::chrono::steady_clock::duration> add_to_device();

  asio::any_io_executor loop_;
  fleet_options options_;
  plain_consul consul_;
  plain_nats nats_;
  plain_device device_;
  std::optional<http::client> api_;
  std::vector<fleet_stand::created> unchecked_;
};

double percentile_of(const fleet_place& at, fleet_part which, double percent);
/// Of Consul, NATS, the device and HTTP, each one's own percentile.
double sum_of_parts(const fleet_place& at, double percent = 50);

}  // namespace peerage::bench
