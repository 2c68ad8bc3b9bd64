#include "local/bus.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <map>
#include <utility>
#include <vector>

namespace peerage {
namespace {

using namespace asio::experimental::awaitable_operators;

class local_bus final : public bus {
 public:
  explicit local_bus(clock& time) : time_(time) {}

  task<result<apply_reply>> apply(gateway_name to, apply_request request,
                                  steady_time deadline) override {
    const auto found = serving_.find(to);
    if (found == serving_.end()) co_return nobody(to);
    auto answer = found->second->apply(std::move(request));
    auto first = co_await (std::move(answer) || time_.wait_until(deadline));
    if (first.index() == 1) co_return late(to);
    co_return std::get<0>(std::move(first));
  }

  task<result<status_reply>> status(gateway_name to, status_request request,
                                    steady_time deadline) override {
    const auto found = serving_.find(to);
    if (found == serving_.end()) co_return nobody(to);
    auto answer = found->second->status(std::move(request));
    auto first = co_await (std::move(answer) || time_.wait_until(deadline));
    if (first.index() == 1) co_return late(to);
    co_return std::get<0>(std::move(first));
  }

  result<> serve(gateway_name name, gateway_service& service) override {
    if (!serving_.emplace(name, &service).second) {
      return fail(errc::conflict, "gateway " + name.text() + " is served in this process already");
    }
    return {};
  }
  void stop_serving(const gateway_name& name) override { serving_.erase(name); }

  void publish(const heartbeat& beat) override {
    for (const auto& hear : listeners_) hear(beat);
  }
  void listen(std::function<void(const heartbeat&)> hear) override {
    listeners_.push_back(std::move(hear));
  }
  bool connected() const override { return true; }

 private:
  static std::unexpected<error> nobody(const gateway_name& to) {
    return fail(errc::unavailable, "gateway " + to.text() + " is not there");
  }
  static std::unexpected<error> late(const gateway_name& to) {
    return fail(errc::timeout, "gateway " + to.text() + " did not answer in time");
  }

  clock& time_;
  std::map<gateway_name, gateway_service*> serving_;
  std::vector<std::function<void(const heartbeat&)>> listeners_;
};

}  // namespace

std::unique_ptr<bus> make_local_bus(clock& time) {
  return std::make_unique<local_bus>(time);
}

}  // namespace peerage
