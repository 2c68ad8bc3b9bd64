// What the daemon counts, as Prometheus reads it. From the loop's thread; counting never fails.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace peerage {

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
  void set_gateway(std::string_view gateway, bool live, std::uint32_t peers,
                   std::uint32_t left_out);
  /// Up to which revision of the store its device has everything.
  void set_gateway_revision(std::string_view gateway, std::uint64_t revision);

  /// The text exposition format, version 0.0.4.
  std::string text() const;

 private:
  struct families;
  std::unique_ptr<families> families_;
};

}  // namespace peerage
