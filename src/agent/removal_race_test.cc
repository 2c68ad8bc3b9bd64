#include "agent/fixture.h"

namespace peerage {
namespace {

TEST_F(agent_test, one_that_comes_back_while_it_is_dropped_is_written_before_it_is_live) {
  start();
  const peer one = sample_peer("acme", "a", 1);
  ASSERT_EQ(put_peer(one, store_peer(one)), change_state::live);
  tunnel.held = true;
  std::vector<change_state> said;
  const auto ask = [&](peer_change change, std::uint64_t at) {
    apply_request request{"r", epoch{"fake-epoch"}, revision{at}, {}};
    request.changes.push_back(std::move(change));
    asio::co_spawn(loop, mind->apply(std::move(request)),
                   [&](std::exception_ptr, const apply_reply& reply) {
                     said.push_back(reply.results.at(0).state);
                   });
    settle();
  };
  ask(put_peer_change{assigned_to(sample_peer("acme", "b", 2))}, 100);  // keeps the device busy
  ask(remove_peer_change{one.public_key}, 101);
  ask(put_peer_change{assigned_to(one)}, 102);
  tunnel.release();
  settle();
  pass(milliseconds{200});
  EXPECT_EQ(said.size(), 3U);
  EXPECT_EQ(said.back(), change_state::live);
  ASSERT_TRUE(tunnel.has(one.public_key));
  EXPECT_FALSE(tunnel.peers.at(one.public_key).peer.allowed_ips.empty());
}

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

TEST_F(agent_test, a_peer_that_the_device_refused_is_not_counted_as_applied) {
  start();
  tunnel.dumps_held = true;
  tunnel.fail_next = 1;
  const peer one = sample_peer("acme", "a", 1);
  const revision at = store_peer(one);
  EXPECT_EQ(put_peer(one, at), change_state::refused);
  EXPECT_TRUE(mind->applied() < at || tunnel.has(one.public_key));
  pass(milliseconds{100});
  EXPECT_TRUE(mind->applied() < at || tunnel.has(one.public_key));
}

}  // namespace
}  // namespace peerage
