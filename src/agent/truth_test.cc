// What the gateway says of the peers that it leaves out, and of those that it lost.
#include "agent/fixture.h"

namespace peerage {
namespace {

peer_report report_of(agent_test& test, const peer& one) {
  status_request request{{one.public_key}, false};
  return run_on(test.loop, test.mind->status(std::move(request))).reports.at(0);
}

TEST_F(agent_test, a_clock_that_is_a_day_ahead_at_the_start_is_said_and_heals_within_seconds) {
  desired.time = &time;
  peer one = sample_peer("acme", "a", 1);
  one.expires_at = time.now() + seconds{3'600};
  store_peer(one);
  time.jump(seconds{86'400});
  std::optional<heartbeat> beat;
  word.listen([&](const heartbeat& each) { beat = each; });
  start();
  pass(seconds{120});
  EXPECT_FALSE(tunnel.has(one.public_key));
  EXPECT_EQ(mind->left_out(), 1U);
  ASSERT_EQ(mind->how().troubles.size(), 1U);
  EXPECT_TRUE(mind->how().troubles[0].starts_with("left out: 1 peer "));
  EXPECT_FALSE(report_of(*this, one).live);
  EXPECT_EQ(report_of(*this, one).reason, "its time is over by the gateway's clock");
  ASSERT_TRUE(beat);
  EXPECT_EQ(beat->left_out, 1U);
  EXPECT_TRUE(beat->at);
  time.jump(-seconds{86'400});
  pass(seconds{4});
  EXPECT_TRUE(tunnel.has(one.public_key));
  EXPECT_TRUE(report_of(*this, one).live);
  EXPECT_EQ(mind->left_out(), 0U);
  EXPECT_TRUE(mind->how().troubles.empty());
}

TEST_F(agent_test, a_store_that_lacks_three_peers_for_no_reason_is_not_believed) {
  copy = &saved;
  start();
  for (std::uint32_t n = 1; n <= 3; ++n) {
    store_peer(sample_peer("acme", "p" + std::to_string(n), n));
  }
  pass(seconds{1});
  desired.lose_peers();
  pass(seconds{60});
  EXPECT_EQ(tunnel.peers.size(), 3U);
  ASSERT_EQ(mind->how().troubles.size(), 1U);
  EXPECT_TRUE(mind->how().troubles[0].contains("lacks 3 peers"));
}

TEST_F(agent_test, it_starts_from_its_mirror_whatever_the_store_answers) {
  for (const errc code : {errc::unavailable, errc::denied, errc::corrupt, errc::not_found}) {
    const peer one = left_in_the_mirror();
    tunnel.peers.clear();
    desired.claims_fail = error{code, "the store answers nonsense", {}};
    start();
    pass(seconds{1});
    EXPECT_TRUE(tunnel.has(one.public_key));
    desired.claims_fail.reset();
    pass(seconds{3});
    EXPECT_TRUE(mind->how().troubles.empty()) << "and follows it as soon as that is over";
    run_on(loop, mind->stop());
    mind.reset();
    commit(removal{one.id, anything{}});
    saved = {};
  }
}

TEST_F(agent_test, whoever_waits_for_the_device_is_told_when_the_agent_stops) {
  start();
  const peer one = sample_peer("acme", "a", 1);
  const revision at = store_peer(one);
  tunnel.held = true;
  std::optional<apply_reply> answer;
  apply_request request{"r", epoch{"fake-epoch"}, at, {put_peer_change{assigned_to(one)}}};
  asio::co_spawn(loop, mind->apply(std::move(request)),
                 [&](const std::exception_ptr&, apply_reply reply) { answer = std::move(reply); });
  settle();
  EXPECT_FALSE(answer);
  run_on(loop, mind->stop());
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->results.at(0).state, change_state::refused);
  EXPECT_EQ(answer->results.at(0).reason, "the gateway's daemon is stopping");
  mind.reset();
}

}  // namespace
}  // namespace peerage
