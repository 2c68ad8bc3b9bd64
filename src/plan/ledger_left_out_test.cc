// What the store has and the ledger leaves out, and what a listing lacks without a reason.
#include "plan/fixture.h"

namespace peerage {
namespace {

TEST_F(ledger_test, a_peer_whose_time_is_over_by_a_wrong_clock_is_left_out_and_comes_back) {
  const wall_time right = now;
  now += seconds{86'400};
  auto one = peer_of(1);
  one.expires_at = right + seconds{500};
  whole({{one, revision{5}}}, 10);
  EXPECT_FALSE(wants(1));
  EXPECT_EQ(book.left_out(), 1U);
  EXPECT_EQ(book.why_left_out(key(1)), "its time is over by the gateway's clock");
  now = right;
  book.expire(now);
  EXPECT_EQ(book.over(), std::vector{key(1)});
  book.settle({false, {key(1)}, {{one, revision{5}}}, revision{11}}, book.words());
  EXPECT_TRUE(wants(1));
  EXPECT_EQ(book.left_out(), 0U);
  EXPECT_EQ(book.why_left_out(key(1)), "");
}

TEST_F(ledger_test, a_peer_whose_time_has_just_ended_has_a_reason_and_is_not_counted) {
  fill(1);
  book.expire(now + seconds{501});
  EXPECT_FALSE(wants(1));
  EXPECT_EQ(book.left_out(), 0U);
  EXPECT_EQ(book.why_left_out(key(1)), "its time is over by the gateway's clock");
  book.expire(now + seconds{511});
  EXPECT_EQ(book.left_out(), 1U) << "the store should have removed it by now";
  EXPECT_EQ(book.overdue(64), std::vector{key(1)});
  EXPECT_TRUE(book.overdue(0).empty());
  book.settle({false, {key(1)}, {}, revision{20}}, book.words());
  EXPECT_EQ(book.left_out(), 0U) << "its removal was missed, and the store was asked";
  EXPECT_TRUE(book.overdue(64).empty());
}

TEST_F(ledger_test, a_peer_without_its_address_is_left_out_until_the_store_has_settled_it) {
  some({1}, {{peer_of(1, "fd00::9/128"), revision{5}}}, 10);
  some({2}, {{peer_of(2, "fd00::9/128"), revision{11}}}, 12);
  EXPECT_EQ(book.left_out(), 1U);
  EXPECT_EQ(book.why_left_out(key(2)), "another peer of the gateway has one of its addresses");
  book.settle({false, {key(1), key(2)}, {{peer_of(2, "fd00::9/128"), revision{11}}}, revision{12}},
              book.words());
  EXPECT_EQ(book.left_out(), 0U);
  EXPECT_TRUE(wants(2));
}

TEST_F(ledger_test, a_record_that_cannot_be_read_costs_that_record_alone) {
  fill(3);
  assigned said{true, {}, {{peer_of(1), revision{1}}, {peer_of(3), revision{1}}}, revision{10}};
  said.unreadable = {key(2), key(4)};
  book.observe(said);
  EXPECT_TRUE(wants(2)) << "what the device has of it stays";
  EXPECT_FALSE(wants(4));
  EXPECT_EQ(book.held(), 0U);
  EXPECT_EQ(book.left_out(), 2U);
  EXPECT_EQ(book.why_left_out(key(2)), "the gateway can't read its record in the store");
  assigned changed{false, {key(2)}, {}, revision{11}};
  changed.unreadable = {key(2)};
  book.observe(changed);
  EXPECT_TRUE(wants(2));
  some({2}, {{peer_of(2), revision{12}}}, 12);
  EXPECT_EQ(book.left_out(), 1U);
}

TEST_F(ledger_test, a_listing_that_lacks_one_peer_without_a_counted_change_is_not_believed) {
  fill(3);
  whole({{peer_of(1), revision{1}}, {peer_of(3), revision{1}}}, 10);
  EXPECT_TRUE(wants(2));
  EXPECT_EQ(book.held(), 1U);
  whole({{peer_of(1), revision{1}}, {peer_of(2), revision{1}}, {peer_of(3), revision{1}}}, 11);
  EXPECT_EQ(book.held(), 0U) << "it heals by itself";
}

TEST_F(ledger_test, as_many_as_were_counted_may_go) {
  fill(3);
  assigned said{true, {}, {{peer_of(1), revision{1}}}, revision{10}, 2};
  book.observe(said);
  EXPECT_FALSE(wants(2));
  EXPECT_FALSE(wants(3));
  EXPECT_EQ(book.held(), 0U);
}

TEST_F(ledger_test, what_only_the_bus_said_needs_no_count_to_go) {
  fill(1);
  put(peer_of(2), 5);
  written();
  whole({{peer_of(1), revision{1}}}, 10);
  EXPECT_FALSE(wants(2));
  EXPECT_EQ(book.held(), 0U);
}

TEST_F(ledger_test, an_older_record_than_the_known_one_is_asked_for_again) {
  fill(2);
  some({1}, {}, 100);  // a store that answered without it, once
  EXPECT_FALSE(wants(1));
  const auto seen = whole({{peer_of(1), revision{1}}, {peer_of(2), revision{1}}}, 101);
  EXPECT_EQ(seen.contested, std::vector{key(1)});
  book.settle({false, {key(1)}, {{peer_of(1), revision{1}}}, revision{101}}, book.words());
  EXPECT_TRUE(wants(1));
}

TEST_F(ledger_test, after_a_restore_every_unknown_peer_is_held) {
  fill(2);
  book.restart();
  whole({{peer_of(1), revision{1}}, {peer_of(2), revision{1}}}, 3);
  const std::vector device{on_device(peer_of(1)), on_device(peer_of(2)), on_device(peer_of(7))};
  EXPECT_TRUE(compare(device).empty());
  EXPECT_EQ(book.held(), 1U);
  book.accept_removals();
  EXPECT_EQ(compare(device), std::vector{key(7)});
  EXPECT_EQ(book.held(), 0U);
  EXPECT_EQ(compare(device), std::vector{key(7)}) << "one that comes later is no part of that";
}

TEST_F(ledger_test, an_unknown_peer_whose_record_cannot_be_read_stays_on_the_device) {
  assigned said{true, {}, {{peer_of(1), revision{1}}}, revision{10}};
  said.unreadable = {key(2)};
  book.observe(said);
  EXPECT_EQ(compare({on_device(peer_of(1)), on_device(peer_of(2)), on_device(peer_of(3))}),
            std::vector{key(3)});
  some({2}, {}, 11);
  EXPECT_EQ(compare({on_device(peer_of(1)), on_device(peer_of(2))}), std::vector{key(2)})
      << "its record is gone";
}

TEST_F(ledger_test, a_held_stranger_that_is_made_a_peer_is_held_no_more) {
  std::vector<device_entry> dump;
  for (int n = 1; n <= 120; ++n) dump.push_back(on_device(peer_of(static_cast<std::uint8_t>(n))));
  compare(dump);
  ASSERT_EQ(book.held(), 120U);
  put(peer_of(1), 1);
  EXPECT_EQ(book.held(), 119U);
}

}  // namespace
}  // namespace peerage
