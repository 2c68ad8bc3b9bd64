// The wall between networks: no peer is live before its network is behind it.
#include "agent/fixture.h"
#include "testing/fake_wall.h"

namespace peerage {
namespace {

struct walled_agent : agent_test {
  walled_agent() { apart = &wall; }
  fakes::fake_wall wall;
};

TEST_F(walled_agent, live_implies_the_firewall_entry) {
  start();
  const peer one = sample_peer("acme", "a", 1);
  wall.refuse = true;
  EXPECT_EQ(put_peer(one, store_peer(one)), change_state::refused);
  EXPECT_FALSE(tunnel.has(one.public_key));
  wall.refuse = false;
  EXPECT_EQ(put_peer(one, revision{1'000}), change_state::live);
  ASSERT_EQ(wall.plan.tenants.size(), 1U);
  const tenant& acme = wall.plan.tenants[0];
  EXPECT_EQ(acme.whole, sample_network("acme").ipv6);
  EXPECT_EQ(acme.own.length(), 64U);
  EXPECT_TRUE(acme.whole.contains(acme.own));
  EXPECT_TRUE(acme.own.contains(acme.gateway));
  EXPECT_EQ(acme.ipv4, sample_network("acme").ipv4);
  EXPECT_TRUE(acme.routes.empty()) << "its own prefix is no route";
}

TEST_F(walled_agent, a_network_brings_the_routes_that_it_was_given) {
  network wide = sample_network("wide", "fd00:77::/48");
  wide.ipv4.reset();
  wide.allowed_ips.push_back(prefix::parse("::/0").value());
  commit(put{wide, absent{}});
  start();
  const peer one = sample_peer("wide", "a", 1);
  apply_request request{"r", epoch{"fake-epoch"}, store_peer(one), {}};
  request.changes.push_back(put_peer_change{assignment_of(one, {}, routes_of(wide))});
  (void)run_on(loop, mind->apply(std::move(request)));
  ASSERT_EQ(wall.plan.tenants.size(), 1U);
  EXPECT_EQ(wall.plan.tenants[0].routes, std::vector{prefix::parse("::/0").value()});
}

TEST_F(walled_agent, one_that_somebody_tore_down_is_built_again_and_a_network_that_went_is_out) {
  start();
  const peer one = sample_peer("acme", "a", 1);
  EXPECT_EQ(put_peer(one, store_peer(one)), change_state::live);
  wall.fallen = true;
  pass(seconds{31});
  EXPECT_FALSE(wall.fallen);
  EXPECT_EQ(wall.plan.tenants.size(), 1U);
  remove(one, commit(removal{one.id, anything{}}));
  pass(seconds{31});
  EXPECT_TRUE(wall.plan.tenants.empty());
}

}  // namespace
}  // namespace peerage
