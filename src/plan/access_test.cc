#include "plan/access.h"

#include <gtest/gtest.h>

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

TEST(access, admin_may_everything_and_nobody_else_manages) {
  for (const action what : {action::manage_networks, action::read_gateways, action::manage_gateways,
                            action::manage_tokens}) {
    EXPECT_TRUE(allows(with(scope::admin), what));
    for (const scope one : {scope::peers_read, scope::peers_write, scope::peers_manage})
      EXPECT_FALSE(allows(with(one), what));
  }
}

TEST(access, a_scope_allows_its_own_calls) {
  EXPECT_TRUE(allows(with(scope::peers_read), action::read_peers));
  EXPECT_FALSE(allows(with(scope::peers_read), action::make_peers));
  EXPECT_FALSE(allows(with(scope::peers_read), action::change_peers));
  EXPECT_TRUE(allows(with(scope::peers_write), action::make_peers));
  EXPECT_TRUE(allows(with(scope::peers_manage), action::change_peers));
  EXPECT_FALSE(allows({}, action::read_networks));
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
  const auto other = network_name::parse("other");
  EXPECT_FALSE(sees(with(scope::admin, *other), *network_name::parse("acme")));
  EXPECT_FALSE(may_touch(with(scope::admin, *other), made_by("me"), action::read_peers));
  EXPECT_TRUE(sees(with(scope::admin, *other), *other));
  EXPECT_TRUE(may_touch(with(scope::admin), made_by("you"), action::change_peers));
  EXPECT_TRUE(sees(with(scope::admin), *network_name::parse("acme")));
  EXPECT_FALSE(allows(with(scope::admin, *other), action::manage_gateways));
  EXPECT_TRUE(allows(with(scope::admin, *other), action::manage_tokens));
}

}  // namespace
}  // namespace peerage
