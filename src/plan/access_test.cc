#include "plan/access.h"

#include <gtest/gtest.h>

#include <string>

namespace peerage {
namespace {

principal with(scope one, std::optional<network_name> network = {}) {
  return {*token_id::parse("me"), network, {one}};
}

peer made_by(std::string_view token) {
  peer one;
  one.id.network = *network_name::parse("acme");
  one.created_by = *token_id::parse(token);
  return one;
}

const auto other = network_name::parse("other");

/// What the scope allows, a letter for each action in the order of `action`.
std::string allowed(const principal& who) {
  const std::string letters = "nNgGtaprc";
  std::string made;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    if (allows(who, static_cast<action>(i))) made += letters[i];
  }
  return made;
}

TEST(access, a_scope_allows_its_own_calls) {
  EXPECT_EQ(allowed(with(scope::admin)), "nNgGtaprc");
  EXPECT_EQ(allowed(with(scope::peers_read)), "np");
  EXPECT_EQ(allowed(with(scope::peers_write)), "nprc");
  EXPECT_EQ(allowed(with(scope::peers_manage)), "nprc");
  EXPECT_EQ(allowed(with(scope::networks_manage)), "nN");
  EXPECT_EQ(allowed(with(scope::gateways_read)), "g");
  EXPECT_EQ(allowed(with(scope::gateways_manage)), "gG");
  EXPECT_EQ(allowed({}), "");
  EXPECT_EQ(allowed({{}, {}, {scope::gateways_read, scope::networks_manage}}), "nNg");
}

TEST(access, a_networks_token_does_not_touch_what_all_share) {
  EXPECT_EQ(allowed(with(scope::admin, *other)), "nNgtprc");
  EXPECT_EQ(allowed(with(scope::gateways_manage, *other)), "g");
}

TEST(access, write_touches_only_what_it_made) {
  EXPECT_TRUE(may_touch(with(scope::peers_write), made_by("me"), action::change_peers));
  EXPECT_FALSE(may_touch(with(scope::peers_write), made_by("you"), action::change_peers));
  EXPECT_FALSE(may_touch(with(scope::peers_write), made_by("you"), action::read_peers));
  EXPECT_TRUE(may_touch(with(scope::peers_manage), made_by("you"), action::change_peers));
  EXPECT_TRUE(may_touch(with(scope::peers_read), made_by("you"), action::read_peers));
  EXPECT_FALSE(may_touch(with(scope::peers_read), made_by("me"), action::change_peers));
}

TEST(access, a_network_token_sees_no_other_network) {
  EXPECT_FALSE(sees(with(scope::admin, *other), *network_name::parse("acme")));
  EXPECT_FALSE(may_touch(with(scope::admin, *other), made_by("me"), action::read_peers));
  EXPECT_TRUE(sees(with(scope::admin, *other), *other));
  EXPECT_TRUE(may_touch(with(scope::admin), made_by("you"), action::change_peers));
  EXPECT_TRUE(sees(with(scope::admin), *network_name::parse("acme")));
}

TEST(access, peers_of_a_token_with_a_bound_on_their_time_expire) {
  principal who = with(scope::peers_write);
  EXPECT_TRUE(may_last(who, {}));
  who.max_ttl = seconds{60};
  EXPECT_TRUE(may_last(who, seconds{60}));
  for (const auto& ttl : {std::optional<seconds>{}, std::optional{seconds{61}}}) {
    const auto refused = may_last(who, ttl);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().field, "ttl_s");
    EXPECT_NE(refused.error().message.find("from 1 to 60"), std::string::npos);
  }
}

TEST(access, no_token_makes_one_that_outlives_it) {
  principal who = with(scope::admin);
  const wall_time noon{std::chrono::hours{12}};
  EXPECT_TRUE(may_outlast(who, {}));
  who.expires_at = noon;
  EXPECT_TRUE(may_outlast(who, noon));
  for (const auto& end : {std::optional<wall_time>{}, std::optional{noon + milliseconds{1}}}) {
    const auto refused = may_outlast(who, end);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().field, "expires_in_s");
    EXPECT_NE(refused.error().message.find("by " + to_rfc3339(noon)), std::string::npos);
  }
}

TEST(access, no_token_undoes_its_own_limits) {
  const auto blamed = [](const token& wanted) {
    const auto sound = check_token(wanted);
    return sound ? std::string() : sound.error().field;
  };
  token wanted;
  wanted.scopes = {scope::peers_write, scope::gateways_manage};
  wanted.max_peers = 1;
  wanted.max_ttl = seconds{1};
  EXPECT_EQ(blamed(wanted), "");
  wanted.network = *other;
  EXPECT_EQ(blamed(wanted), "scopes");
  wanted.scopes = {scope::admin};
  EXPECT_EQ(blamed(wanted), "max_peers");
  wanted.max_peers.reset();
  EXPECT_EQ(blamed(wanted), "max_ttl_s");
  wanted.max_ttl.reset();
  EXPECT_EQ(blamed(wanted), "");
}

}  // namespace
}  // namespace peerage
