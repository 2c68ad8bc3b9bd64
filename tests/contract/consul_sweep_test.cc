// Keys in Consul that disagree with the peers' records: found, and repaired where it is certain.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/registration.h"
#include "base/base64.h"
#include "consul/keys.h"
#include "consul/rings.h"
#include "consul/store.h"
#include "local/system_clock.h"
#include "testing/run.h"
#include "testing/samples.h"
#include "tests/conformance/raw_keys.h"
#include "tests/contract/consul_server.h"

namespace peerage::contract {
namespace {

using fakes::run_on;
using fakes::sample_gateway;
using fakes::sample_key;
using fakes::sample_network;
using fakes::sample_peer;
using testing::Contains;
using testing::HasSubstr;

struct consul_sweep : testing::Test {
  consul_server& server = consul_server::shared();
  const std::string prefix = "sweep/" + std::to_string(++number()) + "/";
  const consul::key_space keys{prefix};
  asio::io_context loop;
  std::unique_ptr<clock> time = make_system_clock(loop.get_executor());
  std::unique_ptr<store> tested;

  static int& number() {
    static int made = 0;
    return made;
  }
  void SetUp() override {
    consul_options options;
    options.address = server.url();
    options.prefix = prefix;
    options.api_id = "api-1";
    tested = open_consul_store(loop.get_executor(), *time, std::move(options)).value();
    ASSERT_TRUE(run_on(loop, tested->identity()));
    add(sample_network("acme"));
    add(sample_gateway("gw-1"));
    for (std::uint32_t n = 1; n <= 20; ++n) {
      peer one = sample_peer("acme", "p" + std::to_string(n), n);
      one.ipv4 = ip_address::v4(0x0a090000U + n);
      if (n % 2 == 0) one.expires_at = one.created_at + seconds{60 * n};
      if (n % 3 == 0) one.quota = 10;
      add(one);
    }
    ASSERT_EQ(wrong(), "");
  }
  void TearDown() override { tested.reset(); }
  void add(record value) {
    transaction writes{put{std::move(value), absent{}}};
    ASSERT_TRUE(run_on(loop, tested->commit(std::move(writes))));
  }
  sweep_report sweep(bool repair) { return run_on(loop, tested->sweep(repair)).value(); }
  void write_raw(const std::string& key, const std::string& value) const {
    server.ask("PUT", "/v1/kv/" + key, "", value);
  }
  void delete_raw(const std::string& key) const { server.ask("DELETE", "/v1/kv/" + key, ""); }
  std::string read_raw(const std::string& key) const {
    return server.ask("GET", "/v1/kv/" + key, "raw").body;
  }
  /// What another pair of eyes finds.
  std::string wrong() const {
    const auto answer = server.ask("GET", "/v1/kv/" + prefix, "recurse&consistent");
    std::string made;
    const auto all = conformance::disagreements(consul::read_entries(answer.body).value(), prefix);
    for (const auto& each : all) made += each + "\n";
    return made;
  }
};

TEST_F(consul_sweep, a_store_in_order_is_left_as_it_is) {
  const sweep_report found = sweep(true);
  EXPECT_EQ(found.records, 20U);
  EXPECT_EQ(found.wrong, 0U);
}

TEST_F(consul_sweep, what_disagrees_is_found_and_repaired) {
  const gateway_name on = *gateway_name::parse("gw-1");
  const peer third = sample_peer("acme", "p3", 3), fourth = sample_peer("acme", "p4", 4);
  delete_raw(keys.at(on, sample_key(1)));                                        // missing
  delete_raw(keys.address(sample_peer("acme", "p2", 2).ipv6));                   // missing
  delete_raw(keys.placed(on, third.id));                                         // missing
  write_raw(keys.at(on, sample_key(77)), read_raw(keys.at(on, sample_key(5))));  // unreadable
  write_raw(keys.address(ip_address::v4(0x0a0900c8U)), "acme/p6");               // surplus
  write_raw(keys.address(ip_address::v4(0x0a0900c9U)), "acme/long-gone");        // surplus
  write_raw(keys.expiry(fourth.created_at + seconds{999}, fourth.id), "");       // surplus
  write_raw(keys.placed(*gateway_name::parse("gw-9"), fourth.id), "");           // surplus
  write_raw(keys.quota("t1"), "9");                                              // 6 are right
  ASSERT_NE(wrong(), "");
  const std::string broken = wrong();
  const sweep_report looked = sweep(false);
  EXPECT_EQ(wrong(), broken) << "a look changes nothing";
  EXPECT_GE(looked.wrong, 8U);
  EXPECT_EQ(looked.repaired, 0U);
  EXPECT_THAT(looked.examples, Contains(HasSubstr("/quotas/t1: it says 9")));

  const sweep_report repaired = sweep(true);
  EXPECT_EQ(repaired.wrong, looked.wrong);
  EXPECT_EQ(repaired.repaired, looked.wrong);
  EXPECT_EQ(wrong(), "");
  EXPECT_EQ(sweep(true).wrong, 0U);
  // The gateway is told of the assignment that came back.
  const auto log = consul::read_ring(read_raw(keys.ring("gw-1", "api-1")));
  ASSERT_TRUE(log);
  EXPECT_THAT(log->changes, Contains(sample_key(1).text()));
}

TEST_F(consul_sweep, two_owners_of_one_address_are_left_to_an_operator) {
  // What a removal that came second made: p1's address is free for p21, and p1 is still there.
  const std::string address = keys.address(ip_address::v4(0x0a090001U));
  delete_raw(address);
  peer late = sample_peer("acme", "p21", 21);
  late.ipv4 = ip_address::v4(0x0a090001U);
  add(late);
  const sweep_report found = sweep(true);
  EXPECT_EQ(found.wrong, 1U);
  EXPECT_EQ(found.repaired, 0U);
  EXPECT_THAT(found.examples, Contains(HasSubstr("two peers")));
  EXPECT_EQ(read_raw(address), "acme/p21");
}

// A gateway's own token may write there.
TEST_F(consul_sweep, numbers_that_somebody_spoilt_keep_no_gateway_from_registering) {
  for (std::uint16_t n = 2; n < 40; ++n) write_raw(keys.number(n), "nobody");
  const auto made = run_on(loop, register_gateway(*tested, *time, sample_gateway("gw-2", 0)));
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->value.number, 40);
}

}  // namespace
}  // namespace peerage::contract
