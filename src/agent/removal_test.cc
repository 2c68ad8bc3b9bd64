// Removals and expiry: their order, and the clock they go by.
#include "agent/fixture.h"

namespace peerage {
namespace {

TEST_F(agent_test, many_removals_are_stripped_at_once_and_dropped_behind_everything_else) {
  start();
  std::vector<peer> many;
  for (std::uint32_t n = 1; n <= 300; ++n) {
    many.push_back(sample_peer("acme", "p" + std::to_string(n), n));
    many.back().expires_at = time.now() + seconds{10};
    store_peer(many.back());
  }
  settle();
  ASSERT_EQ(tunnel.peers.size(), 300U);
  pass(milliseconds{9'900});
  tunnel.batches.clear();
  for (const auto& [key, entry] : tunnel.peers) EXPECT_FALSE(entry.peer.allowed_ips.empty());
  pass(milliseconds{300});
  for (const auto& [key, entry] : tunnel.peers) EXPECT_TRUE(entry.peer.allowed_ips.empty());
  ASSERT_GE(tunnel.batches.size(), 6U);
  EXPECT_EQ((std::vector(tunnel.batches.begin(), tunnel.batches.begin() + 6)),
            (std::vector<std::size_t>{16, 32, 64, 128, 60, 2}));
  // In the middle of them: a removal that somebody waits for, and a creation.
  const std::size_t left = tunnel.peers.size();
  tunnel.held = true;
  pass(milliseconds{50});
  bool made = false, removed = false;
  const auto ask = [&](std::vector<peer_change> changes, bool& done) {
    apply_request request{"r", epoch{"fake-epoch"}, revision{1'000}, std::move(changes)};
    asio::co_spawn(loop, mind->apply(std::move(request)),
                   [&](std::exception_ptr, const apply_reply& reply) {
                     done = reply.results.at(0).state != change_state::refused;
                   });
    settle();
  };
  std::vector<peer_change> removal{remove_peer_change{many.back().public_key}};
  std::vector<peer_change> creation{put_peer_change{assigned_to(sample_peer("acme", "new", 999))}};
  ask(std::move(removal), removed);
  ask(std::move(creation), made);
  tunnel.release();
  settle();
  EXPECT_TRUE(made);
  EXPECT_TRUE(removed);
  EXPECT_FALSE(tunnel.has(many.back().public_key));
  EXPECT_GT(tunnel.peers.size() + 8, left) << "and hardly one of the others went before";
  pass(seconds{10});
  EXPECT_EQ(tunnel.peers.size(), 1U);
}

// As with a kernel that waits 32 ms over each peer (PREEMPT_RT), and strips slowly too.
TEST_F(agent_test, a_creation_waits_for_two_removals_at_most) {
  start();
  for (std::uint32_t n = 1; n <= 900; ++n) {
    peer one = sample_peer("acme", "p" + std::to_string(n), n);
    one.expires_at = time.now() + seconds{10};
    store_peer(one);
  }
  settle();
  pass(milliseconds{9'950});
  tunnel.time = &time;
  tunnel.strip_takes = std::chrono::microseconds{100};
  tunnel.drop_takes = milliseconds{32};
  tunnel.batches.clear();
  const auto create = [&](std::uint32_t n) {
    const auto made = std::make_shared<bool>(false);
    std::vector<peer_change> one{
        put_peer_change{assigned_to(sample_peer("acme", "n" + std::to_string(n), n))}};
    apply_request request{"r", epoch{"fake-epoch"}, revision{1'000 + n}, std::move(one)};
    asio::co_spawn(loop, mind->apply(std::move(request)),
                   [made](std::exception_ptr, const apply_reply&) { *made = true; });
    settle();
    std::size_t waited = 0;
    for (; !*made && waited < 1'000; ++waited) {
      time.advance(milliseconds{1});
      settle();
    }
    return waited;
  };
  std::size_t longest = 0;
  for (std::uint32_t n = 2'000; n < 2'040; ++n) {
    longest = std::max(longest, create(n));
    for (int ms = 0; ms < 20; ++ms) {
      time.advance(milliseconds{1});
      settle();
    }
  }
  EXPECT_LE(longest, 64U) << "ms";
  EXPECT_EQ(*std::ranges::max_element(tunnel.batches), 16U) << "the first, before it is known";
  EXPECT_LE(std::ranges::count_if(tunnel.batches, [](std::size_t n) { return n > 10; }), 1);
  pass(milliseconds{1'500});
  const auto passing = std::ranges::count_if(
      tunnel.peers, [](const auto& each) { return !each.second.peer.allowed_ips.empty(); });
  EXPECT_EQ(passing, 40) << "only the new ones may still pass a packet";
}

// A kernel answers at once, and so the writer never has to wait.
TEST_F(agent_test, a_creation_comes_in_between_where_the_device_never_gives_the_loop_away) {
  start();
  tunnel.capacity_ = 3'000;
  for (std::uint32_t n = 1; n <= 2'000; ++n) {
    peer one = sample_peer("acme", "p" + std::to_string(n), n);
    one.expires_at = time.now() + seconds{10};
    store_peer(one);
  }
  settle();
  pass(milliseconds{9'950});
  tunnel.batches.clear();
  time.advance(milliseconds{500});
  while (tunnel.batches.empty() && loop.poll_one() > 0) continue;
  ASSERT_EQ(tunnel.batches.size(), 1U) << "one batch of strips, and then others have the loop";
  bool made = false;
  std::vector<peer_change> one{put_peer_change{assigned_to(sample_peer("acme", "new", 2'999))}};
  apply_request request{"r", epoch{"fake-epoch"}, revision{3'000}, std::move(one)};
  asio::co_spawn(loop, mind->apply(std::move(request)),
                 [&](std::exception_ptr, const apply_reply&) { made = true; });
  while (!made && loop.poll_one() > 0) continue;
  EXPECT_TRUE(made);
  EXPECT_LE(tunnel.batches.size(), 4U) << "of the some twenty that strip them all";
}

TEST_F(agent_test, one_that_comes_back_while_it_is_leaving_stays) {
  start();
  const peer one = sample_peer("acme", "a", 1), two = sample_peer("acme", "b", 2);
  const peer three = sample_peer("acme", "c", 3);
  for (const peer& each : {one, two, three}) put_peer(each, store_peer(each));
  tunnel.held = true;
  std::vector<peer_change> changes;
  for (const peer& each : {one, two, three}) {
    changes.emplace_back(remove_peer_change{each.public_key});
  }
  apply_request request{"r", epoch{"fake-epoch"}, revision{100}, std::move(changes)};
  asio::co_spawn(loop, mind->apply(std::move(request)), asio::detached);
  settle();
  std::vector<peer_change> again{put_peer_change{assigned_to(one)}};
  apply_request back{"s", epoch{"fake-epoch"}, revision{101}, std::move(again)};
  asio::co_spawn(loop, mind->apply(std::move(back)), asio::detached);
  settle();
  tunnel.release();
  pass(seconds{1});
  ASSERT_TRUE(tunnel.has(one.public_key));
  EXPECT_FALSE(tunnel.peers.at(one.public_key).peer.allowed_ips.empty());
  EXPECT_FALSE(tunnel.has(two.public_key));
  EXPECT_FALSE(tunnel.has(three.public_key));
}

TEST_F(agent_test, a_peers_time_ends_without_the_store_and_a_renewal_moves_it) {
  start();
  peer one = sample_peer("acme", "a", 1), two = sample_peer("acme", "b", 2);
  one.expires_at = two.expires_at = time.now() + seconds{5};
  put_peer(one, store_peer(one));
  put_peer(two, store_peer(two));
  desired.away = true;
  pass(seconds{4});
  two.expires_at = time.now() + seconds{5};
  EXPECT_EQ(put_peer(two, revision{1'000}), change_state::live);
  pass(milliseconds{900});
  EXPECT_TRUE(tunnel.has(one.public_key)) << "not before its time";
  pass(milliseconds{500});
  EXPECT_FALSE(tunnel.has(one.public_key));
  EXPECT_TRUE(tunnel.has(two.public_key));
  pass(seconds{5});
  EXPECT_FALSE(tunnel.has(two.public_key));
}

TEST_F(agent_test, a_clock_that_jumps_lets_nobody_expire_early) {
  desired.time = &time;
  start();
  peer one = sample_peer("acme", "a", 1);
  one.expires_at = time.now() + seconds{600};
  put_peer(one, store_peer(one));
  pass(seconds{1});
  for (const milliseconds jump : {milliseconds{3'600'000}, milliseconds{-3'600'000}}) {
    time.jump(jump);
    pass(seconds{40});
    EXPECT_TRUE(tunnel.has(one.public_key));
    time.jump(-jump);
    pass(seconds{10});
    EXPECT_TRUE(tunnel.has(one.public_key));
  }
  time.jump(seconds{3'600});
  pass(seconds{61});
  EXPECT_FALSE(tunnel.has(one.public_key)) << "a jump that stays is believed";
  time.jump(seconds{-3'600});
  pass(seconds{150});
  EXPECT_TRUE(tunnel.has(one.public_key)) << "and where it was wrong, the store has it still";
}

TEST_F(agent_test, a_device_that_somebody_changed_is_put_right_and_keeps_its_peers) {
  start();
  const peer one = sample_peer("acme", "a", 1);
  put_peer(one, store_peer(one));
  const int before = brought_up;
  tunnel.altered = true;
  pass(seconds{31});
  EXPECT_EQ(brought_up, before + 1);
  interface.now = {true, true, true, false};
  tunnel.altered = false;
  pass(seconds{31});
  EXPECT_EQ(brought_up, before + 2) << "it was set down";
  EXPECT_TRUE(tunnel.has(one.public_key));
}

TEST_F(agent_test, what_was_seen_of_a_peer_outlives_its_device_and_its_daemon) {
  start();
  const peer one = sample_peer("acme", "a", 1), never = sample_peer("acme", "b", 2);
  for (const peer& each : {one, never}) put_peer(each, store_peer(each));
  const wall_time seen = time.now();
  tunnel.peers.at(one.public_key).status.last_handshake_at = seen;
  pass(seconds{31});
  EXPECT_EQ(remembered.kept.size(), 1U);
  run_on(loop, mind->stop());
  tunnel.peers.clear();  // as after a reboot
  start();
  pass(seconds{31});
  const auto last_handshake = [&](const peer& of) {
    status_request asked{{of.public_key}, true};
    const status_reply reply = run_on(loop, mind->status(std::move(asked)));
    return reply.reports.at(0).seen.value().last_handshake_at;
  };
  EXPECT_EQ(last_handshake(one), seen);
  EXPECT_FALSE(last_handshake(never));
  tunnel.peers.at(one.public_key).status.last_handshake_at = seen + seconds{60};
  pass(seconds{31});
  EXPECT_EQ(last_handshake(one), seen + seconds{60});
  remove(one, commit(removal{one.id, anything{}}));
  pass(seconds{31});
  EXPECT_TRUE(remembered.kept.empty()) << "of one that went, nothing is kept";
}

TEST_F(agent_test, what_is_said_to_be_gone_is_in_no_mirror_any_more) {
  copy = &saved;
  start();
  const peer one = sample_peer("acme", "a", 1), two = sample_peer("acme", "b", 2);
  for (const peer& each : {one, two}) put_peer(each, store_peer(each));
  pass(seconds{1});
  ASSERT_EQ(saved.load().value()->peers.size(), 2U);
  EXPECT_EQ(remove(one, commit(removal{one.id, anything{}})), change_state::removed);
  EXPECT_EQ(saved.load().value()->peers.size(), 1U) << "should the daemon die now";
  saved.broken = true;
  EXPECT_EQ(remove(two, commit(removal{two.id, anything{}})), change_state::refused);
  saved.broken = false;
}

TEST_F(agent_test, one_that_comes_back_and_goes_again_is_gone_when_the_device_says_so) {
  start();
  std::vector<peer> four;
  for (std::uint32_t n = 1; n <= 4; ++n) {
    four.push_back(sample_peer("acme", "p" + std::to_string(n), n));
    put_peer(four.back(), store_peer(four.back()));
  }
  const public_key key = four[1].public_key;
  tunnel.time = &time;
  tunnel.drop_takes = milliseconds{100};
  const auto ask = [&](std::vector<peer_change> changes, std::uint64_t at) {
    auto state = std::make_shared<std::optional<change_state>>();
    apply_request request{"r", epoch{"fake-epoch"}, revision{at}, std::move(changes)};
    asio::co_spawn(loop, mind->apply(std::move(request)),
                   [state](std::exception_ptr, const apply_reply& reply) {
                     *state = reply.results.at(0).state;
                   });
    settle();
    return state;
  };
  const auto leave = [&](std::size_t first, std::size_t last, std::uint64_t at) {
    std::vector<peer_change> changes;
    for (; first <= last; ++first) changes.emplace_back(remove_peer_change{four[first].public_key});
    return ask(std::move(changes), at);
  };
  // While the device drops the first: three more go, of which one comes back.
  leave(0, 0, 1'000);
  const auto gone = leave(1, 3, 1'001);
  std::vector<peer_change> back{put_peer_change{assigned_to(four[1])}};
  ask(std::move(back), 1'002);
  pass(milliseconds{100});
  const auto gone_again = leave(1, 1, 1'003);
  pass(milliseconds{200});
  EXPECT_TRUE(tunnel.has(key));
  EXPECT_EQ(*gone, change_state::refused);
  EXPECT_FALSE(*gone_again);
  pass(milliseconds{200});
  EXPECT_FALSE(tunnel.has(key));
  EXPECT_EQ(*gone_again, change_state::removed);
}

TEST_F(agent_test, a_start_beside_a_restored_store_holds_what_that_lacks_however_few) {
  const peer stays = sample_peer("acme", "a", 1), lost = sample_peer("acme", "b", 2);
  store_peer(stays);
  std::optional<epoch> kept{epoch{"another"}};
  const auto start_again = [&] {
    agent_options options{sample_gateway("gw-1"), {"here", "start 1", "the test"}};
    options.followed_before = kept;
    agent_parts parts{desired,   word, time,        tunnel,
                      interface, copy, &remembered, [this] { return ready(this); }};
    parts.keep_epoch = [&kept](const epoch& now) { kept = now; };
    mind = std::make_unique<agent>(loop.get_executor(), options, std::move(parts));
    ASSERT_TRUE(run_on(loop, mind->start()));
    pass(seconds{40});
  };
  put_on_device(stays);
  put_on_device(lost);
  for (int start = 0; start < 2; ++start) {
    start_again();
    EXPECT_TRUE(tunnel.has(lost.public_key));
    EXPECT_EQ(kept->id, "another") << "the next start has to know it too";
    EXPECT_EQ(interface.now.filled_from, "fake-epoch") << "whoever starts next can tell";
    const auto troubles = mind->how().troubles;
    ASSERT_EQ(troubles.size(), 1U);
    EXPECT_NE(troubles[0].find("lacks 1 peer "), std::string::npos) << troubles[0];
    if (start == 0) run_on(loop, mind->stop());
  }
  EXPECT_EQ(run_on(loop, mind->accept_removals({})).released, 1U);
  pass(seconds{40});
  EXPECT_FALSE(tunnel.has(lost.public_key));
  EXPECT_TRUE(tunnel.has(stays.public_key));
  EXPECT_EQ(kept->id, "fake-epoch");
}

}  // namespace
}  // namespace peerage
