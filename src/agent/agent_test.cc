#include "agent/fixture.h"

namespace peerage {
namespace {

TEST_F(agent_test, live_is_said_when_the_device_has_it) {
  start();
  const peer one = sample_peer("acme", "a", 1);
  EXPECT_EQ(put_peer(one, store_peer(one)), change_state::live);
  EXPECT_TRUE(tunnel.has(one.public_key));
  EXPECT_EQ(interface.plan.addresses.size(), 1U) << "its network's address is there too";
  EXPECT_EQ(interface.plan.routes.size(), 2U);
  EXPECT_EQ(remove(one, revision{9}), change_state::removed);
  EXPECT_FALSE(tunnel.has(one.public_key));
}

TEST_F(agent_test, the_first_peer_of_a_new_interface_is_live_with_its_routes) {
  start();
  tunnel.dumps_held = true;  // so that no comparison sees to the interface first
  tunnel.vanish();
  pass(milliseconds{200});
  const peer one = sample_peer("acme", "a", 1);
  EXPECT_EQ(put_peer(one, store_peer(one)), change_state::live);
  EXPECT_EQ(interface.plan.routes.size(), 2U);
}

TEST_F(agent_test, nothing_is_live_before_the_device_answers) {
  start();
  tunnel.held = true;
  const peer one = sample_peer("acme", "a", 1);
  bool answered = false;
  apply_request request{"r", epoch{"fake-epoch"}, store_peer(one), {}};
  request.changes.push_back(put_peer_change{assigned_to(one)});
  asio::co_spawn(loop, mind->apply(std::move(request)),
                 [&](std::exception_ptr, const apply_reply& reply) {
                   answered = reply.results.at(0).state == change_state::live;
                 });
  settle();
  EXPECT_FALSE(answered);
  status_request asked{{one.public_key}, false};
  EXPECT_FALSE(run_on(loop, mind->status(std::move(asked))).reports.at(0).live);
  tunnel.release();
  settle();
  EXPECT_TRUE(answered);
}

TEST_F(agent_test, what_waits_shares_one_write) {
  start();
  tunnel.held = true;
  tunnel.batches.clear();
  int live = 0;
  for (std::uint32_t n = 1; n <= 20; ++n) {
    const peer one = sample_peer("acme", "p" + std::to_string(n), n);
    apply_request request{"r", epoch{"fake-epoch"}, store_peer(one), {}};
    request.changes.push_back(put_peer_change{assigned_to(one)});
    asio::co_spawn(loop, mind->apply(std::move(request)),
                   [&](std::exception_ptr, const apply_reply& reply) {
                     live += reply.results.at(0).state == change_state::live;
                   });
    settle();
  }
  tunnel.release();
  settle();
  EXPECT_EQ(live, 20);
  EXPECT_EQ(tunnel.batches, (std::vector<std::size_t>{1, 19}));
}

TEST_F(agent_test, one_that_the_device_refuses_does_not_fail_the_others) {
  start();
  tunnel.capacity_ = 1;
  tunnel.held = true;
  std::vector<change_state> states(3);
  for (std::uint32_t n = 0; n < 3; ++n) {
    const peer one = sample_peer("acme", "p" + std::to_string(n), n + 1);
    apply_request request{"r", epoch{"fake-epoch"}, store_peer(one), {}};
    request.changes.push_back(put_peer_change{assigned_to(one)});
    asio::co_spawn(loop, mind->apply(std::move(request)),
                   [&states, n](std::exception_ptr, const apply_reply& reply) {
                     states[n] = reply.results.at(0).state;
                   });
    settle();
  }
  tunnel.release();
  settle();
  EXPECT_EQ(states[0], change_state::live);
  EXPECT_EQ(states[1], change_state::refused);
  EXPECT_EQ(states[2], change_state::refused);
}

TEST_F(agent_test, a_refused_change_is_made_later_from_the_store) {
  start();
  const peer one = sample_peer("acme", "a", 1);
  const revision at = store_peer(one);
  tunnel.fail_next = 3;  // both ways try, together and each alone
  EXPECT_EQ(put_peer(one, at), change_state::refused);
  EXPECT_FALSE(tunnel.has(one.public_key));
  pass(seconds{1});
  EXPECT_TRUE(tunnel.has(one.public_key));
}

TEST_F(agent_test, an_interface_that_refuses_is_never_called_live) {
  start();
  interface.refuse = true;
  const peer one = sample_peer("acme", "a", 1);
  EXPECT_EQ(put_peer(one, store_peer(one)), change_state::refused);
  interface.refuse = false;
  pass(seconds{2});
  EXPECT_TRUE(tunnel.has(one.public_key));
  EXPECT_EQ(interface.plan.addresses.size(), 1U);
}

TEST_F(agent_test, what_the_bus_lost_comes_from_the_store) {
  start();
  const peer one = sample_peer("acme", "a", 1);
  store_peer(one);
  pass(seconds{31});
  EXPECT_TRUE(tunnel.has(one.public_key));
  commit(removal{one.id, present{}});
  pass(seconds{31});
  EXPECT_FALSE(tunnel.has(one.public_key));
}

TEST_F(agent_test, a_start_takes_over_what_is_there_and_puts_the_rest_right) {
  const peer kept = sample_peer("acme", "kept", 1);
  const peer missing = sample_peer("acme", "missing", 2);
  const peer stray = sample_peer("acme", "stray", 3);
  store_peer(kept);
  store_peer(missing);
  for (const peer& each : {kept, stray})
    tunnel.peers[each.public_key] = {{each.public_key, {}, each.addresses()}, {}};
  start();
  pass(milliseconds{200});
  EXPECT_TRUE(tunnel.has(kept.public_key));
  EXPECT_TRUE(tunnel.has(missing.public_key));
  EXPECT_FALSE(tunnel.has(stray.public_key));
  EXPECT_EQ(tunnel.batches, (std::vector<std::size_t>{1, 1, 1}))
      << "one is made, one is stripped and dropped, and the one that was right is untouched";
  EXPECT_TRUE(mind->how().settled);
}

TEST_F(agent_test, changes_made_by_hand_are_put_right) {
  start();
  const peer one = sample_peer("acme", "a", 1);
  put_peer(one, store_peer(one));
  tunnel.peers.clear();
  pass(seconds{31});
  EXPECT_TRUE(tunnel.has(one.public_key));
}

TEST_F(agent_test, a_status_never_calls_live_what_the_device_lacks) {
  start();
  const peer one = sample_peer("acme", "a", 1);
  put_peer(one, store_peer(one));
  pass(seconds{2});
  tunnel.peers.clear();
  status_request asked{{one.public_key}, true};
  const status_reply reply = run_on(loop, mind->status(std::move(asked)));
  EXPECT_FALSE(reply.reports.at(0).live);
  pass(seconds{1});
  EXPECT_TRUE(tunnel.has(one.public_key)) << "and it is put right at once";
}

TEST_F(agent_test, however_often_it_is_asked_it_looks_once_a_second) {
  start();
  const peer one = sample_peer("acme", "a", 1);
  put_peer(one, store_peer(one));
  pass(seconds{2});
  const std::size_t before = tunnel.dumps;
  for (int i = 0; i < 100; ++i) {
    status_request asked{{one.public_key}, true};
    (void)run_on(loop, mind->status(std::move(asked)));
  }
  EXPECT_EQ(tunnel.dumps, before + 1);
}

TEST_F(agent_test, a_lost_device_is_brought_up_and_filled_again) {
  start();
  const peer one = sample_peer("acme", "a", 1);
  put_peer(one, store_peer(one));
  broken = true;
  tunnel.vanish();
  settle();
  const peer two = sample_peer("acme", "b", 2);
  EXPECT_EQ(put_peer(two, store_peer(two)), change_state::refused);
  broken = false;
  pass(seconds{3});
  EXPECT_EQ(brought_up, 2);
  EXPECT_TRUE(tunnel.has(one.public_key));
  EXPECT_TRUE(tunnel.has(two.public_key));
}

TEST_F(agent_test, a_status_during_a_comparison_does_not_dump_beside_it) {
  start();
  const peer one = sample_peer("acme", "a", 1);
  put_peer(one, store_peer(one));
  tunnel.dumps_held = true;
  pass(seconds{31});
  status_request asked{{one.public_key}, true};
  EXPECT_TRUE(run_on(loop, mind->status(std::move(asked))).reports.at(0).live);
  tunnel.release();
  settle();
}

TEST_F(agent_test, a_gateway_without_its_device_says_nothing) {
  int beats = 0;
  word.listen([&](const heartbeat&) { ++beats; });
  start();
  EXPECT_EQ(beats, 1) << "at once";
  pass(seconds{4});
  EXPECT_EQ(beats, 3);
  broken = true;
  tunnel.vanish();
  pass(seconds{4});
  EXPECT_EQ(beats, 3);
}

TEST_F(agent_test, a_request_of_another_epoch_changes_nothing) {
  start();
  const peer one = sample_peer("acme", "a", 1);
  apply_request request{"r", epoch{"other"}, revision{99}, {}};
  request.changes.push_back(put_peer_change{assigned_to(one)});
  EXPECT_EQ(run_on(loop, mind->apply(std::move(request))).results.at(0).state,
            change_state::refused);
  EXPECT_FALSE(tunnel.has(one.public_key));
}

TEST_F(agent_test, what_only_the_store_says_comes_at_once) {
  start();
  std::vector<event> heard;
  word.listen([&](const event& one) { heard.push_back(one); });
  const peer one = sample_peer("acme", "a", 1);
  store_peer(one);
  settle();
  EXPECT_TRUE(tunnel.has(one.public_key)) << "no word came by the bus, and no time passed";
  EXPECT_TRUE(heard.empty()) << "whoever asked may yet say so";
  pass(seconds{1});
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].what, event_kind::peer_live);
  EXPECT_EQ(heard[0].peer, one.id);
  EXPECT_EQ(desired.whole_reads, 1U) << "and only the peer that changed was read";
  commit(removal{one.id, anything{}});
  settle();
  EXPECT_FALSE(tunnel.has(one.public_key));
}

TEST_F(agent_test, an_address_that_two_claim_is_decided_by_the_store) {
  start();
  const peer one = sample_peer("acme", "a", 1);
  put_peer(one, store_peer(one));
  desired.away = true;  // the removal and the next owner come by the bus alone
  peer two = sample_peer("acme", "b", 2);
  two.ipv6 = one.ipv6;
  EXPECT_EQ(put_peer(two, revision{90}), change_state::refused) << "the store can't be asked";
  EXPECT_TRUE(tunnel.has(one.public_key));
  desired.away = false;
  EXPECT_EQ(put_peer(two, revision{90}), change_state::refused)
      << "the store has never heard of it";
  EXPECT_TRUE(tunnel.has(one.public_key));
}

TEST_F(agent_test, what_the_store_never_confirms_goes_again) {
  start();
  const peer one = sample_peer("acme", "a", 1);
  EXPECT_EQ(put_peer(one, revision{1'000}), change_state::live);
  pass(seconds{29});
  EXPECT_TRUE(tunnel.has(one.public_key));
  pass(seconds{62});
  EXPECT_FALSE(tunnel.has(one.public_key));
}

TEST_F(agent_test, a_store_that_lost_everything_is_not_believed) {
  start();
  for (std::uint32_t n = 1; n <= 120; ++n) {
    store_peer(sample_peer("acme", "p" + std::to_string(n), n));
  }
  settle();
  ASSERT_EQ(tunnel.peers.size(), 120U);
  EXPECT_TRUE(mind->how().troubles.empty());
  desired.lose_peers();
  pass(seconds{60});
  EXPECT_EQ(tunnel.peers.size(), 120U);
  ASSERT_EQ(mind->how().troubles.size(), 1U);
  EXPECT_TRUE(mind->how().troubles[0].contains("lacks 120 peers"));
  const peer late = sample_peer("acme", "late", 999);
  EXPECT_EQ(put_peer(late, store_peer(late)), change_state::live) << "work goes on";
  EXPECT_EQ(run_on(loop, mind->accept_removals({})).released, 120U);
  pass(seconds{5});
  EXPECT_EQ(tunnel.peers.size(), 1U);
  EXPECT_TRUE(mind->how().troubles.empty());
}

TEST_F(agent_test, accepting_removals_asks_the_store_first_and_keeps_what_it_has) {
  start();
  std::vector<peer> all;
  for (std::uint32_t n = 1; n <= 70; ++n) {
    all.push_back(sample_peer("acme", "p" + std::to_string(n), n));
    store_peer(all.back());
  }
  settle();
  desired.lose_peers();
  pass(seconds{60});
  ASSERT_TRUE(mind->how().troubles.at(0).contains("lacks 70 peers"));
  // It has some of them after all, and the gateway is not told.
  for (std::size_t n = 0; n < 3; ++n) desired.put_raw({put{all[n], absent{}}});
  EXPECT_EQ(run_on(loop, mind->accept_removals({})).released, 67U);
  pass(seconds{5});
  EXPECT_EQ(tunnel.peers.size(), 3U);
  EXPECT_TRUE(tunnel.has(all[0].public_key));
  EXPECT_TRUE(mind->how().troubles.empty());
}

TEST_F(agent_test, it_comes_up_from_its_mirror_while_the_store_is_away) {
  const peer one = left_in_the_mirror();
  tunnel.peers.clear();
  desired.away = true;
  start();
  pass(seconds{1});
  EXPECT_TRUE(tunnel.has(one.public_key));
  EXPECT_TRUE(mind->how().settled);
  EXPECT_EQ(mind->how().troubles.size(), 1U) << "the store is away, and it says so";
  const std::size_t commits = desired.commits;
  const peer two = sample_peer("acme", "b", 2);
  desired.away = false;
  store_peer(two);
  pass(seconds{3});
  EXPECT_TRUE(tunnel.has(two.public_key));
  EXPECT_EQ(desired.commits, commits + 2) << "the peer, and one registration";
  EXPECT_EQ(desired.whole_reads, 1U) << "it went on where the mirror stood";
}

TEST_F(agent_test, a_mirror_removes_nothing_that_it_does_not_know) {
  copy = &saved;
  start();
  pass(seconds{1});
  run_on(loop, mind->stop());
  const peer one = sample_peer("acme", "a", 1);
  put_on_device(one);
  desired.away = true;
  start();
  pass(seconds{40});
  EXPECT_TRUE(tunnel.has(one.public_key)) << "it may have come in the last moment";
  desired.away = false;
  pass(seconds{5});
  EXPECT_FALSE(tunnel.has(one.public_key));
}

TEST_F(agent_test, what_is_held_is_held_across_a_restart) {
  copy = &saved;
  start();
  for (std::uint32_t n = 1; n <= 120; ++n) {
    store_peer(sample_peer("acme", "p" + std::to_string(n), n));
  }
  pass(seconds{1});
  desired.lose_peers();
  pass(seconds{1});
  run_on(loop, mind->stop());
  start();
  pass(seconds{1});
  EXPECT_EQ(tunnel.peers.size(), 120U);
  EXPECT_EQ(mind->how().troubles.size(), 1U);
}

TEST_F(agent_test, a_gateway_that_another_process_runs_is_refused) {
  gateway_name gateway = name;
  claimant other{"elsewhere", "start 0", "process 7 on host far-away"};
  run_on(loop, desired.claim(std::move(gateway), std::move(other))).value();
  agent_options options{sample_gateway("gw-1"), {"here", "start 1", "the test"}};
  agent_parts parts{desired,   word,    time,    tunnel,
                    interface, nullptr, nullptr, [this] { return ready(this); }};
  mind = std::make_unique<agent>(loop.get_executor(), options, std::move(parts));
  const auto started = run_on(loop, mind->start());
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, errc::conflict);
  EXPECT_TRUE(started.error().message.contains("far-away"));
  EXPECT_EQ(brought_up, 0) << "the device was not touched";
}

TEST_F(agent_test, a_status_says_of_which_revision_it_is) {
  start();
  peer one = sample_peer("acme", "a", 1);
  const revision created = store_peer(one);
  put_peer(one, created);
  const auto report = [&] {
    status_request asked{{one.public_key, sample_key(9)}, false};
    status_reply reply = run_on(loop, mind->status(std::move(asked)));
    EXPECT_EQ(reply.epoch, epoch{"fake-epoch"});
    EXPECT_FALSE(reply.reports.at(1).revision) << "of a key that it does not want";
    return reply.reports.at(0);
  };
  EXPECT_EQ(report().revision, created);
  one.expires_at = time.now() + seconds{600};
  const revision renewed = store_peer(one);
  settle();
  EXPECT_EQ(report().revision, renewed) << "by the store";
  EXPECT_TRUE(report().live);
}

TEST_F(agent_test, whose_an_address_is_is_asked_until_the_store_answers) {
  start();
  const peer one = sample_peer("acme", "a", 1);
  EXPECT_EQ(put_peer(one, revision{1'000}), change_state::live) << "as somebody claims";
  peer two = one;
  two.id.name = *peer_name::parse("b");
  two.public_key = sample_key(2);
  desired.lose_questions = 3;
  store_peer(two);
  pass(seconds{10});
  EXPECT_EQ(desired.lose_questions, 0U);
  EXPECT_TRUE(tunnel.has(two.public_key));
  EXPECT_FALSE(tunnel.has(one.public_key));
}

TEST_F(agent_test, a_store_that_is_away_removes_nothing) {
  start();
  const peer one = sample_peer("acme", "a", 1);
  put_peer(one, store_peer(one));
  desired.away = true;
  pass(seconds{120});
  EXPECT_TRUE(tunnel.has(one.public_key));
  desired.away = false;
  pass(seconds{60});
  EXPECT_TRUE(tunnel.has(one.public_key));
}

TEST_F(agent_test, a_store_that_is_back_with_nothing_new_is_back_at_once) {
  copy = &saved;
  start();
  pass(seconds{1});
  const auto away = [&] {
    return std::ranges::any_of(mind->how().troubles,
                               [](const std::string& each) { return each.starts_with("store"); });
  };
  desired.time = &time;  // follow() ends by itself
  store_peer(sample_peer("acme", "a", 1));
  pass(seconds{1});
  desired.away = true;
  pass(seconds{70});
  EXPECT_TRUE(away());
  desired.away = false;
  pass(seconds{3});
  EXPECT_FALSE(away());
}

}  // namespace
}  // namespace peerage
