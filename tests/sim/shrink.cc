#include "tests/sim/shrink.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace peerage::sim {
namespace {

class shrinking {
 public:
  shrinking(script from, std::string invariant, std::chrono::milliseconds within)
      : best_(std::move(from)),
        invariant_(std::move(invariant)),
        until_(std::chrono::steady_clock::now() + within) {}

  script make() {
    cut_the_end();
    for (const std::string& kind : every_kind()) {
      script shorter = best_;
      shorter.never.insert(kind);
      try_it(shorter);
    }
    for (std::size_t size = best_.steps / 2; size >= 1; size /= 2) {
      for (std::size_t pass = 0; pass < 3 && leave_out(size); ++pass) {}
    }
    return best_;
  }

 private:
  bool late() const { return std::chrono::steady_clock::now() >= until_; }

  bool try_it(const script& shorter) {
    if (late()) return false;
    const auto done = run(shorter, false);
    if (!done.broken || done.broken->invariant != invariant_) return false;
    best_ = shorter;
    return true;
  }

  /// Where it breaks within the steps, what follows is not needed.
  void cut_the_end() {
    std::size_t few = 0, enough = best_.steps;
    while (few + 1 < enough && !late()) {
      script shorter = best_;
      shorter.steps = (few + enough) / 2;
      (try_it(shorter) ? enough : few) = shorter.steps;
    }
  }

  bool leave_out(std::size_t size) {
    bool any = false;
    for (std::size_t begin = 1; begin <= best_.steps; begin += size) {
      script shorter = best_;
      for (std::size_t i = begin; i < begin + size && i <= best_.steps; ++i)
        shorter.without.insert(i);
      if (shorter.without.size() > best_.without.size()) any = try_it(shorter) || any;
    }
    return any;
  }

  script best_;
  const std::string invariant_;
  const std::chrono::steady_clock::time_point until_;
};

}  // namespace

script shrink(script what, const std::string& invariant, std::chrono::milliseconds within) {
  return shrinking(std::move(what), invariant, within).make();
}

}  // namespace peerage::sim
