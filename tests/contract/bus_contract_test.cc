// The promises of ports/bus.h, for the bus of one process and for the fake.
#include <gtest/gtest.h>

#include "async/signal.h"
#include "local/bus.h"
#include "local/system_clock.h"
#include "testing/fake_bus.h"
#include "testing/run.h"
#include "testing/samples.h"

namespace peerage::contract {
namespace {

using peerage::fakes::run_on;

struct bus_kind {
  std::string name;
  std::function<std::unique_ptr<bus>(clock&)> make;
  friend void PrintTo(const bus_kind& kind, std::ostream* to) { *to << kind.name; }
};

/// A gateway that answers, or keeps the caller waiting.
struct echo final : gateway_service {
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
    co_return reply;
  }
  std::vector<std::string> seen;
  signal go_on;
  bool slow = false;
};

class bus_contract : public testing::TestWithParam<bus_kind> {
 protected:
  asio::io_context loop_;
  std::unique_ptr<clock> clock_ = make_system_clock(loop_.get_executor());
  std::unique_ptr<bus> bus_ = GetParam().make(*clock_);
  gateway_name name_ = *gateway_name::parse("gw-1");
  echo service_{loop_};

  result<apply_reply> ask(milliseconds wait = milliseconds{5'000}) {
    apply_request request;
    request.request_id = "r1";
    request.changes.push_back(remove_peer_change{peerage::fakes::sample_key(1)});
    return run_on(loop_, bus_->apply(name_, std::move(request), clock_->steady() + wait));
  }
};

TEST_P(bus_contract, carries_a_request_and_its_answer) {
  ASSERT_TRUE(bus_->serve(name_, service_));
  const auto reply = ask();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->request_id, "r1");
  ASSERT_EQ(reply->results.size(), 1U);
  EXPECT_EQ(reply->results[0].public_key, peerage::fakes::sample_key(1));
  status_request status{{peerage::fakes::sample_key(1), peerage::fakes::sample_key(2)}};
  const auto known =
      run_on(loop_, bus_->status(name_, std::move(status), clock_->steady() + seconds{5}));
  ASSERT_TRUE(known);
  EXPECT_EQ(known->peers, 2U);
}

TEST_P(bus_contract, says_at_once_that_nobody_hears) {
  const auto reply = ask();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, errc::unavailable);
  ASSERT_TRUE(bus_->serve(name_, service_));
  ASSERT_TRUE(ask());
  bus_->stop_serving(name_);
  EXPECT_EQ(ask().error().code, errc::unavailable);
}

TEST_P(bus_contract, a_name_is_served_once) {
  ASSERT_TRUE(bus_->serve(name_, service_));
  EXPECT_EQ(bus_->serve(name_, service_).error().code, errc::conflict);
}

TEST_P(bus_contract, the_deadline_ends_the_wait) {
  service_.slow = true;
  ASSERT_TRUE(bus_->serve(name_, service_));
  const auto reply = ask(milliseconds{20});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, errc::timeout);
  EXPECT_EQ(service_.seen.size(), 1U);
  service_.slow = false;
  EXPECT_TRUE(ask()) << "and the bus goes on";
}

TEST_P(bus_contract, heartbeats_reach_every_listener) {
  int heard = 0;
  bus_->listen([&](const heartbeat& beat) { heard += beat.peers == 7; });
  bus_->listen([&](const heartbeat& beat) { heard += beat.name == name_; });
  bus_->publish({name_, {}, 7, revision{3}});
  loop_.restart();
  loop_.poll();
  EXPECT_EQ(heard, 2);
  EXPECT_TRUE(bus_->connected());
}

INSTANTIATE_TEST_SUITE_P(local, bus_contract, testing::Values(bus_kind{"local", make_local_bus}));
INSTANTIATE_TEST_SUITE_P(fake, bus_contract,
                         testing::Values(bus_kind{
                             "fake", [](clock& time) {
                               return std::make_unique<peerage::fakes::fake_bus>(time);
                             }}));

}  // namespace
}  // namespace peerage::contract
