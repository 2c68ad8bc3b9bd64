#include "tests/contract/bus_contract.h"

namespace peerage::contract {
namespace {

using peerage::fakes::run_on;

TEST_P(bus_contract, carries_a_request_and_its_answer) {
  ASSERT_TRUE(bus_->serve(name_, service_));
  const auto reply = ask();
  ASSERT_TRUE(reply) << reply.error().message;
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
  ASSERT_TRUE(bus_->serve(name_, service_));
  bus_->listen([&](const heartbeat& beat) { heard += beat.peers == 7; });
  bus_->listen([&](const heartbeat& beat) { heard += beat.name == name_; });
  bus_->publish({name_, *region_name::parse("fra"), 7, revision{3}});
  EXPECT_TRUE(run_until(loop_, [&] { return heard == 2; })) << heard;
  EXPECT_TRUE(bus_->connected());
}

TEST_P(bus_contract, a_heartbeat_tells_what_troubles_the_gateway) {
  std::string heard;
  ASSERT_TRUE(bus_->serve(name_, service_));
  bus_->listen([&](const heartbeat& beat) { heard = beat.trouble; });
  bus_->publish({name_, *region_name::parse("fra"), 7, revision{3}, "removals held"});
  EXPECT_TRUE(run_until(loop_, [&] { return heard == "removals held"; })) << heard;
}

TEST_P(bus_contract, events_reach_every_listener_once) {
  std::vector<event> heard;
  bus_->listen([&](const event& one) { heard.push_back(one); });
  bus_->listen([&](const event& one) { heard.push_back(one); });
  const event live{event_kind::peer_live, fakes::sample_peer("acme", "a", 1).created_at, name_,
                   fakes::sample_peer("acme", "a", 1).id, revision{41}};
  const event down{event_kind::gateway_down, live.at, name_, {}, {}};
  bus_->publish(live);
  bus_->publish(down);
  ASSERT_TRUE(run_until(loop_, [&] { return heard.size() >= 4; })) << heard.size();
  EXPECT_FALSE(run_until(loop_, [&] { return heard.size() > 4; }, milliseconds{50}));
  EXPECT_EQ(heard[0].what, event_kind::peer_live);
  EXPECT_EQ(heard[0].peer, live.peer);
  EXPECT_EQ(heard[0].at, live.at);
  EXPECT_EQ(heard[0].at_revision, live.at_revision);
  EXPECT_EQ(heard[2].what, event_kind::gateway_down);
  EXPECT_EQ(heard[2].gateway, name_);
  EXPECT_FALSE(heard[2].peer);
}

TEST_P(bus_contract, carries_the_word_that_lets_go_of_held_peers) {
  ASSERT_TRUE(bus_->serve(name_, service_));
  gateway_name to = name_;
  const auto deadline = clock_->steady() + seconds{5};
  const auto reply = run_on(loop_, bus_->accept_removals(std::move(to), deadline));
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->released, 7U);
}

}  // namespace
}  // namespace peerage::contract
