// Credentials for Consul that are replaced while an API process and a gateway run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>

#include "json/json.h"
#include "tests/live/locked_fleet.h"

namespace peerage::live {
namespace {

using testing::HasSubstr;
using testing::Not;

struct reloaded : locked_fleet, testing::Test {
  std::string token_of(const std::string& who) const {
    std::string token = text_of_file(token_file(who));
    return token.substr(0, token.find('\n'));
  }
  /// Another token with the same policy, in the same file.
  void replace_token(const std::string& who) const {
    const json::object wish{{"Policies", json::array{json::object{{"Name", who}}}}};
    const auto said = json::parse(all.consul.tell("/v1/acl/token", json::serialize(wish)), 16);
    std::ofstream(token_file(who)) << std::string(said.value().at("SecretID").as_string()) << "\n";
  }
  void revoke(const std::string& token) const {
    const auto self = ask(all.consul.url(), "GET", "/v1/acl/token/self?token=" + token);
    const std::string id(json::parse(self.body, 16).value().at("AccessorID").as_string());
    ASSERT_EQ(
        ask(all.consul.url(), "DELETE", "/v1/acl/token/" + id + "?token=" + std::string(master))
            .status,
        200);
  }
};

TEST_F(reloaded, a_token_for_consul_counts_from_the_next_call) {
  api_node& api = all.add_api(options_of("api"));
  api.start();
  all.add_gateway("gw-fra-1", "fra", options_of("gw-fra-1")).settle();
  all.await_live(0, 1);
  all.call().make_network("acme");

  // What is no token keeps the old one, and the log does not repeat it.
  const std::string first = token_of("api");
  std::ofstream(token_file("api")) << "a SECRET in two words\n";
  api.running().signal(SIGHUP);
  api.running().await_log("what can't be read stays as it was");
  EXPECT_THAT(api.running().log(), Not(HasSubstr("SECRET")));
  EXPECT_EQ(all.call().enrol("acme", "ci-1", new_public_key()).status, 201);

  replace_token("api");
  api.running().signal(SIGHUP);
  api.running().await_log("credentials for Consul reloaded");
  revoke(first);
  EXPECT_EQ(all.call().enrol("acme", "ci-2", new_public_key()).status, 201);
  EXPECT_THAT(api.running().log(), Not(HasSubstr(token_of("api"))));

  // The same of a gateway, which would else no longer hear of what is enrolled.
  gateway_node& gateway = all.gateway(0);
  const std::string second = token_of("gw-fra-1");
  replace_token("gw-fra-1");
  gateway.running().signal(SIGHUP);
  gateway.running().await_log("credentials for Consul reloaded");
  revoke(second);
  const std::string key = new_public_key();
  EXPECT_EQ(all.call().enrol("acme", "ci-3", key).status, 201);
  EXPECT_TRUE(gateway.has(key));
  expect_gateway_is_store(all, gateway);
}

}  // namespace
}  // namespace peerage::live
