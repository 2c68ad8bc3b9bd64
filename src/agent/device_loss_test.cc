#include "agent/fixture.h"

namespace peerage {
namespace {

TEST_F(agent_test, nothing_is_live_while_the_device_is_known_to_be_lost) {
  start();
  const peer one = sample_peer("acme", "a", 1);
  const revision at = store_peer(one);
  ASSERT_EQ(put_peer(one, at), change_state::live);
  broken = true;
  tunnel.vanish();
  settle();
  EXPECT_EQ(put_peer(one, at), change_state::refused);
}

TEST_F(agent_test, what_was_written_before_the_loss_is_not_live_after_it) {
  start();
  tunnel.held = true;
  const peer one = sample_peer("acme", "a", 1);
  std::optional<change_state> state;
  apply_request request{"r", epoch{"fake-epoch"}, store_peer(one), {}};
  request.changes.push_back(put_peer_change{assigned_to(one)});
  asio::co_spawn(
      loop, mind->apply(std::move(request)),
      [&](std::exception_ptr, const apply_reply& reply) { state = reply.results.at(0).state; });
  settle();
  broken = true;
  tunnel.vanish();
  settle();
  tunnel.come_back();  // so that the write is acknowledged, late
  tunnel.release();
  settle();
  EXPECT_EQ(state, change_state::refused);
}

TEST_F(agent_test, what_a_look_saw_before_the_loss_is_not_live_after_it) {
  start();
  const peer one = sample_peer("acme", "a", 1);
  put_peer(one, store_peer(one));
  tunnel.dumps_held = true;
  pass(seconds{31});
  const auto there = tunnel.peers;
  broken = true;
  tunnel.vanish();
  settle();
  tunnel.come_back();
  tunnel.peers = there;
  tunnel.release();
  settle();
  status_request asked{{one.public_key}, false};
  EXPECT_FALSE(run_on(loop, mind->status(std::move(asked))).reports.at(0).live);
}

TEST_F(agent_test, a_device_that_is_lost_again_at_once_is_noticed) {
  start();
  const peer one = sample_peer("acme", "a", 1);
  const revision at = store_peer(one);
  put_peer(one, at);
  tunnel.vanish();
  settle();
  EXPECT_EQ(put_peer(one, at), change_state::live) << "it is back";
  broken = true;
  tunnel.vanish();
  settle();
  EXPECT_EQ(put_peer(one, at), change_state::refused);
}

TEST_F(agent_test, peers_of_a_device_that_is_made_anew_are_called_back) {
  start();
  const peer one = sample_peer("acme", "a", 1), silent = sample_peer("acme", "b", 2);
  for (const peer& each : {one, silent}) put_peer(each, store_peer(each));
  tunnel.peers[one.public_key].status.endpoint = "192.0.2.7:4711";
  tunnel.peers[one.public_key].status.last_handshake_at = time.now();
  pass(seconds{31});
  tunnel.vanish();
  pass(milliseconds{50});  // the next look takes it back
  ASSERT_TRUE(tunnel.has(one.public_key) && tunnel.has(silent.public_key));
  EXPECT_EQ(tunnel.peers[one.public_key].status.endpoint, "192.0.2.7:4711");
  EXPECT_GT(tunnel.peers[one.public_key].keepalive_s, 0);
  EXPECT_EQ(tunnel.peers[silent.public_key].keepalive_s, 0);
  pass(seconds{31});
  EXPECT_EQ(tunnel.peers[one.public_key].keepalive_s, 0) << "it was for the handshake alone";
}

TEST_F(agent_test, an_adopted_device_keeps_its_peers_until_they_are_let_go_over_restarts) {
  const peer foreign = sample_peer("acme", "foreign", 9);
  put_on_device(foreign);
  adopted = true;
  start();
  pass(seconds{31});
  EXPECT_TRUE(tunnel.has(foreign.public_key));
  EXPECT_TRUE(epochs.empty()) << "so the next start holds it too";
  const auto troubles = mind->how().troubles;
  ASSERT_EQ(troubles.size(), 1U);
  EXPECT_NE(troubles[0].find("was adopted with 1 peer "), std::string::npos) << troubles[0];
  EXPECT_EQ(run_on(loop, mind->accept_removals({})).released, 1U);
  pass(seconds{31});
  EXPECT_FALSE(tunnel.has(foreign.public_key));
  EXPECT_FALSE(epochs.empty());
}

TEST_F(agent_test, what_of_the_host_is_in_the_way_is_among_the_troubles) {
  in_the_way = {"forwarding: off"};
  start();
  EXPECT_EQ(mind->how().troubles, in_the_way);
  in_the_way.clear();
  pass(seconds{31});
  EXPECT_TRUE(mind->how().troubles.empty());
}

}  // namespace
}  // namespace peerage
