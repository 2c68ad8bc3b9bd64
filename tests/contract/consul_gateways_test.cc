// A gateway's record that can't be read, in a real Consul: it costs that record alone.
#include <gtest/gtest.h>

#include "consul/keys.h"
#include "consul/store.h"
#include "control/control.h"
#include "local/system_clock.h"
#include "testing/fake_bus.h"
#include "testing/run.h"
#include "testing/samples.h"
#include "tests/contract/consul_server.h"

namespace peerage::contract {
namespace {

using fakes::run_on;
using fakes::sample_gateway;
using fakes::sample_key;

struct consul_gateways : testing::Test {
  consul_server& server = consul_server::shared();
  const std::string prefix = "gateways-test/" + std::to_string(++number()) + "/";
  const consul::key_space keys{prefix};
  asio::io_context loop;
  std::unique_ptr<clock> time = make_system_clock(loop.get_executor());
  fakes::fake_bus bus{*time};
  std::unique_ptr<store> tested;
  std::unique_ptr<control> mind;
  const principal admin{*token_id::parse("root"), {}, {scope::admin}};
  const network_name acme = *network_name::parse("acme");
  const gateway_name spoilt = *gateway_name::parse("gw-1"), good = *gateway_name::parse("gw-2");

  static int& number() {
    static int made = 0;
    return made;
  }
  void SetUp() override {
    bus.is_connected = false;  // a registration is enough
    consul_options options;
    options.address = server.url();
    options.prefix = prefix;
    options.api_id = "api-1";
    tested = open_consul_store(loop.get_executor(), *time, std::move(options)).value();
    ASSERT_TRUE(run_on(loop, tested->identity()));
    for (std::uint16_t n = 1; n <= 2; ++n) {
      transaction writes{put{sample_gateway("gw-" + std::to_string(n), n), absent{}}};
      ASSERT_TRUE(run_on(loop, tested->commit(std::move(writes))));
    }
    mind = std::make_unique<control>(loop.get_executor(), *tested, bus, *time);
    ASSERT_TRUE(run_on(loop, mind->start()));
    ASSERT_TRUE(run_on(loop, mind->create_network(admin, {acme, {}, {}, {}, {}})));
    for (std::uint32_t n = 1; n <= 2; ++n) ASSERT_TRUE(enrol(n, spoilt));
    server.ask("PUT", "/v1/kv/" + keys.of(spoilt), "", "{\"nonsense\": [");
  }
  void TearDown() override {
    run_on(loop, mind->stop());
    mind.reset();
    tested.reset();
  }
  static peer_name called(std::uint32_t n) { return *peer_name::parse("ci-" + std::to_string(n)); }
  result<enrolment> enrol(std::uint32_t n, const gateway_name& on) {
    enrol_request wanted;
    wanted.name = called(n);
    wanted.public_key = sample_key(n);
    wanted.gateway = {true, on};
    wanted.wait = milliseconds{0};
    return run_on(loop, mind->enrol(admin, acme, wanted));
  }
  result<enrolment> change(std::uint32_t n, enrol_request wanted) {
    wanted.wait = milliseconds{0};
    return run_on(loop, mind->put(admin, peer_id{acme, called(n)}, std::move(wanted)));
  }
};

TEST_F(consul_gateways, a_spoilt_record_costs_that_record_alone) {
  const auto all = run_on(loop, mind->list_gateways());
  ASSERT_TRUE(all);
  ASSERT_EQ(all->size(), 2U);
  EXPECT_NE(all->front().trouble, "");
  EXPECT_EQ(all->front().what.endpoint, sample_gateway("gw-1").endpoint) << "as it was accepted";
  EXPECT_NE(all->front().trouble, all->back().trouble) << "nobody is heard here";
  EXPECT_TRUE(enrol(3, good));
  EXPECT_EQ(enrol(4, spoilt).error().code, errc::unavailable);
  EXPECT_TRUE(run_on(loop, mind->list_peers(admin, acme, "", 100, {})));

  // Its peers can be renewed, moved and removed, and then it can be.
  enrol_request renew;
  renew.ttl = {true, seconds{3'600}};
  const auto renewed = change(1, renew);
  EXPECT_TRUE(renewed) << renewed.error().message;
  EXPECT_EQ(run_on(loop, mind->remove_gateway(spoilt)).error().code, errc::conflict);
  enrol_request away;
  away.gateway = {true, good};
  const auto moved = change(1, away);
  ASSERT_TRUE(moved) << moved.error().message;
  EXPECT_EQ(moved->view.gateway.name, good);
  EXPECT_TRUE(run_on(loop, mind->remove_peer(admin, {acme, called(2)}, milliseconds{0})));
  const auto gone = run_on(loop, mind->remove_gateway(spoilt));
  EXPECT_TRUE(gone) << gone.error().message;
  EXPECT_EQ(server.ask("GET", "/v1/kv/" + keys.of(spoilt), "").status, 404);
  EXPECT_EQ(run_on(loop, mind->list_gateways())->size(), 1U);
}

}  // namespace
}  // namespace peerage::contract
