// A snapshot of Consul is restored while no API process runs, and its index grows on.
#include <gtest/gtest.h>

#include "tests/live/fleet.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

const std::string peers = "/v1/networks/acme/peers";

std::string epoch_in(const fleet& all) {
  return ask(all.consul.url(), "GET", "/v1/kv/peerage/v1/epoch?raw&consistent").body;
}

TEST(fleet_restored, while_no_api_process_ran_is_seen_by_the_next_that_starts) {
  fleet all;
  api_node& api = all.add_api();
  api.start();
  gateway_node& gateway = all.add_gateway("gw-1", "fra");
  gateway.settle();
  all.await_live(0, 1);
  all.call().make_network("acme");
  const auto create = [&](const std::string& name, const std::string& key) {
    return all.call().call("POST", peers, json::object{{"name", name}, {"public_key", key}}).status;
  };
  ASSERT_EQ(create("kept", new_public_key()), 201);
  const std::string before = ask(all.consul.url(), "GET", "/v1/snapshot").body;
  const std::string key = new_public_key();
  ASSERT_EQ(create("lost", key), 201);
  const std::string born = epoch_in(all);
  ASSERT_EQ(api.stop(), 0);

  all.consul.tell("/v1/snapshot", before);
  // The index of the store is higher than ever before anybody has looked at it.
  for (int i = 0; i < 50; ++i) all.consul.put("unknown/else", std::to_string(i));
  api.start();
  EXPECT_TRUE(eventually(20s, [&] { return epoch_in(all) != born; })) << api.running().log();
  int n = 0;
  EXPECT_TRUE(eventually(20s, [&] {
    return create("next-" + std::to_string(++n), new_public_key()) == 201;
  })) << gateway.running().log();
  EXPECT_TRUE(gateway.has(key)) << "it is held until an operator says otherwise";
  const std::string now = epoch_in(all);
  ASSERT_EQ(api.stop(), 0);
  api.start();
  all.await_live(0, 1);
  EXPECT_EQ(epoch_in(all), now) << "once";
}

}  // namespace
}  // namespace peerage::live
