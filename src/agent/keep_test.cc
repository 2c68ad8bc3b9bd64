// What the mirror has to have when the next start reads it.
#include <functional>

#include "agent/fixture.h"

namespace peerage {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

/// The next start comes up from the mirror alone, 50 s later.
void start_without_a_store(agent_test& test) {
  test.pass(seconds{1});
  run_on(test.loop, test.mind->stop());
  test.desired.away = true;
  test.pass(seconds{50});
  test.start();
  test.pass(seconds{2});
}

peer that_ends_in(const agent_test& test, seconds life) {
  peer one = sample_peer("acme", "a", 1);
  one.expires_at = test.time.now() + life;
  return one;
}

/// Begins with a mirror, and a peer that was to end in a minute and then got ten.
peer renewed_by_the_bus(agent_test& test) {
  test.copy = &test.saved;
  test.start();
  peer one = that_ends_in(test, seconds{60});
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
  peer one = that_ends_in(*this, seconds{60});
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

/// One whose clock is a day ahead when it starts, for two seconds; what happens meanwhile is up to
/// `meanwhile`. Then the clock is right, and the next start comes up from the mirror alone.
void start_with_a_wrong_clock(agent_test& test, const std::function<void()>& meanwhile) {
  test.desired.time = &test.time;
  test.time.jump(hours{24});
  test.start();
  test.pass(seconds{2});
  meanwhile();
  test.pass(seconds{1});
  run_on(test.loop, test.mind->stop());
  test.time.jump(-hours{24});
  test.desired.away = true;
  test.start();
  test.pass(seconds{2});
}

/// Live, in the mirror of a process that has ended, and with an hour to go.
peer left_with_an_hour(agent_test& test) {
  test.copy = &test.saved;
  test.start();
  const peer one = that_ends_in(test, hours{1});
  EXPECT_EQ(test.put_peer(one, test.store_peer(one)), change_state::live);
  test.pass(seconds{1});
  run_on(test.loop, test.mind->stop());
  return one;
}

TEST_F(agent_test, who_was_removed_while_a_wrong_clock_left_it_out_is_in_no_mirror_any_more) {
  const peer one = left_with_an_hour(*this);
  start_with_a_wrong_clock(*this, [&] {
    EXPECT_FALSE(tunnel.has(one.public_key));
    commit(removal{one.id, anything{}});
  });
  EXPECT_FALSE(tunnel.has(one.public_key));
  EXPECT_TRUE((*saved.load())->peers.empty());
}

TEST_F(agent_test, who_is_not_in_a_full_listing_after_a_wrong_clock_is_in_no_mirror_any_more) {
  const peer one = left_with_an_hour(*this);
  start_with_a_wrong_clock(*this, [&] { desired.lose_peers(); });
  EXPECT_FALSE(tunnel.has(one.public_key));
}

TEST_F(agent_test, whom_a_wrong_clock_left_out_is_in_the_mirror_as_the_store_has_it) {
  copy = &saved;
  peer one = that_ends_in(*this, hours{1}), other = one;
  other.id = sample_peer("acme", "b", 2).id;
  other.public_key = sample_key(2);
  other.ipv6 = sample_peer("acme", "b", 2).ipv6;
  other.ipv4 = sample_peer("acme", "b", 2).ipv4;
  store_peer(one);  // in the full listing that makes the mirror
  start_with_a_wrong_clock(*this, [&] {
    store_peer(other);  // a change
    pass(seconds{1});
    one.expires_at = *one.expires_at + hours{1};
    store_peer(one);
  });
  EXPECT_TRUE(tunnel.has(one.public_key));
  EXPECT_TRUE(tunnel.has(other.public_key));
  pass(minutes{90});
  EXPECT_TRUE(tunnel.has(one.public_key)) << "renewed while it was left out";
  EXPECT_FALSE(tunnel.has(other.public_key));
}

TEST_F(agent_test, a_creation_is_in_the_mirror_as_soon_as_it_is_answered) {
  copy = &saved;
  start();
  pass(seconds{1});
  const peer one = sample_peer("acme", "a", 1);
  EXPECT_EQ(put_peer(one, store_peer(one)), change_state::live);
  settle();
  const auto kept = saved.load();
  ASSERT_TRUE(kept && *kept);
  EXPECT_EQ((*kept)->peers.size(), 1U) << "without any time passing";
}

/// A restart that has the mirror alone must not know the peer by no key at all.
TEST_F(agent_test, a_key_that_replaces_another_is_in_the_mirror_with_its_removal) {
  copy = &saved;
  start();
  peer one = sample_peer("acme", "a", 1);
  put_peer(one, store_peer(one));
  pass(seconds{1});
  const public_key before = one.public_key;
  one.public_key = sample_key(2);
  std::vector<peer_change> changes{remove_peer_change{before}, put_peer_change{assigned_to(one)}};
  const auto reply = apply(std::move(changes), store_peer(one));
  ASSERT_EQ(reply.results.at(1).state, change_state::live);
  const auto kept = saved.load();
  ASSERT_TRUE(kept && *kept && (*kept)->peers.size() == 1);
  EXPECT_EQ((*kept)->peers[0].peer.public_key, one.public_key);
}

}  // namespace
}  // namespace peerage
