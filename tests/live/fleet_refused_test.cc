// Processes whose credentials are another's: what --check, a start and the running daemon say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/live/locked_fleet.h"

namespace peerage::live {
namespace {

using testing::HasSubstr;
using testing::Not;

struct refused_fleet : locked_fleet, testing::Test {
  /// With the nkey of somebody else.
  node_options options_with_nkey_of(const std::string& who, const std::string& other) {
    node_options wrong = options_of(who);
    const std::string own = nkey_file(who);
    const auto at = wrong.bus_lines.find(own);
    wrong.bus_lines.replace(at, own.size(), nkey_file(other));
    return wrong;
  }
  static finished check(const fleet_node& node) {
    return run(
        {.words = {binary("peeraged"), "--config", node.folder() + "/peeraged.toml", "--check"},
         .environment = {},
         .network = {}});
  }
};

TEST_F(refused_fleet, a_check_names_the_subjects_that_nats_refuses) {
  const fleet_node& gateway =
      all.add_gateway("gw-fra-1", "fra", options_with_nkey_of("gw-fra-1", "gw-iad-1"));
  const finished looked = check(gateway);
  EXPECT_EQ(looked.status, 1) << looked.out;
  EXPECT_THAT(looked.out, HasSubstr("FAILED   bus "));
  EXPECT_THAT(looked.out, HasSubstr("peerage.v1.gateway.gw-fra-1.apply"));
  const finished api = check(all.add_api(options_with_nkey_of("api", "gw-iad-1")));
  EXPECT_EQ(api.status, 1) << api.out;
  EXPECT_THAT(api.out, HasSubstr("peerage.v1.gateway.*.heartbeat"));
}

TEST_F(refused_fleet, a_gateway_with_anothers_nkey_says_so_and_does_not_reconnect) {
  all.add_api(options_of("api")).start();
  gateway_node& gateway =
      all.add_gateway("gw-fra-1", "fra", options_with_nkey_of("gw-fra-1", "gw-iad-1"));
  gateway.start();
  gateway.running().await_log("NATS refuses what this process needs");
  const auto ready = [&] { return ask(gateway.admin_url(), "GET", "/readyz").body; };
  EXPECT_TRUE(eventually(5s, [&] { return ready().contains("gw-fra-1.apply"); })) << ready();
  EXPECT_THAT(ready(), HasSubstr("\"degraded\""));
  EXPECT_THAT(ready(), HasSubstr("bus: NATS does not permit"));
  // It is right again: with its own key, once the server is told, or the file is.
  std::filesystem::copy_file(nkey_file("gw-fra-1"), nkey_file("gw-iad-1"),
                             std::filesystem::copy_options::overwrite_existing);
  all.await_live(0, 1);
  EXPECT_TRUE(eventually(15s, [&] { return ready().contains("\"ok\""); })) << ready();
  EXPECT_THAT(gateway.running().log(), Not(HasSubstr("the connection was lost")));
}

TEST_F(refused_fleet, an_api_process_with_a_gateways_nkey_says_so) {
  api_node& api = all.add_api(options_with_nkey_of("api", "gw-iad-1"));
  api.start();
  const auto ready = [&] { return ask(api.url(), "GET", "/readyz").body; };
  EXPECT_TRUE(eventually(5s, [&] { return ready().contains("gateway.*.heartbeat"); })) << ready();
}

}  // namespace
}  // namespace peerage::live
