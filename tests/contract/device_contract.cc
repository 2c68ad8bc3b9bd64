#include "tests/contract/device_contract.h"
#include "testing/collect.h"

#include <algorithm>
#include <array>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>

namespace peerage {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(device_contract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(device_capacity);

namespace {

public_key key(std::uint32_t number) {
  std::array<std::uint8_t, key_size> bytes{};
  bytes.fill(0x42);
  for (unsigned i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
  return public_key(bytes);
}

secret_key secret(std::uint8_t fill) {
  std::array<std::uint8_t, key_size> bytes{};
  bytes.fill(fill);
  return secret_key(bytes);
}

prefix net(const char* text) {
  return prefix::parse(text).value();
}

prefix address(std::uint32_t number) {
  std::array<std::uint8_t, 16> bytes{0xfd, 0x01};
  for (unsigned i = 0; i < 4; ++i) bytes[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return prefix::host(ip_address::v6(bytes));
}

device_peer plain_peer(std::uint32_t number) {
  return {key(number), {}, {address(number)}};
}

std::vector<device_change> set_many(std::uint32_t first, std::uint32_t count) {
  std::vector<device_change> changes;
  changes.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) changes.emplace_back(set_peer{plain_peer(first + i)});
  return changes;
}

}  // namespace

void device_contract::apply(std::vector<device_change> changes) {
  const auto applied = finish(device_->apply(std::move(changes)));
  EXPECT_TRUE(applied) << (applied ? "" : applied.error().message);
}

device_contract::entries device_contract::dump() {
  auto dumped = finish(fakes::collect(*device_));
  EXPECT_TRUE(dumped) << (dumped ? "" : dumped.error().message);
  entries by_key;
  if (!dumped) return by_key;
  for (device_entry& entry : *dumped) {
    EXPECT_EQ(entry.peer.public_key, entry.status.public_key);
    const public_key name = entry.peer.public_key;
    EXPECT_TRUE(by_key.emplace(name, std::move(entry)).second) << "twice: " << name.text();
  }
  return by_key;
}

std::optional<device_peer> device_contract::find(const public_key& name) {
  const entries all = dump();
  const auto found = all.find(name);
  if (found == all.end()) return {};
  return found->second.peer;
}

TEST_P(device_contract, says_what_it_is_and_starts_without_peers) {
  EXPECT_EQ(device_->kind(), GetParam().kind);
  EXPECT_GT(device_->capacity(), 0U);
  EXPECT_TRUE(dump().empty());
}

TEST_P(device_contract, a_peer_that_was_set_is_there_exactly_and_unseen) {
  const device_peer wanted{
      key(1),
      secret(7),
      {net("10.1.2.3/32"), net("10.2.0.0/16"), net("fd00::/64"), net("fd01::1/128")}};
  apply({set_peer{wanted}});
  const entries all = dump();
  ASSERT_EQ(all.size(), 1U);
  const device_entry& entry = all.begin()->second;
  EXPECT_TRUE(entry.peer == wanted);
  EXPECT_EQ(entry.status.endpoint, "");
  EXPECT_FALSE(entry.status.last_handshake_at);
  EXPECT_EQ(entry.status.rx_bytes, 0U);
  EXPECT_EQ(entry.status.tx_bytes, 0U);
}

TEST_P(device_contract, setting_a_peer_again_changes_nothing) {
  const device_peer wanted{key(1), secret(7), {address(1), address(2)}};
  apply({set_peer{wanted}});
  apply({set_peer{wanted}, set_peer{wanted}});
  EXPECT_EQ(dump().size(), 1U);
  EXPECT_TRUE(find(key(1)) == wanted);
}

TEST_P(device_contract, allowed_ips_become_exactly_the_new_ones) {
  apply({set_peer{{key(1), {}, {address(1), address(2)}}}});
  const device_peer other{key(1), {}, {address(2), address(3)}};
  apply({set_peer{other}});
  EXPECT_TRUE(find(key(1)) == other);
  const device_peer none{key(1), {}, {}};
  apply({set_peer{none}});
  EXPECT_TRUE(find(key(1)) == none);
}

TEST_P(device_contract, hundreds_of_allowed_ips_are_all_kept_and_all_replaced) {
  device_peer wide = plain_peer(1);
  for (std::uint32_t i = 2; i <= 3000; ++i) wide.allowed_ips.push_back(address(i));
  std::ranges::sort(wide.allowed_ips);
  apply({set_peer{plain_peer(9001)}, set_peer{wide}, set_peer{plain_peer(9002)}});
  EXPECT_TRUE(find(key(1)) == wide);
  EXPECT_TRUE(find(key(9001)) == plain_peer(9001));
  EXPECT_TRUE(find(key(9002)) == plain_peer(9002));
  apply({set_peer{plain_peer(1)}});
  EXPECT_TRUE(find(key(1)) == plain_peer(1));
}

TEST_P(device_contract, a_preshared_key_is_set_changed_and_cleared) {
  device_peer wanted = plain_peer(1);
  wanted.preshared_key = secret(7);
  apply({set_peer{wanted}});
  EXPECT_TRUE(find(key(1)) == wanted);
  wanted.preshared_key = secret(8);
  apply({set_peer{wanted}});
  EXPECT_TRUE(find(key(1)) == wanted);
  wanted.preshared_key.reset();
  apply({set_peer{wanted}});
  EXPECT_TRUE(find(key(1)) == wanted);
}

TEST_P(device_contract, a_dropped_peer_is_gone_and_the_others_stay) {
  apply({set_peer{plain_peer(1)}, set_peer{plain_peer(2)}, set_peer{plain_peer(3)}});
  apply({drop_peer{key(2)}});
  EXPECT_EQ(dump().size(), 2U);
  EXPECT_FALSE(find(key(2)));
}

TEST_P(device_contract, dropping_what_is_not_there_succeeds) {
  apply({set_peer{plain_peer(1)}});
  apply({drop_peer{key(2)}, drop_peer{key(2)}});
  EXPECT_EQ(dump().size(), 1U);
}

TEST_P(device_contract, a_stripped_peer_stays_without_allowed_ips_until_it_is_set_again) {
  device_peer one = plain_peer(1);
  one.preshared_key = secret(7);
  apply({set_peer{one}, set_peer{plain_peer(2)}, strip_peer{key(1)}});
  device_peer bare = one;
  bare.allowed_ips.clear();
  EXPECT_TRUE(find(key(1)) == bare);
  EXPECT_TRUE(find(key(2)) == plain_peer(2));
  apply({set_peer{{key(3), {}, one.allowed_ips}}, strip_peer{key(1)}, strip_peer{key(1)}});
  EXPECT_TRUE(find(key(3)) == (device_peer{key(3), {}, one.allowed_ips})) << "they are free";
  apply({drop_peer{key(3)}, set_peer{one}});
  EXPECT_TRUE(find(key(1)) == one);
}

TEST_P(device_contract, stripping_what_is_not_there_makes_nothing) {
  apply({strip_peer{key(1)}, set_peer{plain_peer(2)}, drop_peer{key(2)}, strip_peer{key(2)}});
  EXPECT_TRUE(dump().empty());
}

TEST_P(device_contract, no_changes_succeed) {
  apply({});
  EXPECT_TRUE(dump().empty());
}

TEST_P(device_contract, a_batch_of_1500_is_there_whole_and_goes_whole) {
  apply(set_many(1, 1500));
  entries all = dump();
  ASSERT_EQ(all.size(), 1500U);
  for (std::uint32_t i = 1; i <= 1500; ++i) {
    ASSERT_TRUE(all.contains(key(i))) << i;
    ASSERT_TRUE(all.at(key(i)).peer == plain_peer(i)) << i;
  }
  std::vector<device_change> drops;
  for (std::uint32_t i = 1; i < 1500; ++i) drops.emplace_back(drop_peer{key(i)});
  apply(std::move(drops));
  all = dump();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all.begin()->first, key(1500));
}

TEST_P(device_contract, changes_of_one_key_are_made_in_order) {
  device_peer other = plain_peer(1);
  other.preshared_key = secret(7);
  apply({set_peer{other}});
  apply({drop_peer{key(1)}, set_peer{plain_peer(1)}});
  EXPECT_TRUE(find(key(1)) == plain_peer(1)) << "dropped, then set";
  apply({set_peer{plain_peer(1)}, drop_peer{key(1)}});
  EXPECT_FALSE(find(key(1))) << "set, then dropped";
  apply({set_peer{other}, set_peer{plain_peer(1)}, set_peer{plain_peer(2)}});
  EXPECT_TRUE(find(key(1)) == plain_peer(1)) << "the last one stands";
}

TEST_P(device_contract, an_allowed_ip_moves_within_one_batch) {
  apply({set_peer{plain_peer(1)}});
  const device_peer heir{key(2), {}, {address(1)}};
  apply({drop_peer{key(1)}, set_peer{heir}});
  EXPECT_FALSE(find(key(1)));
  EXPECT_TRUE(find(key(2)) == heir);

  const device_peer next{key(3), {}, {address(1)}};
  apply({set_peer{next}, drop_peer{key(2)}});
  EXPECT_FALSE(find(key(2)));
  EXPECT_TRUE(find(key(3)) == next) << "dropping the one that had it takes nothing from its heir";
}

TEST_P(device_contract, an_allowed_ip_is_taken_from_the_peer_that_had_it) {
  apply({set_peer{{key(1), {}, {address(1), address(2)}}}});
  apply({set_peer{{key(2), {}, {address(1)}}}});
  EXPECT_TRUE(find(key(1)) == (device_peer{key(1), {}, {address(2)}}));
  EXPECT_TRUE(find(key(2)) == (device_peer{key(2), {}, {address(1)}}));
}

TEST_P(device_contract, configuring_keeps_the_peers) {
  apply(set_many(1, 3));
  for (const std::uint8_t fill : {0x11, 0x11, 0x22}) {
    const auto configured = finish(device_->configure(secret(fill), 0));
    ASSERT_TRUE(configured) << configured.error().message;
    const entries all = dump();
    ASSERT_EQ(all.size(), 3U);
    EXPECT_TRUE(all.at(key(2)).peer == plain_peer(2));
  }
}

TEST_P(device_contract, a_private_key_that_is_not_clamped_is_not_taken_for_another) {
  struct taker final : dump_taker {
    void begin() override { differs = false; }
    void altered() override { differs = true; }
    void take(const device_entry&) override {}
    bool differs = false;
  } looked;
  for (const std::uint8_t fill : {0x48, 0x49, 0xff}) {
    const auto configured = finish(device_->configure(secret(fill), 0));
    ASSERT_TRUE(configured) << configured.error().message;
    ASSERT_TRUE(finish(device_->dump(looked)));
    EXPECT_FALSE(looked.differs) << unsigned{fill};
  }
}

TEST_P(device_contract, a_dump_may_overlap_with_apply) {
  apply(set_many(1, 700));
  std::optional<result<>> applied;
  std::optional<result<std::vector<device_entry>>> dumped;
  asio::co_spawn(loop_, device_->apply(set_many(1001, 3000)),
                 [&](std::exception_ptr, result<> value) { applied = std::move(value); });
  asio::co_spawn(loop_, fakes::collect(*device_),
                 [&](std::exception_ptr, result<std::vector<device_entry>> value) {
                   dumped = std::move(value);
                 });
  run_until([&] { return applied && dumped; });
  ASSERT_TRUE(*applied) << applied->error().message;
  ASSERT_TRUE(*dumped) << dumped->error().message;
  std::map<public_key, device_peer> seen;
  for (const device_entry& entry : **dumped) {
    EXPECT_TRUE(seen.emplace(entry.peer.public_key, entry.peer).second) << "twice";
  }
  for (std::uint32_t i = 1; i <= 700; ++i) {
    ASSERT_TRUE(seen.contains(key(i))) << i << " did not change meanwhile";
    ASSERT_TRUE(seen.at(key(i)) == plain_peer(i)) << i;
  }
  EXPECT_EQ(dump().size(), 3700U);
}

TEST_P(device_contract, says_when_the_device_has_gone_away) {
  bool lost = false;
  std::exception_ptr failure;
  asio::co_spawn(loop_, device_->lost(), [&](std::exception_ptr thrown) {
    failure = thrown;
    lost = true;
  });
  // What lost() has to say, it says after its device was seen at work.
  apply({set_peer{plain_peer(1)}});
  EXPECT_FALSE(lost);
  ASSERT_TRUE(GetParam().take_away) << "this backend does not say how to take its device away";
  GetParam().take_away();
  run_until([&] { return lost; });
  EXPECT_FALSE(failure);
  const auto applied = finish(device_->apply(set_many(1, 1)));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, errc::unavailable) << applied.error().message;
  const auto dumped = finish(fakes::collect(*device_));
  ASSERT_FALSE(dumped);
  EXPECT_EQ(dumped.error().code, errc::unavailable) << dumped.error().message;
}

TEST_P(device_contract, waiting_for_the_loss_can_be_given_up_and_begun_again) {
  for (int round = 0; round < 2; ++round) {
    asio::cancellation_signal stop;
    bool ended = false;
    asio::co_spawn(
        loop_, device_->lost(),
        asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr) { ended = true; }));
    apply({set_peer{plain_peer(1)}});
    ASSERT_FALSE(ended);
    stop.emit(asio::cancellation_type::terminal);
    run_until([&] { return ended; });
  }
  EXPECT_EQ(dump().size(), 1U);
}

TEST_P(device_capacity, one_peer_beyond_it_is_refused_as_full) {
  const std::uint32_t capacity = device_->capacity();
  constexpr std::uint32_t helping = 5000;
  for (std::uint32_t i = 0; i < capacity; i += helping) {
    apply(set_many(i + 1, std::min(helping, capacity - i)));
  }
  const auto applied = finish(device_->apply(set_many(capacity + 1, 1)));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code, errc::full) << applied.error().message;
  apply({drop_peer{key(1)}});
  apply(set_many(capacity + 1, 1));
}

}  // namespace peerage
