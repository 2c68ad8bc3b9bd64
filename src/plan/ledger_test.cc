#include "plan/ledger.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace peerage {
namespace {

public_key key(std::uint8_t n) {
  std::array<std::uint8_t, key_size> bytes{};
  bytes.fill(n);
  return public_key(bytes);
}

assignment peer_of(std::uint8_t n, std::string_view address = {}) {
  assignment one;
  one.id = {*network_name::parse("acme"), *peer_name::parse("p" + std::to_string(n))};
  one.public_key = key(n);
  const std::string own = "fd00::" + std::to_string(n) + "/128";
  one.addresses = {*prefix::parse(address.empty() ? own : address)};
  return one;
}

device_entry on_device(const assignment& one) {
  return {{one.public_key, one.preshared_key, one.addresses}, {}};
}

struct ledger_test : testing::Test {
  ledger book;
  wall_time now{seconds{1'000'000}};

  verdict put(const assignment& one, std::uint64_t at) {
    return book.hear(put_peer_change{one}, revision{at}).what;
  }
  verdict remove(std::uint8_t n, std::uint64_t at) {
    return book.hear(remove_peer_change{key(n)}, revision{at}).what;
  }
  void written() {
    for (const auto& each : book.unconfirmed()) book.confirm(each, book.words(), now);
  }
  bool wants(std::uint8_t n) {
    return std::holds_alternative<set_peer>(book.wanted_change(key(n)));
  }
};

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
  EXPECT_TRUE(book.observe({}, revision{9}).empty());
  EXPECT_TRUE(wants(1));
  EXPECT_EQ(book.observe({}, revision{10}), std::vector{key(1)});
  EXPECT_FALSE(wants(1));
}

TEST_F(ledger_test, a_listing_from_before_a_removal_does_not_bring_it_back) {
  put(peer_of(1), 5);
  remove(1, 10);
  written();
  EXPECT_TRUE(book.observe({{peer_of(1), revision{5}}}, revision{9}).empty());
  EXPECT_FALSE(wants(1));
}

TEST_F(ledger_test, a_removal_is_forgotten_once_the_store_has_passed_it) {
  put(peer_of(1), 5);
  remove(1, 10);
  written();
  book.observe({}, revision{9});
  EXPECT_NE(book.find(key(1)), nullptr);
  book.observe({}, revision{10});
  EXPECT_EQ(book.find(key(1)), nullptr);
}

TEST_F(ledger_test, a_listing_brings_what_the_bus_lost) {
  EXPECT_EQ(book.observe({{peer_of(1), revision{5}}}, revision{5}), std::vector{key(1)});
  EXPECT_TRUE(wants(1));
  EXPECT_FALSE(book.find(key(1))->confirmed);
}

TEST_F(ledger_test, comparing_confirms_what_is_right_and_names_the_rest) {
  put(peer_of(1), 1);
  put(peer_of(2), 2);
  put(peer_of(3), 3);
  assignment odd = peer_of(2);
  odd.addresses = {*prefix::parse("fd00::99/128")};
  auto write = book.compare({on_device(peer_of(1)), on_device(odd), on_device(peer_of(4))},
                            book.words(), now);
  std::sort(write.begin(), write.end());
  EXPECT_EQ(write, (std::vector{key(2), key(3), key(4)}));
  EXPECT_TRUE(book.find(key(1))->confirmed);
  EXPECT_EQ(book.find(key(1))->live_at, now);
  EXPECT_TRUE(std::holds_alternative<drop_peer>(book.wanted_change(key(4))));
}

TEST_F(ledger_test, a_dump_says_nothing_of_what_was_touched_since) {
  put(peer_of(1), 1);
  const auto since = book.words();
  put(peer_of(2), 2);
  remove(1, 3);
  EXPECT_TRUE(book.compare({on_device(peer_of(1))}, since, now).empty());
}

TEST_F(ledger_test, an_acknowledgement_of_an_older_word_confirms_nothing) {
  put(peer_of(1), 1);
  const auto sent = book.words();
  put(peer_of(1, "fd00::77/128"), 2);
  book.confirm(key(1), sent, now);
  EXPECT_FALSE(book.find(key(1))->confirmed);
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
