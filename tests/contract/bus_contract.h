// The promises of ports/bus.h, as one parameterised suite. A backend's own file says how to make
// one of its buses and instantiates the suite; the tests are in bus_contract.cc.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "async/signal.h"
#include "local/system_clock.h"
#include "ports/bus.h"
#include "ports/clock.h"
#include "testing/run.h"
#include "testing/samples.h"

namespace peerage::contract {

struct bus_kind {
  std::string name;
  /// One that is connected. May run the loop.
  std::function<std::unique_ptr<bus>(asio::io_context&, clock&)> make;
  /// Before its end; may be empty.
  std::function<task<>(bus&)> stop = {};
};

inline void PrintTo(const bus_kind& kind, std::ostream* to) {
  *to << kind.name;
}

/// A gateway that answers, or keeps the caller waiting.
struct echo : gateway_service {
  task<accept_removals_reply> accept_removals(accept_removals_request) override {
    co_return accept_removals_reply{7};
  }
  explicit echo(asio::io_context& loop) : go_on(loop.get_executor()) {}
  task<apply_reply> apply(apply_request request) override {
    seen.push_back(request.request_id);
    while (slow) co_await go_on.wait();
    apply_reply reply;
    reply.request_id = request.request_id;
    for (const auto& each : request.changes) {
      reply.results.push_back({key_of(each), change_state::live, {}, {}});
    }
    co_return reply;
  }
  task<status_reply> status(status_request request) override {
    status_reply reply;
    reply.peers = static_cast<std::uint32_t>(request.public_keys.size());
    reply.device = "fake";
    for (const auto& each : request.public_keys) reply.reports.push_back({each, true, {}, {}, {}});
    co_return reply;
  }
  std::vector<std::string> seen;
  signal go_on;
  bool slow = false;
};

/// A request that removes one peer.
inline apply_request sample_request(std::string id = "r1") {
  apply_request request;
  request.request_id = std::move(id);
  request.changes.push_back(remove_peer_change{fakes::sample_key(1)});
  return request;
}

/// Runs the loop until `holds`; false when it did not within the limit.
inline bool run_until(asio::io_context& loop, const std::function<bool()>& holds,
                      milliseconds limit = milliseconds{5'000}) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  loop.restart();
  while (!holds() && loop.run_one_until(deadline) > 0) {}
  return holds();
}

class bus_contract : public testing::TestWithParam<bus_kind> {
 protected:
  void TearDown() override {
    if (GetParam().stop) fakes::run_on(loop_, GetParam().stop(*bus_));
  }

  result<apply_reply> ask(milliseconds wait = milliseconds{5'000}) {
    auto request = sample_request();
    return fakes::run_on(loop_, bus_->apply(name_, std::move(request), clock_->steady() + wait));
  }

  asio::io_context loop_;
  std::unique_ptr<clock> clock_ = make_system_clock(loop_.get_executor());
  std::unique_ptr<bus> bus_ = GetParam().make(loop_, *clock_);
  gateway_name name_ = *gateway_name::parse("gw-1");
  echo service_{loop_};
};

}  // namespace peerage::contract
