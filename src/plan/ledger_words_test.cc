// What the ledger makes of words that come late, twice, or in part.
#include <gtest/gtest.h>

#include <algorithm>

#include "plan/fixture.h"

namespace peerage {
namespace {

secret_key secret(std::uint8_t n) {
  return secret_key(key(n).bytes());
}

assignment shared_with(std::uint8_t n, std::uint8_t preshared) {
  assignment one = peer_of(n);
  one.preshared_key = secret(preshared);
  return one;
}

TEST_F(ledger_test, a_peer_is_told_as_it_was_heard) {
  assignment one = shared_with(1, 9);
  one.network_ipv4 = *prefix::parse("10.9.0.0/16");
  one.addresses.push_back(*prefix::parse("10.9.0.2/32"));
  one.expires_at = now + seconds{60};
  ASSERT_EQ(put(one, 5), verdict::write);
  EXPECT_EQ(book.find(key(1))->peer(), one);
  EXPECT_EQ(std::get<set_peer>(book.wanted_change(key(1))).peer.preshared_key, secret(9));
  one.expires_at.reset();
  put(one, 6);
  EXPECT_EQ(book.find(key(1))->peer(), one);
}

TEST_F(ledger_test, every_part_of_a_peer_makes_another_word_of_it) {
  const assignment first = shared_with(1, 9);
  ASSERT_EQ(put(first, 1), verdict::write);
  written();
  EXPECT_EQ(put(first, 2), verdict::done) << "a newer word of the same";
  std::vector<assignment> others(7, first);
  others[0].id.name = *peer_name::parse("other");
  others[1].id.network = *network_name::parse("other");
  others[2].preshared_key = secret(8);
  others[3].preshared_key.reset();
  others[4].network_ipv4 = *prefix::parse("10.9.0.0/16");
  others[5].addresses.push_back(*prefix::parse("fd00::99/128"));
  others[6].network_routes.push_back(*prefix::parse("10.50.0.0/16"));
  std::uint64_t at = 3;
  for (const assignment& other : others) {
    EXPECT_FALSE(book.find(key(1))->is(other));
    EXPECT_EQ(put(other, at++), verdict::write);
    written();
    EXPECT_EQ(put(first, at++), verdict::write);
    written();
  }
}

TEST_F(ledger_test, a_removal_that_another_overtook_is_done_when_the_device_says_so) {
  put(peer_of(1), 5);
  remove(1, 7);
  EXPECT_EQ(remove(1, 6), verdict::write);
  written();
  EXPECT_EQ(remove(1, 6), verdict::done);
  put(peer_of(1), 9);
  EXPECT_EQ(remove(1, 8), verdict::done) << "it was gone before it came back";
}

TEST_F(ledger_test, a_renewal_is_told_as_one) {
  assignment one = peer_of(1);
  some({1}, {{one, revision{5}}}, 5);
  written();
  one.expires_at = now + seconds{60};
  const auto made = some({1}, {{one, revision{6}}}, 6);
  EXPECT_EQ(made.renewed, std::vector{key(1)});
  EXPECT_TRUE(made.write.empty());
}

TEST_F(ledger_test, an_address_named_twice_is_let_go_once) {
  assignment one = peer_of(1);
  one.addresses.push_back(one.addresses.front());
  ASSERT_EQ(put(one, 1), verdict::write);
  EXPECT_EQ(remove(1, 2), verdict::write);
  EXPECT_EQ(put(peer_of(2, one.addresses.front().text()), 3), verdict::write);
}

TEST_F(ledger_test, a_new_key_of_the_same_peer_is_refused_when_it_is_the_older_word) {
  ASSERT_EQ(put(peer_of(1), 5), verdict::write);
  assignment older = peer_of(2, peer_of(1).addresses.front().text());
  older.id = peer_of(1).id;
  EXPECT_EQ(put(older, 4), verdict::taken);
  EXPECT_EQ(put(older, 6), verdict::write);
}

TEST_F(ledger_test, late_words_of_what_is_gone_are_answered_as_the_store_has_it) {
  whole({{peer_of(1), revision{5}}}, 10);
  EXPECT_EQ(remove(2, 7), verdict::write) << "never heard of: the device may have it";
  EXPECT_EQ(put(peer_of(2), 7), verdict::superseded);
  EXPECT_EQ(put(peer_of(1), 5), verdict::write) << "wanted, and not yet on the device";
  EXPECT_EQ(remove(1, 4), verdict::done) << "it came back since";
  EXPECT_EQ(put(shared_with(1, 9), 7), verdict::superseded);
  written();
  EXPECT_EQ(put(peer_of(1), 5), verdict::done);
  some({1}, {}, 11);
  EXPECT_EQ(put(peer_of(1), 7), verdict::superseded);
  EXPECT_EQ(remove(1, 7), verdict::write) << "gone, and the device does not know yet";
}

TEST_F(ledger_test, some_keys_that_are_listed_stay) {
  whole({{peer_of(1), revision{1}}}, 1);
  EXPECT_TRUE(some({1, 2}, {{peer_of(1), revision{1}}}, 3).write.empty());
  EXPECT_TRUE(wants(1));
  some({1}, {}, 4);
  EXPECT_FALSE(wants(1));
  EXPECT_TRUE(some({1}, {}, 5).write.empty()) << "gone already";
}

TEST_F(ledger_test, peers_whose_time_is_over_are_no_reason_to_doubt_a_listing) {
  fill(150);
  now += seconds{1'000};
  EXPECT_EQ(book.expire(now).size(), 150U);
  EXPECT_EQ(book.held(), 0U);
  // Wanted for ever, these are.
  std::vector<stored_assignment> all;
  for (int n = 1; n <= 150; ++n) {
    all.push_back({peer_of(static_cast<std::uint8_t>(n)), revision{50}});
  }
  whole(all, 50);
  whole({}, 51);
  EXPECT_EQ(book.held(), 150U);
}

TEST_F(ledger_test, a_clock_that_went_back_expires_what_a_listing_does_not_have) {
  fill(10);
  now += seconds{1'000};
  // One whose time is over by the record, before anybody has looked at the clock.
  EXPECT_EQ(book.observe({true, {}, {}, revision{9}, 10}).write.size(), 10U);
}

TEST_F(ledger_test, one_whose_time_is_over_is_removed_when_the_store_says_so) {
  ASSERT_EQ(put(peer_of(1), 1), verdict::write);
  book.expire(now);
  assignment over = peer_of(1);
  over.expires_at = now;
  const auto seen = book.observe({false, {key(1)}, {{over, revision{2}}}, revision{2}});
  EXPECT_EQ(seen.write, std::vector{key(1)});
  EXPECT_FALSE(wants(1));
  over.public_key = key(2);
  EXPECT_TRUE(book.observe({false, {key(2)}, {{over, revision{3}}}, revision{3}}).write.empty());
}

ledger::observation settled(ledger& book, std::vector<int> asked,
                            std::vector<stored_assignment> there, std::uint64_t as_of,
                            std::uint64_t since) {
  std::vector<public_key> keys;
  for (const int n : asked) keys.push_back(key(static_cast<std::uint8_t>(n)));
  return book.settle({false, keys, std::move(there), revision{as_of}}, since);
}

TEST_F(ledger_test, settling_takes_the_stores_word_for_those_asked) {
  put(peer_of(1), 50);
  put(peer_of(2), 50);
  put(peer_of(3), 50);
  written();
  remove(4, 50);
  const auto made =
      settled(book, {1, 2, 3, 4, 5}, {{peer_of(1), revision{7}}, {shared_with(2, 9), revision{8}}},
              9, book.words());
  EXPECT_TRUE(wants(1));
  EXPECT_EQ(book.find(key(1))->heard, revision{7}) << "whatever the bus claimed";
  EXPECT_EQ(made.write, (std::vector{key(3), key(2)}));
  EXPECT_FALSE(wants(3));
  EXPECT_FALSE(wants(4));
}

TEST_F(ledger_test, settling_leaves_alone_what_was_touched_meanwhile) {
  const auto since = book.words();
  put(peer_of(1), 50);
  put(peer_of(2), 50);
  const auto made = settled(book, {1, 2}, {{shared_with(1, 9), revision{7}}}, 9, since);
  EXPECT_TRUE(made.write.empty());
  EXPECT_TRUE(wants(2));
}

TEST_F(ledger_test, settling_leaves_alone_what_was_renewed_meanwhile) {
  const assignment one = peer_of(1);
  assignment renewed = one;
  renewed.expires_at = now + seconds{60};
  put(one, 50);
  written();
  const auto since = book.words();
  ASSERT_EQ(put(renewed, 60), verdict::done);
  settled(book, {1}, {{one, revision{50}}}, 55, since);
  EXPECT_TRUE(book.find(key(1))->is(renewed)) << "the bus was newer";
  EXPECT_TRUE(settled(book, {1}, {}, 55, since).write.empty());
  EXPECT_TRUE(wants(1));
  some({1}, {{renewed, revision{60}}}, 70);
  settled(book, {1}, {{one, revision{50}}}, 55, since);
  EXPECT_TRUE(book.find(key(1))->is(renewed)) << "the store has said something newer itself";
  settled(book, {1}, {{one, revision{80}}}, 80, book.words());
  EXPECT_TRUE(book.find(key(1))->is(one)) << "asked after it";
}

TEST_F(ledger_test, settling_names_what_is_contested_and_passes_over_what_is_over) {
  put(peer_of(1), 50);
  book.expire(now);
  assignment rival = peer_of(2, peer_of(1).addresses.front().text());
  assignment over = peer_of(3);
  over.expires_at = now;
  const auto made =
      settled(book, {2, 3}, {{rival, revision{7}}, {over, revision{7}}}, 9, book.words());
  EXPECT_EQ(made.contested, std::vector{key(2)});
  EXPECT_TRUE(made.write.empty());
  EXPECT_FALSE(wants(3));
}

TEST_F(ledger_test, settling_writes_nothing_that_is_on_the_device) {
  put(peer_of(1), 50);
  written();
  assignment renewed = peer_of(1);
  renewed.expires_at = now + seconds{60};
  EXPECT_TRUE(settled(book, {1}, {{renewed, revision{7}}}, 9, book.words()).write.empty());
  EXPECT_EQ(book.find(key(1))->expires_at, renewed.expires_at);
}

TEST_F(ledger_test, a_wrong_clocks_removals_come_back_when_they_are_asked_for) {
  fill(2);
  now += seconds{1'000};
  EXPECT_EQ(book.expire(now).size(), 2U);
  put(peer_of(3), 90);
  remove(3, 91);
  now -= seconds{1'000};
  book.expire(now);
  std::vector<public_key> again = book.over();
  std::ranges::sort(again);
  EXPECT_EQ(again, (std::vector{key(1), key(2)}));
  std::vector<stored_assignment> all;
  for (std::uint8_t n = 1; n <= 2; ++n) all.push_back({peer_of(n), revision{1}});
  settled(book, {1, 2}, all, 2, book.words());
  EXPECT_TRUE(wants(1));
  EXPECT_TRUE(wants(2));
  EXPECT_FALSE(wants(3)) << "the store's view has not reached its removal";
}

TEST_F(ledger_test, rivals_are_whoever_has_an_address) {
  put(peer_of(1), 1);
  assignment other = peer_of(2, peer_of(1).addresses.front().text());
  other.addresses.push_back(*prefix::parse("fd00::77/128"));
  EXPECT_EQ(book.rivals(other), (std::vector{key(2), key(1)}));
  EXPECT_EQ(book.rivals(peer_of(1)), std::vector{key(1)});
}

TEST_F(ledger_test, a_restart_forgets_removals_that_the_device_has_made) {
  put(peer_of(1), 1);
  remove(1, 2);
  written();
  put(peer_of(2), 1);
  remove(2, 2);
  book.restart();
  EXPECT_EQ(book.find(key(1)), nullptr);
  EXPECT_NE(book.find(key(2)), nullptr) << "the device may still have it";
}

TEST_F(ledger_test, tells_what_a_look_at_the_device_saw) {
  put(peer_of(1), 1);
  written();
  EXPECT_FALSE(book.find(key(1))->seen()) << "nobody has looked";
  device_entry there = on_device(peer_of(1));
  compare({there});
  EXPECT_EQ(book.find(key(1))->seen()->rx_bytes, 0U);
  std::vector<peer_status> each(4);
  each[0].endpoint = "192.0.2.1:5";
  each[1].rx_bytes = 7;
  each[2].tx_bytes = 7;
  each[3].last_handshake_at = now;  // the last: from then on there is always something
  for (const peer_status& status : each) {
    there.status = status;
    compare({there});
    EXPECT_EQ(book.find(key(1))->seen()->rx_bytes, status.rx_bytes);
    compare({there});
    EXPECT_EQ(book.find(key(1))->seen()->endpoint, status.endpoint);
    there.status = {};
    compare({there});
    EXPECT_TRUE(book.find(key(1))->seen()->endpoint.empty());
  }
}

TEST_F(ledger_test, keeps_of_one_that_goes_only_that_it_was_heard_of) {
  for (const std::uint8_t n : {1, 2}) put(peer_of(n), 1);
  written();
  device_entry bytes_only = on_device(peer_of(1)), heard = on_device(peer_of(2));
  bytes_only.status.tx_bytes = 7;
  heard.status.last_handshake_at = now;
  compare({bytes_only, heard});
  EXPECT_EQ(book.take_unsaved_sightings(), std::vector{key(2)});
  for (const std::uint8_t n : {1, 2}) remove(n, 2);
  EXPECT_EQ(book.take_unsaved_sightings(), std::vector{key(2)}) << "to be erased";
}

TEST_F(ledger_test, forgets_what_it_remembers_of_those_that_never_came_back) {
  book.remember(key(1), now);
  book.remember(key(2), now);
  put(peer_of(1), 1);
  EXPECT_EQ(book.find(key(1))->status->last_handshake_at, now);
  book.forget_remembered();
  EXPECT_EQ(book.take_unsaved_sightings(), std::vector{key(2)});
  put(peer_of(2), 2);
  EXPECT_EQ(book.find(key(2))->status, nullptr);
}

TEST_F(ledger_test, calls_back_whom_the_device_lost_where_it_was_lately) {
  const auto called = [&](std::uint8_t n) -> std::optional<set_peer> {
    const auto change = book.call_back(key(n), now);
    return change ? std::optional(std::get<set_peer>(*change)) : std::nullopt;
  };
  for (const std::uint8_t n : {1, 2, 3, 4}) put(peer_of(n), 1);
  written();
  std::vector<device_entry> there;
  for (const std::uint8_t n : {1, 2, 3, 4}) there.push_back(on_device(peer_of(n)));
  for (device_entry& each : there) {
    each.status.endpoint = "192.0.2.7:4711";
    each.status.last_handshake_at = now;
  }
  there[1].status.last_handshake_at = now - seconds{181};
  there[2].status.endpoint = "[fe80::1%3]:4711";
  compare(there);
  EXPECT_FALSE(called(1)) << "it is on the device, and may have roamed";
  book.doubt_all();
  EXPECT_FALSE(called(1)) << "nor is it known not to be";
  compare({there[3]});
  ASSERT_TRUE(called(1));
  EXPECT_EQ(called(1)->endpoint, "192.0.2.7:4711");
  EXPECT_GT(called(1)->keepalive_s, 0);
  EXPECT_EQ(called(1)->peer.allowed_ips, peer_of(1).addresses);
  EXPECT_FALSE(called(2)) << "it begins anew by itself";
  EXPECT_FALSE(called(3)) << "no other host's zone";
  EXPECT_FALSE(called(4)) << "it is there";
  written();
  EXPECT_FALSE(called(1)) << "it was";
  // The keepalive that made it begin is taken back.
  there[0].keepalive_s = 25;
  EXPECT_EQ(compare(there), std::vector{key(1)});
  EXPECT_EQ(std::get<set_peer>(book.wanted_change(key(1))).keepalive_s, 0);
  there[0].keepalive_s = 0;
  written();
  EXPECT_TRUE(compare(there).empty());
  EXPECT_FALSE(std::get<set_peer>(book.wanted_change(key(1))).keepalive_s);
}

TEST_F(ledger_test, calls_back_whom_an_earlier_start_saw_lately) {
  book.remember(key(1), now - seconds{60}, "192.0.2.7:4711");
  put(peer_of(1), 1);
  compare({});
  const auto change = book.call_back(key(1), now);
  ASSERT_TRUE(change);
  EXPECT_EQ(std::get<set_peer>(*change).endpoint, "192.0.2.7:4711");
}

TEST_F(ledger_test, holds_the_peers_of_an_adopted_device_however_few) {
  book.hold_strangers();
  whole({{peer_of(1), revision{1}}}, 1);
  written();
  EXPECT_TRUE(compare({on_device(peer_of(1)), on_device(peer_of(2))}).empty());
  EXPECT_EQ(book.held(), 1U);
  whole({{peer_of(1), revision{1}}, {peer_of(2), revision{2}}}, 2);
  written();
  EXPECT_TRUE(
      compare({on_device(peer_of(1)), on_device(peer_of(2)), on_device(peer_of(3))}).empty());
  EXPECT_EQ(book.held(), 1U) << "one of them was made anew";
  book.accept_removals();
  EXPECT_EQ(compare({on_device(peer_of(1)), on_device(peer_of(2)), on_device(peer_of(3))}),
            std::vector{key(3)});
}

TEST_F(ledger_test, a_preshared_key_is_part_of_what_is_on_the_device) {
  put(shared_with(1, 9), 1);
  EXPECT_EQ(compare({on_device(shared_with(1, 9))}), std::vector<public_key>{});
  EXPECT_EQ(compare({on_device(shared_with(1, 8))}), std::vector{key(1)});
  EXPECT_EQ(compare({on_device(peer_of(1))}), std::vector{key(1)});
}

TEST_F(ledger_test, a_comparison_looks_at_what_is_gone_too) {
  put(peer_of(1), 1);
  put(peer_of(2), 1);
  written();
  remove(1, 2);
  // It is still there: to be written again. Then it is not, and the removal is confirmed.
  EXPECT_EQ(compare({on_device(peer_of(1)), on_device(peer_of(2))}), std::vector{key(1)});
  EXPECT_TRUE(compare({on_device(peer_of(2))}).empty());
  EXPECT_TRUE(book.unconfirmed().empty());
  EXPECT_EQ(compare({}), std::vector{key(2)}) << "it is missing, where the first is meant to be";
  EXPECT_NE(book.find(key(1)), nullptr) << "the store's view has not passed it";
  some({1}, {}, 5);
  compare({on_device(peer_of(2))});
  EXPECT_EQ(book.find(key(1)), nullptr);
}

TEST_F(ledger_test, what_is_doubted_is_written_again) {
  put(peer_of(1), 1);
  written();
  book.doubt(key(7));
  EXPECT_TRUE(book.unconfirmed().empty());
  book.doubt(key(1));
  EXPECT_EQ(book.unconfirmed(), std::vector{key(1)});
  book.confirm(key(1), book.words(), now + seconds{1});
  book.confirm(key(1), book.words(), now + seconds{2});
  EXPECT_EQ(book.find(key(1))->live_at, now + seconds{1}) << "since the first";
  book.doubt_all();
  EXPECT_EQ(book.unconfirmed(), std::vector{key(1)});
  book.confirm(key(7), book.words(), now);
  EXPECT_EQ(book.find(key(7)), nullptr);
}

TEST_F(ledger_test, many_strangers_among_many_more_peers_go) {
  fill(200);
  std::vector<device_entry> dump;
  for (int n = 1; n <= 200; ++n) {
    assignment one = peer_of(static_cast<std::uint8_t>(n));
    dump.push_back(on_device(one));
  }
  for (int n = 0; n < 120; ++n) {
    device_entry strange = dump.front();
    std::array<std::uint8_t, key_size> bytes{};
    bytes[0] = static_cast<std::uint8_t>(n);
    bytes[1] = 1;
    strange.peer.public_key = public_key(bytes);
    dump.push_back(strange);
  }
  EXPECT_GE(compare(dump).size(), 120U);
  EXPECT_EQ(book.held(), 0U);
}

TEST_F(ledger_test, a_partial_answer_from_before_an_enrolment_does_not_remove_it) {
  put(peer_of(1), 50);
  EXPECT_TRUE(some({1}, {}, 10).write.empty());
  EXPECT_TRUE(wants(1));
}

TEST_F(ledger_test, a_networks_range_may_change_with_a_peer) {
  put(peer_of(1), 1);
  const auto before = book.network_changes();
  assignment other = peer_of(2);
  other.network_ipv4 = *prefix::parse("10.9.0.0/16");
  put(other, 2);
  EXPECT_GT(book.network_changes(), before);
  EXPECT_EQ(book.networks().begin()->second.ipv4, other.network_ipv4);
}

TEST_F(ledger_test, that_strangers_are_accepted_counts_for_one_comparison) {
  std::vector<device_entry> dump;
  for (int n = 1; n <= 150; ++n) dump.push_back(on_device(peer_of(static_cast<std::uint8_t>(n))));
  compare(dump);
  EXPECT_EQ(book.held(), 150U);
  book.accept_removals();
  EXPECT_EQ(compare({dump[0]}), std::vector{key(1)});
  compare(dump);
  EXPECT_EQ(book.held(), 150U) << "these are others";
}

TEST_F(ledger_test, a_peer_that_is_held_is_not_said_to_be_gone) {
  fill(120);
  const std::uint64_t at = book.as_of().number + 1;
  whole({}, at);
  ASSERT_EQ(book.held(), 120U);
  EXPECT_EQ(remove(1, at), verdict::superseded);
  book.accept_removals();
  EXPECT_EQ(remove(1, at), verdict::write);
}

TEST_F(ledger_test, what_the_device_has_otherwise_stays_until_the_store_has_spoken) {
  whole({{peer_of(1), revision{1}}, {peer_of(2), revision{1}}}, 1);
  // As an earlier start may have left it: the first has the second's address now.
  const std::vector dump{on_device(peer_of(1, "fd00::2/128"))};
  EXPECT_TRUE(compare(dump, ledger::strangers::leave).empty());
  EXPECT_EQ(compare(dump).size(), 2U);
  put(peer_of(1, "fd00::9/128"), 2);
  EXPECT_EQ(compare(dump, ledger::strangers::leave).size(), 2U) << "this start's own words count";
}

}  // namespace
}  // namespace peerage
