// What the daemon counts, as Prometheus reads it. From the loop's thread; counting never fails.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace peerage {

struct gateway_count {
  std::string name;
  bool live = false;
  std::uint32_t peers = 0;
  std::uint32_t left_out = 0;
};

class metrics {
 public:
  metrics();
  ~metrics();

  /// `call` is the route's pattern: few, whatever is asked.
  void count_request(std::string_view method, std::string_view call, int status);
  /// `state` is "live" or "pending".
  void count_enrolment(std::string_view state);
  /// `stage` is "store", "gateway", "device" or "total".
  void observe_stage(std::string_view stage, std::chrono::nanoseconds took);
  /// All that there are: what was counted of others is forgotten.
  void set_gateways(const std::vector<gateway_count>& all);
  /// Up to which revision of the store its device has everything.
  void set_gateway_revision(std::string_view gateway, std::uint64_t revision);

  /// The text exposition format, version 0.0.4.
  std::string text() const;

 private:
  struct families;
  std::unique_ptr<families> families_;
};

}  // namespace peerage
