#include "plan/ledger.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "plan/fixture.h"

namespace peerage {
namespace {

TEST_F(ledger_test, the_same_word_again_changes_nothing) {
  EXPECT_EQ(put(peer_of(1), 5), verdict::write);
  EXPECT_EQ(put(peer_of(1), 5), verdict::write) << "the device has not confirmed it yet";
  written();
  EXPECT_EQ(put(peer_of(1), 5), verdict::done);
  EXPECT_EQ(remove(1, 6), verdict::write);
  written();
  EXPECT_EQ(remove(1, 6), verdict::done);
}

TEST_F(ledger_test, an_older_word_never_undoes_a_newer_one) {
  put(peer_of(1), 5);
  remove(1, 7);
  written();
  EXPECT_EQ(put(peer_of(1), 5), verdict::superseded);
  EXPECT_EQ(put(peer_of(1), 6), verdict::superseded);
  EXPECT_FALSE(wants(1));
  EXPECT_EQ(put(peer_of(1), 8), verdict::write);
  written();
  EXPECT_EQ(remove(1, 7), verdict::done);
  EXPECT_TRUE(wants(1)) << "a late removal does not undo the new creation";
}

TEST_F(ledger_test, an_address_is_never_taken_from_another_peer) {
  put(peer_of(1), 5);
  EXPECT_EQ(put(peer_of(2, "fd00::1/128"), 6), verdict::taken);
  EXPECT_FALSE(wants(2));
  remove(1, 7);
  EXPECT_EQ(put(peer_of(2, "fd00::1/128"), 8), verdict::write);
}

TEST_F(ledger_test, a_new_key_of_the_same_peer_replaces_the_old_one) {
  put(peer_of(1), 5);
  assignment again = peer_of(1);
  again.public_key = key(9);
  const hearing heard = book.hear(put_peer_change{again}, revision{6});
  EXPECT_EQ(heard.what, verdict::write);
  EXPECT_EQ(heard.write, (std::vector{key(1), key(9)})) << "the old key goes first";
  EXPECT_FALSE(wants(1));
  EXPECT_TRUE(wants(9));
  EXPECT_EQ(book.peers(), 1U);
}

TEST_F(ledger_test, a_listing_from_before_an_enrolment_does_not_remove_it) {
  put(peer_of(1), 10);
  written();
  EXPECT_TRUE(whole({}, 9).write.empty());
  EXPECT_TRUE(wants(1));
  EXPECT_EQ(whole({}, 10).write, std::vector{key(1)});
  EXPECT_FALSE(wants(1));
}

TEST_F(ledger_test, a_listing_from_before_a_removal_does_not_bring_it_back) {
  put(peer_of(1), 5);
  remove(1, 10);
  written();
  EXPECT_TRUE(whole({{peer_of(1), revision{5}}}, 9).write.empty());
  EXPECT_FALSE(wants(1));
}

TEST_F(ledger_test, a_removal_is_remembered_until_the_store_has_passed_it) {
  put(peer_of(1), 5);
  remove(1, 10);
  written();
  whole({}, 9);
  compare({});
  EXPECT_NE(book.find(key(1)), nullptr);
  whole({}, 10);
  compare({});
  EXPECT_EQ(book.find(key(1)), nullptr);
  EXPECT_EQ(put(peer_of(1), 5), verdict::superseded) << "and then the store's view is the fence";
  EXPECT_FALSE(wants(1));
}

TEST_F(ledger_test, a_listing_brings_what_the_bus_lost) {
  EXPECT_EQ(whole({{peer_of(1), revision{5}}}, 5).write, std::vector{key(1)});
  EXPECT_TRUE(wants(1));
  EXPECT_FALSE(book.find(key(1))->confirmed);
  EXPECT_EQ(put(peer_of(1), 5), verdict::write) << "whoever asks waits for the device";
  written();
  EXPECT_EQ(put(peer_of(1), 5), verdict::done);
}

TEST_F(ledger_test, the_store_speaks_of_some_keys_alone) {
  whole({{peer_of(1), revision{1}}, {peer_of(2), revision{2}}}, 2);
  const auto seen = some({1, 3}, {{peer_of(3), revision{4}}}, 4);
  EXPECT_EQ(seen.write, (std::vector{key(1), key(3)}));
  EXPECT_FALSE(wants(1));
  EXPECT_TRUE(wants(2)) << "nobody spoke of it";
  EXPECT_TRUE(wants(3));
}

TEST_F(ledger_test, a_word_that_means_the_same_to_the_device_writes_nothing) {
  whole({{peer_of(1), revision{1}}}, 1);
  written();
  assignment renewed = peer_of(1);
  renewed.expires_at = now + seconds{60};
  EXPECT_TRUE(some({1}, {{renewed, revision{2}}}, 2).write.empty());
  EXPECT_TRUE(book.find(key(1))->confirmed);
  EXPECT_EQ(book.find(key(1))->peer().expires_at, renewed.expires_at);
  renewed.expires_at = now + seconds{90};
  EXPECT_EQ(put(renewed, 3), verdict::done);
}

TEST_F(ledger_test, a_late_word_changes_nothing_once_the_store_has_spoken) {
  whole({{peer_of(1), revision{5}}}, 9);
  written();
  EXPECT_EQ(put(peer_of(2), 7), verdict::superseded);
  EXPECT_EQ(put(peer_of(1, "fd00::77/128"), 3), verdict::superseded);
  EXPECT_EQ(remove(1, 4), verdict::done) << "it happened, and was overtaken";
  EXPECT_TRUE(wants(1));
  EXPECT_FALSE(wants(2));
}

TEST_F(ledger_test, an_address_that_the_store_gives_to_two_is_contested) {
  whole({{peer_of(1), revision{5}}}, 5);
  const auto seen = some({2}, {{peer_of(2, "fd00::1/128"), revision{6}}}, 6);
  EXPECT_EQ(seen.contested, std::vector{key(2)});
  EXPECT_FALSE(wants(2)) << "nobody is overwritten";
  EXPECT_EQ(book.rivals(peer_of(2, "fd00::1/128")), (std::vector{key(2), key(1)}));
  const assigned both{
      false, {key(2), key(1)}, {{peer_of(2, "fd00::1/128"), revision{6}}}, revision{6}};
  EXPECT_EQ(book.settle(both, book.words()).write, (std::vector{key(1), key(2)}));
  EXPECT_TRUE(wants(2));
  EXPECT_FALSE(wants(1));
}

TEST_F(ledger_test, what_the_store_does_not_confirm_is_settled_by_asking_it) {
  whole({}, 5);
  put(peer_of(1), 1'000'000);
  EXPECT_EQ(book.ahead().size(), 1U);
  whole({}, 9);
  EXPECT_TRUE(wants(1)) << "the store's view has not reached that revision";
  const assigned none{false, {key(1)}, {}, revision{9}};
  EXPECT_TRUE(book.settle(none, book.words() - 1).write.empty()) << "touched since the question";
  EXPECT_EQ(book.settle(none, book.words()).write, std::vector{key(1)});
  EXPECT_FALSE(wants(1));
  EXPECT_TRUE(book.ahead().empty());
}

TEST_F(ledger_test, a_restored_store_speaks_anew) {
  whole({{peer_of(1), revision{100}}, {peer_of(2), revision{101}}}, 200);
  written();
  book.restart();
  EXPECT_TRUE(wants(1)) << "until the store has spoken";
  const auto seen = whole({{peer_of(1), revision{3}}}, 4);
  EXPECT_TRUE(seen.write.empty());
  EXPECT_EQ(book.held(), 1U) << "what it lacks now is held";
  EXPECT_TRUE(book.find(key(1))->confirmed) << "what is right stays untouched";
}

TEST_F(ledger_test, a_store_that_lost_most_peers_is_not_believed) {
  fill(150);
  EXPECT_TRUE(whole({}, 1'000).write.empty());
  EXPECT_EQ(book.held(), 150U);
  EXPECT_EQ(book.peers(), 150U);
  EXPECT_TRUE(whole({{peer_of(1), revision{1}}}, 1'001).write.empty());
  EXPECT_EQ(book.held(), 149U) << "what came back is no longer held";
  EXPECT_EQ(some({2}, {}, 1'002).write, std::vector{key(2)}) << "a removal by record is one";
  EXPECT_EQ(book.accept_removals().size(), 148U);
  EXPECT_EQ(book.held(), 0U);
  EXPECT_EQ(book.peers(), 1U);
}

TEST_F(ledger_test, many_removals_with_a_reason_are_believed) {
  fill(150);
  assigned recorded{true, {}, {}, revision{1'000}, 150};
  EXPECT_EQ(book.observe(recorded).write.size(), 150U);
  fill(150);
  now += seconds{1'000};
  EXPECT_EQ(book.expire(now).size(), 150U);
  EXPECT_TRUE(whole({}, 2'000).write.empty()) << "they have expired";
  fill(90);
  assigned too_few{true, {}, {}, revision{3'000}, 89};
  EXPECT_TRUE(book.observe(too_few).write.empty());
  EXPECT_EQ(book.held(), 90U);
}

TEST_F(ledger_test, strangers_stay_until_the_store_has_spoken) {
  const std::vector<device_entry> dump{on_device(peer_of(4))};
  EXPECT_TRUE(compare(dump, ledger::strangers::leave).empty());
  EXPECT_EQ(compare(dump), std::vector{key(4)});
}

TEST_F(ledger_test, strangers_keep_their_addresses_until_the_store_has_spoken) {
  const assignment here = peer_of(1), stranger = peer_of(4, "fd00::1/128");
  whole({{here, revision{5}}, {peer_of(2), revision{5}}}, 5);
  const std::vector<device_entry> dump{on_device(stranger)};
  EXPECT_EQ(compare(dump, ledger::strangers::leave), std::vector{key(2)});
  assignment stripped = here;
  stripped.addresses.clear();
  const std::vector<device_entry> both{on_device(stranger), on_device(stripped)};
  EXPECT_EQ(compare(both, ledger::strangers::leave), std::vector{key(2)});
  EXPECT_FALSE(book.find(key(1))->confirmed);
  const auto then = compare(both);
  EXPECT_EQ(then.front(), key(4)) << "gone before its address is another's";
  EXPECT_EQ(then.size(), 3U);
}

TEST_F(ledger_test, too_many_strangers_are_held) {
  std::vector<device_entry> dump;
  for (int n = 1; n <= 120; ++n) dump.push_back(on_device(peer_of(static_cast<std::uint8_t>(n))));
  EXPECT_TRUE(compare(dump).empty());
  EXPECT_EQ(book.held(), 120U);
  EXPECT_TRUE(book.accept_removals().empty());
  EXPECT_EQ(compare(dump).size(), 120U);
  EXPECT_EQ(book.held(), 0U);
}

TEST_F(ledger_test, comparing_confirms_what_is_right_and_names_the_rest) {
  put(peer_of(1), 1);
  put(peer_of(2), 2);
  put(peer_of(3), 3);
  assignment odd = peer_of(2);
  odd.addresses = {*prefix::parse("fd00::99/128")};
  auto write = compare({on_device(peer_of(1)), on_device(odd), on_device(peer_of(4))});
  std::sort(write.begin(), write.end());
  EXPECT_EQ(write, (std::vector{key(2), key(3), key(4)}));
  EXPECT_TRUE(book.find(key(1))->confirmed);
  EXPECT_EQ(book.find(key(1))->live_at, now);
  EXPECT_TRUE(std::holds_alternative<drop_peer>(book.wanted_change(key(4))));
}

TEST_F(ledger_test, a_dump_says_nothing_of_what_was_touched_since) {
  put(peer_of(1), 1);
  book.begin_comparison(now);
  put(peer_of(2), 2);
  remove(1, 3);
  book.compare(on_device(peer_of(1)));
  EXPECT_TRUE(book.end_comparison().empty());
}

TEST_F(ledger_test, a_dump_says_nothing_of_what_is_being_written) {
  put(peer_of(1), 1);
  book.begin_write({key(1)});
  remove(1, 2);
  EXPECT_TRUE(compare({}).empty());
  EXPECT_FALSE(book.find(key(1))->confirmed) << "the write may come after the dump";
  book.end_write();
  EXPECT_TRUE(compare({}).empty());
  EXPECT_TRUE(book.find(key(1))->confirmed);
}

TEST_F(ledger_test, one_that_is_not_known_may_be_on_the_device_all_the_same) {
  whole({}, 9);
  EXPECT_EQ(remove(1, 4), verdict::write) << "from before this start";
}

TEST_F(ledger_test, a_dump_says_nothing_of_what_was_acknowledged_since) {
  put(peer_of(1), 1);
  book.begin_comparison(now);
  written();
  EXPECT_TRUE(book.end_comparison().empty()) << "the dump may have been before the write";
  EXPECT_TRUE(book.find(key(1))->confirmed);
  EXPECT_EQ(compare({}), std::vector{key(1)});
}

TEST_F(ledger_test, an_acknowledgement_of_an_older_word_confirms_nothing) {
  put(peer_of(1), 1);
  const auto sent = book.words();
  put(peer_of(1, "fd00::77/128"), 2);
  book.confirm(key(1), sent, now);
  EXPECT_FALSE(book.find(key(1))->confirmed);
}

TEST_F(ledger_test, a_peer_expires_at_its_time_and_a_renewal_moves_that) {
  assignment one = peer_of(1), two = peer_of(2);
  one.expires_at = now + seconds{10};
  two.expires_at = now + seconds{5};
  put(one, 1);
  put(two, 2);
  put(peer_of(3), 3);
  written();
  EXPECT_TRUE(book.expire(now + seconds{4}).empty());
  two.expires_at = now + seconds{20};
  EXPECT_EQ(put(two, 4), verdict::done) << "nothing to write";
  EXPECT_EQ(book.expire(now + seconds{10}), std::vector{key(1)});
  EXPECT_FALSE(wants(1));
  EXPECT_EQ(book.expire(now + seconds{20}), std::vector{key(2)});
  EXPECT_TRUE(book.expire(now + seconds{1'000}).empty());
  EXPECT_TRUE(wants(3));
}

TEST_F(ledger_test, one_whose_time_is_over_comes_back_only_when_it_is_renewed) {
  assignment one = peer_of(1);
  one.expires_at = now + seconds{10};
  whole({{one, revision{1}}}, 1);
  written();
  now += seconds{10};
  EXPECT_EQ(book.expire(now), std::vector{key(1)});
  EXPECT_TRUE(whole({{one, revision{1}}}, 2).write.empty()) << "the store still has it";
  EXPECT_EQ(put(one, 3), verdict::superseded);
  EXPECT_TRUE(some({1}, {{one, revision{4}}}, 4).write.empty());
  EXPECT_FALSE(wants(1));
  one.expires_at = now + seconds{10};
  EXPECT_EQ(some({1}, {{one, revision{5}}}, 5).write, std::vector{key(1)});
  EXPECT_TRUE(wants(1));
  ledger fresh;
  fresh.expire(now + seconds{60});
  EXPECT_TRUE(fresh.observe({true, {}, {{one, revision{5}}}, revision{5}}).write.empty());
  EXPECT_EQ(fresh.peers(), 0U) << "after a restart neither";
}

TEST_F(ledger_test, counts_the_networks_that_have_peers) {
  put(peer_of(1), 1);
  put(peer_of(2), 2);
  remove(1, 3);
  EXPECT_EQ(book.networks().size(), 1U);
  remove(2, 4);
  EXPECT_TRUE(book.networks().empty());
  EXPECT_EQ(book.peers(), 0U);
}

}  // namespace
}  // namespace peerage
