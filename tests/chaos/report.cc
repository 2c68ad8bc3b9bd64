#include "tests/chaos/report.h"

#include <cstdio>
#include <iomanip>
#include <sstream>

namespace peerage::chaos {

void report::note(const std::string& who, const std::string& what) {
  const std::lock_guard hold(mutex_);
  const std::chrono::duration<double> at = std::chrono::steady_clock::now() - begun_;
  file_ << std::fixed << std::setprecision(3) << at.count() << " " << who << ": " << what
        << std::endl;
}

void report::broken(const std::string& who, const std::string& what) {
  note(who, "BROKEN: " + what);
  std::fprintf(stderr, "broken: %s: %s\n", who.c_str(), what.c_str());
  const std::lock_guard hold(mutex_);
  violations_.push_back(who + ": " + what);
}

void report::count(const std::string& kind) {
  const std::lock_guard hold(mutex_);
  ++counts_[kind];
}

std::vector<std::string> report::violations() const {
  const std::lock_guard hold(mutex_);
  return violations_;
}

std::map<std::string, unsigned> report::counts() const {
  const std::lock_guard hold(mutex_);
  return counts_;
}

}  // namespace peerage::chaos
