// A bus within the test that loses, repeats and delays when it is told to.
#pragma once

#include <map>
#include <vector>

#include "ports/bus.h"
#include "ports/clock.h"

namespace peerage::fakes {

class fake_bus final : public bus {
 public:
  explicit fake_bus(clock& time) : time_(time) {}

  task<result<apply_reply>> apply(gateway_name to, apply_request request,
                                  steady_time deadline) override;
  task<result<status_reply>> status(gateway_name to, status_request request,
                                    steady_time deadline) override;
  result<> serve(gateway_name name, gateway_service& service) override;
  void stop_serving(const gateway_name& name) override { serving_.erase(name); }
  void publish(const heartbeat& beat) override;
  void listen(std::function<void(const heartbeat&)> hear) override {
    listeners_.push_back(std::move(hear));
  }
  task<result<accept_removals_reply>> accept_removals(gateway_name to,
                                                      steady_time deadline) override;
  void publish(const event& what) override;
  void listen(std::function<void(const event&)> hear) override {
    watchers_.push_back(std::move(hear));
  }
  bool connected() const override { return is_connected; }

  bool is_connected = true;
  std::size_t lose_requests = 0;  // so many requests never arrive
  std::size_t lose_answers = 0;   // so many are applied, and their answers lost
  bool repeat = false;            // every request arrives twice
  std::vector<apply_request> applied;

 private:
  clock& time_;
  std::map<gateway_name, gateway_service*> serving_;
  std::vector<std::function<void(const heartbeat&)>> listeners_;
  std::vector<std::function<void(const event&)>> watchers_;
};

}  // namespace peerage::fakes
