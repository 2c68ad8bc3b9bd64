// What was measured, and how it is told: a table for a person, JSON lines for a program. Pure but
// for the printing; nothing fails.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peerage::bench {

/// A creation as a caller sees it, and the parts that it can't do without.
enum class part : std::uint8_t { create, commit, device, http };
inline constexpr std::array all_parts{part::create, part::commit, part::device, part::http};
inline constexpr std::array<std::string_view, 4> part_names{"create", "commit", "device", "http"};
/// The members of timing_ms in the answer to a creation.
inline constexpr std::array<std::string_view, 4> stage_names{"store", "gateway", "device", "total"};

/// Every value in milliseconds.
using series = std::vector<double>;

struct measured {
  std::uint64_t peers = 0;  // on the gateway, all the time
  std::array<series, all_parts.size()> parts;
  std::array<series, stage_names.size()> stages;
  series removals;  // of what was created, as a caller sees them
};

/// The least value that `percent` of all values are not above; 0 of none.
double percentile(series values, double percent);

struct ratios {
  double whole_to_parts = 0;  // the worst: a creation's p50 over the sum of the parts' p50s
  double most_to_fewest = 0;  // a creation's p50 with the most peers over that with the fewest
};
ratios ratios_of(const std::vector<measured>& all);

void print_table(std::FILE* to, const std::vector<measured>& all);
/// {"name": "standalone.100.create.p50", "value": 1.02, "unit": "ms"}
void print_json(std::FILE* to, const std::vector<measured>& all);

}  // namespace peerage::bench
