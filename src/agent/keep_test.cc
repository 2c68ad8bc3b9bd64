// What the mirror has to have when the next start reads it.
#include "agent/fixture.h"

namespace peerage {
namespace {

/// The next start comes up from the mirror alone, 50 s later.
void start_without_a_store(agent_test& test) {
  test.pass(seconds{1});
  run_on(test.loop, test.mind->stop());
  test.desired.away = true;
  test.pass(seconds{50});
  test.start();
  test.pass(seconds{2});
}

peer for_one_minute(const agent_test& test) {
  peer one = sample_peer("acme", "a", 1);
  one.expires_at = test.time.now() + seconds{60};
  return one;
}

/// Begins with a mirror, and a peer that was to end in a minute and then got ten.
peer renewed_by_the_bus(agent_test& test) {
  test.copy = &test.saved;
  test.start();
  peer one = for_one_minute(test);
  test.put_peer(one, test.store_peer(one));
  test.pass(seconds{20});
  one.expires_at = test.time.now() + seconds{600};
  EXPECT_EQ(test.put_peer(one, test.store_peer(one)), change_state::live);
  return one;
}

TEST_F(agent_test, a_peer_renewed_by_the_bus_outlives_a_restart) {
  const peer one = renewed_by_the_bus(*this);
  start_without_a_store(*this);
  EXPECT_TRUE(tunnel.has(one.public_key));
}

TEST_F(agent_test, a_renewal_is_in_the_mirror_before_it_is_confirmed) {
  peer one = renewed_by_the_bus(*this);
  const auto kept = saved.load();
  ASSERT_TRUE(kept && *kept && (*kept)->peers.size() == 1);
  EXPECT_EQ((*kept)->peers[0].peer.expires_at, one.expires_at);
  saved.broken = true;
  one.expires_at = time.now() + seconds{900};
  EXPECT_EQ(put_peer(one, store_peer(one)), change_state::refused);
}

/// A row that a renewal saved is newer than the mirror's head, so the next start would write it.
TEST_F(agent_test, another_form_is_in_the_mirror_before_it_is_confirmed) {
  peer one = renewed_by_the_bus(*this);
  one.expires_at = time.now() + seconds{300};
  one.preshared_key = secret_key(std::array<std::uint8_t, key_size>{7});
  ASSERT_EQ(put_peer(one, store_peer(one)), change_state::live);
  auto kept = saved.load();
  ASSERT_TRUE(kept && *kept && (*kept)->peers.size() == 1);
  EXPECT_EQ((*kept)->peers[0].peer.preshared_key, one.preshared_key);
  one.preshared_key = secret_key(std::array<std::uint8_t, key_size>{8});
  store_peer(one);
  pass(milliseconds{20});
  kept = saved.load();
  EXPECT_EQ((*kept)->peers[0].peer.preshared_key, one.preshared_key) << "heard from the store";
  saved.broken = true;
  one.preshared_key = secret_key(std::array<std::uint8_t, key_size>{9});
  EXPECT_EQ(put_peer(one, store_peer(one)), change_state::refused);
}

TEST_F(agent_test, a_peer_renewed_by_the_store_outlives_a_restart) {
  copy = &saved;
  start();
  peer one = for_one_minute(*this);
  store_peer(one);
  pass(seconds{20});
  ASSERT_TRUE(tunnel.has(one.public_key));
  one.expires_at = time.now() + seconds{600};
  store_peer(one);
  start_without_a_store(*this);
  EXPECT_TRUE(tunnel.has(one.public_key));
}

TEST_F(agent_test, what_the_mirror_has_not_heard_of_keeps_its_address) {
  const peer before = left_in_the_mirror();
  // The process that died after that had written another key, and not its mirror.
  peer after = before;
  after.public_key = sample_key(2);
  store_peer(after);
  tunnel.peers.clear();
  put_on_device(after);
  desired.away = true;
  start();
  pass(seconds{2});
  EXPECT_FALSE(tunnel.has(before.public_key));
  EXPECT_TRUE(tunnel.has(after.public_key));
  desired.away = false;
  pass(seconds{5});
  EXPECT_FALSE(tunnel.has(before.public_key));
  EXPECT_TRUE(tunnel.has(after.public_key));
}

TEST_F(agent_test, what_was_changed_after_the_mirror_was_written_stays_changed) {
  const peer before = left_in_the_mirror();
  // The process that died after that had confirmed another secret, and not written its mirror.
  peer after = before;
  after.preshared_key = secret_key(std::array<std::uint8_t, key_size>{7});
  const revision at = store_peer(after);
  put_on_device(after);
  desired.away = true;
  start();
  pass(seconds{40});
  EXPECT_EQ(tunnel.peers.at(after.public_key).peer.preshared_key, after.preshared_key);
  desired.away = false;
  pass(seconds{5});
  EXPECT_EQ(tunnel.peers.at(after.public_key).peer.preshared_key, after.preshared_key);
  EXPECT_EQ(put_peer(after, at), change_state::live);
}

TEST_F(agent_test, what_the_bus_says_of_before_a_start_waits_for_the_store) {
  copy = &saved;
  start();
  pass(seconds{1});
  const fake_mirror before = saved;
  const peer one = sample_peer("acme", "a", 1);
  const revision made = store_peer(one);
  put_peer(one, made);
  EXPECT_EQ(remove(one, commit(removal{one.id, anything{}})), change_state::removed);
  run_on(loop, mind->stop());
  // As if it had died at once: nobody knows that it is gone, and its creation comes once more.
  saved = before;
  desired.away = true;
  start();
  EXPECT_EQ(put_peer(one, made), change_state::refused);
  EXPECT_FALSE(tunnel.has(one.public_key));
  desired.away = false;
  pass(seconds{5});
  const peer two = sample_peer("acme", "b", 2);
  EXPECT_EQ(put_peer(two, store_peer(two)), change_state::live);
}

}  // namespace
}  // namespace peerage
