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

}  // namespace
}  // namespace peerage
