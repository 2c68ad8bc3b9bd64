// What happened, in the order in which it happened, and what must not have. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace peerage::chaos {

class report {
 public:
  explicit report(const std::string& file) : file_(file) {}
  /// A line of the trace.
  void note(const std::string& who, const std::string& what);
  /// A promise is broken.
  void broken(const std::string& who, const std::string& what);
  /// One more of that kind, for the summary.
  void count(const std::string& kind);

  std::vector<std::string> violations() const;
  std::map<std::string, unsigned> counts() const;

 private:
  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  mutable std::mutex mutex_;
  std::ofstream file_;
  std::vector<std::string> violations_;
  std::map<std::string, unsigned> counts_;
};

}  // namespace peerage::chaos
