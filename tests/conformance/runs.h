// What every conformance test needs: how long to run, its seed, and shortening a sequence that
// shows a difference to the operations that matter.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace peerage::conformance {

inline std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// Calls `sequence` with one seed after the other, from PEERAGE_CONFORMANCE_SEED (1) on, until
/// PEERAGE_CONFORMANCE_SECONDS (10) are over or it returns false. Returns the number of sequences.
inline std::uint64_t for_each_seed(const std::function<bool(std::uint64_t seed)>& sequence) {
  const std::chrono::seconds limit(number_from("PEERAGE_CONFORMANCE_SECONDS", 10));
  const auto end = std::chrono::steady_clock::now() + limit;
  const std::uint64_t first = number_from("PEERAGE_CONFORMANCE_SEED", 1);
  std::uint64_t seed = first;
  while (std::chrono::steady_clock::now() < end) {
    if (!sequence(seed++)) break;
  }
  return seed - first;
}

/// The shortest sequence found that still differs, by leaving out ever smaller parts.
/// `differs` runs a sequence from the beginning.
template <class Operation>
std::vector<Operation> shorten(std::vector<Operation> from,
                               const std::function<bool(const std::vector<Operation>&)>& differs) {
  for (std::size_t part = from.size() / 2; part > 0; part /= 2) {
    for (std::size_t at = 0; at + part <= from.size();) {
      std::vector<Operation> without = from;
      const auto begin = without.begin() + static_cast<std::ptrdiff_t>(at);
      without.erase(begin, begin + static_cast<std::ptrdiff_t>(part));
      if (differs(without)) {
        from = std::move(without);
      } else {
        at += part;
      }
    }
  }
  return from;
}

class chance {
 public:
  explicit chance(std::uint64_t seed) : random_(seed) {}
  std::size_t below(std::size_t end) {
    return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
  }
  bool percent(unsigned of_100) { return below(100) < of_100; }
  template <class Range>
  const auto& pick(const Range& from) {
    return from[below(std::size(from))];
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace peerage::conformance
