// A network that the host can't have is its own trouble alone.
#include <gmock/gmock.h>

#include "agent/fixture.h"
#include "testing/fake_wall.h"

namespace peerage {
namespace {

using ::testing::HasSubstr;

struct hosted_agent : agent_test {
  hosted_agent() { apart = &wall; }

  change_result put_in(const network& where, const peer& one) {
    apply_request request{"r", epoch{"fake-epoch"}, store_peer(one), {}};
    request.changes.push_back(put_peer_change{assignment_of(one, where.ipv4)});
    return run_on(loop, mind->apply(std::move(request))).results.at(0);
  }
  peer_report report_of(const peer& one) {
    status_request request;
    request.public_keys.push_back(one.public_key);
    return run_on(loop, mind->status(std::move(request))).reports.at(0);
  }
  network make(const char* called, const char* ipv6, const char* ipv4) {
    network made = sample_network(called, ipv6);
    made.ipv4 = prefix::parse(ipv4).value();
    commit(put{made, absent{}});
    return made;
  }

  fakes::fake_wall wall;
  const network acme = sample_network("acme");
};

TEST_F(hosted_agent, carries_the_others_where_the_host_has_one_itself) {
  interface.of_host = {prefix::parse("192.168.7.0/24").value()};
  start();
  const network lan = make("lan", "fd00:77::/48", "192.168.0.0/16");
  const peer inside = sample_peer("lan", "a", 2);
  const change_result refused = put_in(lan, inside);
  EXPECT_EQ(refused.state, change_state::refused);
  EXPECT_THAT(
      refused.reason,
      HasSubstr("can't carry network lan: its host has or needs itself a part of 192.168.0.0/16"));
  const peer other = sample_peer("acme", "a", 1);
  EXPECT_EQ(put_in(acme, other).state, change_state::live);
  pass(seconds{31});
  EXPECT_FALSE(report_of(inside).live);
  EXPECT_THAT(report_of(inside).reason, HasSubstr("can't carry network lan"));
  EXPECT_TRUE(report_of(other).live);
  EXPECT_EQ(mind->left_out(), 1U);
  EXPECT_THAT(mind->how().troubles, ::testing::Contains(HasSubstr("network lan")));
  EXPECT_EQ(interface.plan.routes.size(), 2U) << "those of acme";
  EXPECT_EQ(wall.plan.tenants.size(), 1U) << "its peers are not let through to the host's LAN";
}

TEST_F(hosted_agent, does_not_carry_one_whose_unreachable_part_is_the_hosts_own) {
  const peer inside = sample_peer("lan", "a", 2);
  std::array<std::uint8_t, 16> share{};
  std::ranges::copy(inside.ipv6.bytes(), share.begin());
  share[7] ^= 0x40;  // another gateway's
  interface.of_host = {prefix::of(ip_address::v6(share), 64)};
  start();
  const network lan = make("lan", "fd00:77::/48", "10.77.0.0/16");
  const change_result refused = put_in(lan, inside);
  EXPECT_EQ(refused.state, change_state::refused);
  EXPECT_THAT(refused.reason, HasSubstr("a part of " + prefix::of(inside.ipv6, 48).text()));
  pass(seconds{31});
  EXPECT_TRUE(interface.plan.unreachable.empty());
  EXPECT_TRUE(wall.plan.tenants.empty());
}

TEST_F(hosted_agent, a_network_is_carried_once_the_host_is_rid_of_it) {
  interface.of_host = {*acme.ipv4};
  start();
  const peer one = sample_peer("acme", "a", 1);
  EXPECT_EQ(put_in(acme, one).state, change_state::refused);
  interface.of_host.clear();
  pass(seconds{31});
  EXPECT_TRUE(report_of(one).live);
  EXPECT_EQ(report_of(one).reason, "");
  EXPECT_EQ(mind->left_out(), 0U);
  EXPECT_EQ(wall.plan.tenants.size(), 1U);
  // And no longer, where the host has it again.
  interface.of_host = {*acme.ipv4};
  pass(seconds{31});
  EXPECT_FALSE(report_of(one).live);
  EXPECT_TRUE(interface.plan.routes.empty());
}

TEST_F(hosted_agent, what_the_kernel_refuses_of_one_network_is_no_trouble_of_another) {
  interface.refused = {*acme.ipv4};
  start();
  const network other = make("other", "fd00:77::/48", "10.77.0.0/16");
  const peer one = sample_peer("acme", "a", 1), two = sample_peer("other", "a", 2);
  EXPECT_THAT(put_in(acme, one).reason, HasSubstr("can't carry network acme"));
  EXPECT_EQ(put_in(other, two).state, change_state::live);
  EXPECT_EQ(wall.plan.tenants.size(), 1U);
}

TEST_F(hosted_agent, what_of_a_network_is_elsewhere_is_unreachable) {
  start();
  EXPECT_EQ(put_in(acme, sample_peer("acme", "a", 1)).state, change_state::live);
  EXPECT_EQ(interface.plan.unreachable, std::vector{acme.ipv6});
}

}  // namespace
}  // namespace peerage
