// The one source of chance in a simulation: a small generator (splitmix64), seeded anew for each
// step, so that leaving a step out does not change what the others decide.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>

namespace peerage::sim {

class dice {
 public:
  explicit dice(std::uint64_t seed) : state_(seed) {}
  dice(std::uint64_t seed, std::uint64_t step) : state_(seed * 0x9e3779b97f4a7c15ULL + step) {
    next();
  }

  std::uint64_t next() {
    std::uint64_t mixed = state_ += 0x9e3779b97f4a7c15ULL;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebULL;
    return mixed ^ mixed >> 31;
  }
  /// 0 to n - 1; n is at least 1.
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(next() % n); }
  bool chance(unsigned percent) { return below(100) < percent; }
  template <class List>
  auto& pick(List& from) {
    return from[below(std::size(from))];
  }
  void fill(std::span<std::uint8_t> out) {
    for (auto& byte : out) byte = static_cast<std::uint8_t>(next());
  }

 private:
  std::uint64_t state_;
};

}  // namespace peerage::sim
