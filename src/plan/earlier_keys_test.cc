#include "plan/earlier_keys.h"

#include <gtest/gtest.h>

#include <array>

namespace peerage {
namespace {

public_key key(std::uint8_t n) {
  std::array<std::uint8_t, key_size> bytes{};
  bytes.fill(n);
  return public_key(bytes);
}

peer on(const char* gateway, std::uint8_t n) {
  peer made;
  made.id = {*network_name::parse("acme"), *peer_name::parse("ci-1")};
  made.public_key = key(n);
  made.gateway = *gateway_name::parse(gateway);
  made.created_by = *token_id::parse("tok");
  made.created_at = wall_time{milliseconds{1'000}};
  return made;
}

earlier_keys kept(std::vector<earlier_key> all, std::uint64_t at) {
  return as_stored(std::move(all), revision{at});
}

/// As somebody else reads what was written.
earlier_keys read_again(const earlier_keys& now, const std::vector<earlier_key>& next,
                        std::uint64_t at) {
  const auto written = write_earlier_keys(on("gw-1", 1).id, now, next);
  return read_earlier_keys({std::get<mark>(std::get<put>(*written).value), revision{at}});
}

const epoch ours{"b1a6"};

TEST(earlier_keys, are_read_as_they_were_written) {
  const auto first = with_earlier_key({}, on("gw-1", 1), on("gw-2", 1), ours).value();
  const earlier_keys now = read_again({}, first, 7);
  EXPECT_EQ(now.all, kept(first, 7).all) << "as of the commit that wrote it";
  EXPECT_EQ(now.all.at(0).at, revision{7});
  const auto second = with_earlier_key(now, on("gw-2", 1), on("gw-2", 2), ours).value();
  EXPECT_EQ(read_again(now, second, 9).all, kept(second, 9).all) << "the first still of 7";
}

TEST(earlier_keys, a_line_that_cannot_be_read_costs_that_line_alone) {
  const auto one = with_earlier_key({}, on("gw-1", 1), std::nullopt, ours).value();
  const auto written = write_earlier_keys(on("gw-1", 1).id, {}, one);
  stored<mark> now{std::get<mark>(std::get<put>(*written).value), revision{7}};
  now.value.value = "a b c\ngw-1 x tok 5 b1a6 7\n" + now.value.value;
  EXPECT_EQ(read_earlier_keys(now).all, kept(one, 7).all);
  now.value.value.insert(now.value.value.size() - 1, "x");
  EXPECT_TRUE(read_earlier_keys(now).all.empty());
  now.value.value.clear();
  EXPECT_TRUE(read_earlier_keys(now).all.empty());
}

TEST(earlier_keys, a_change_that_keeps_key_and_gateway_adds_none) {
  peer next = on("gw-1", 1);
  next.expires_at = wall_time{milliseconds{5'000}};
  EXPECT_TRUE(with_earlier_key({}, on("gw-1", 1), next, ours)->empty());
  EXPECT_FALSE(write_earlier_keys(next.id, {}, {}));
}

TEST(earlier_keys, one_that_comes_back_to_its_gateway_is_none_any_more) {
  const earlier_keys now =
      kept(with_earlier_key({}, on("gw-1", 1), on("gw-2", 1), ours).value(), 7);
  const auto next = with_earlier_key(now, on("gw-2", 1), on("gw-1", 1), ours).value();
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next[0].gateway.text(), "gw-2");
}

TEST(earlier_keys, the_write_holds_what_was_read) {
  const auto one = with_earlier_key({}, on("gw-1", 1), on("gw-2", 1), ours).value();
  const auto first = write_earlier_keys(on("gw-1", 1).id, {}, one);
  EXPECT_TRUE(std::holds_alternative<absent>(std::get<put>(*first).expected));
  const earlier_keys now = kept(one, 7);
  const auto last = write_earlier_keys(on("gw-1", 1).id, now, {});
  EXPECT_EQ(std::get<revision>(std::get<removal>(*last).expected), revision{7});
}

TEST(earlier_keys, of_a_peer_are_not_those_of_one_before_it_under_its_name) {
  const earlier_keys now = kept(with_earlier_key({}, on("gw-1", 1), std::nullopt, ours).value(), 7);
  peer later = on("gw-1", 2);
  EXPECT_EQ(now.of(later).size(), 1U);
  later.created_at += milliseconds{1};
  EXPECT_TRUE(now.of(later).empty());
}

TEST(earlier_keys, of_removed_peers_the_oldest_are_forgotten_and_of_a_peer_none) {
  earlier_keys now;
  for (std::uint8_t n = 1; n <= 16; ++n) {
    peer each = on("gw-1", n);
    each.created_at += seconds{n};
    now = kept(with_earlier_key(now, each, std::nullopt, ours).value(), n);
  }
  peer mine = on("gw-1", 20);
  now = kept(with_earlier_key(now, mine, on("gw-1", 21), ours).value(), 20);
  ASSERT_EQ(now.all.size(), 16U);
  EXPECT_EQ(now.all.front().public_key, key(2));
  for (std::uint8_t n = 21; n < 36; ++n) {
    now = kept(with_earlier_key(now, on("gw-1", n), on("gw-1", n + 1), ours).value(), n);
  }
  EXPECT_EQ(now.of(mine).size(), 16U);
  const auto refused = with_earlier_key(now, on("gw-1", 36), on("gw-1", 37), ours);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable);
  EXPECT_TRUE(with_earlier_key(now, on("gw-1", 36), std::nullopt, ours)) << "it can be removed";
}

TEST(earlier_keys, a_mark_says_whose_it_is) {
  const peer_id id = on("gw-1", 1).id;
  EXPECT_EQ(whose_earlier_keys(earlier_keys_mark(id).text), id);
  for (const char* other : {"leaving", "earlier-keys/acme", "earlier-keys/a/b/c",
                            "earlier-keys/ACME/x", "earlier-keys//x", "earlier-keys/"}) {
    EXPECT_FALSE(whose_earlier_keys(other)) << other;
  }
}

TEST(earlier_keys, of_a_peer_before_it_that_had_the_same_key_are_its_own_once_the_key_goes) {
  peer second = on("gw-2", 1);
  second.created_at += seconds{5};
  second.created_by = *token_id::parse("tok2");
  const earlier_keys now = kept(with_earlier_key({}, on("gw-1", 1), std::nullopt, ours).value(), 7);
  EXPECT_TRUE(now.of(second).empty());
  peer moved = second;
  moved.gateway = *gateway_name::parse("gw-3");
  EXPECT_EQ(kept(with_earlier_key(now, second, moved, ours).value(), 8).of(second).size(), 1U);
  peer rekeyed = second;
  rekeyed.public_key = key(2);
  const auto then = kept(with_earlier_key(now, second, rekeyed, ours).value(), 8).of(second);
  ASSERT_EQ(then.size(), 2U);
  EXPECT_EQ(then[0].gateway.text(), "gw-1");
  EXPECT_EQ(then[0].created_by, second.created_by);
  EXPECT_EQ(then[1].gateway.text(), "gw-2") << "the one that it has just left is the last";
}

}  // namespace
}  // namespace peerage
