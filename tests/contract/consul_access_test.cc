// Consul over TLS, and with access lists: what the config's files are for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <fstream>
#include <sstream>

#include "base/base64.h"
#include "consul/roster.h"
#include "consul/store.h"
#include "json/json.h"
#include "local/system_clock.h"
#include "testing/run.h"
#include "testing/samples.h"
#include "tests/certificates.h"
#include "tests/contract/consul_server.h"

namespace peerage::contract {
namespace {

using fakes::run_on;
using fakes::sample_network;
using testing::HasSubstr;
using testing_tools::certificates;

std::uint16_t free_port() {
  using asio::ip::tcp;
  asio::io_context loop;
  const tcp::acceptor held(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  return held.local_endpoint().port();
}

struct consul_access : testing::Test {
  asio::io_context loop;
  std::unique_ptr<clock> time = make_system_clock(loop.get_executor());

  /// What a first read says: "" for success.
  std::string look(consul_options options) {
    options.api_id = "api-1";
    auto opened = open_consul_store(loop.get_executor(), *time, std::move(options));
    if (!opened) return opened.error().message;
    const auto id = run_on(loop, (*opened)->identity());
    return id ? "" : id.error().message;
  }
};

TEST_F(consul_access, over_tls_both_sides_show_who_they_are) {
  const certificates made;
  const auto config = [&](std::uint16_t port, const std::string& name) {
    json::object all{{"ports", json::object{{"https", port}}},
                     {"ca_file", made.file("ca.pem")},
                     {"cert_file", made.file(name + ".pem")},
                     {"key_file", made.file(name + ".key")},
                     {"verify_incoming_https", true}};
    return json::serialize(all);
  };
  const std::uint16_t port = free_port();
  const consul_server server(config(port, "server"));
  consul_options good;
  good.address = "https://127.0.0.1:" + std::to_string(port);
  good.ca_file = made.file("ca.pem");
  good.cert_file = made.file("client.pem");
  good.key_file = made.file("client.key");
  EXPECT_EQ(look(good), "");

  consul_options nobody = good;
  nobody.cert_file = nobody.key_file = "";
  EXPECT_NE(look(nobody), "") << "the server wants to see a certificate";
  consul_options deceived = good;
  deceived.ca_file = made.file("other.pem");
  const auto refusal = [](std::uint16_t at, const std::string& host) {
    return "TLS with Consul at " + host + ":" + std::to_string(at) + ": its certificate ";
  };
  EXPECT_THAT(look(deceived),
              HasSubstr(refusal(port, "127.0.0.1") + "is signed by an unknown authority"));
  consul_options by_name = good;
  by_name.address = "https://localhost:" + std::to_string(port);
  EXPECT_THAT(look(by_name),
              HasSubstr(refusal(port, "localhost") + "is not for the name localhost;"));
  consul_options missing = good;
  missing.ca_file = made.file("none.pem");
  EXPECT_THAT(look(missing), HasSubstr("none.pem can't be used for TLS"));
  consul_options plain = good;
  plain.address = "http://127.0.0.1:" + std::to_string(port);
  EXPECT_NE(look(plain), "");

  const std::uint16_t other = free_port();
  const consul_server impostor(config(other, "stranger"));
  consul_options wrong = good;
  wrong.address = "https://127.0.0.1:" + std::to_string(other);
  EXPECT_THAT(look(wrong),
              HasSubstr(refusal(other, "127.0.0.1") + "is not for the name 127.0.0.1;"));

  const std::uint16_t last = free_port();
  const consul_server old(config(last, "expired"));
  consul_options late = good;
  late.address = "https://127.0.0.1:" + std::to_string(last);
  EXPECT_THAT(look(late), HasSubstr(refusal(last, "127.0.0.1") + "has expired;"));
}

TEST_F(consul_access, a_token_opens_the_keys_that_its_policy_names) {
  const consul_server server(R"({"acl": {"enabled": true, "default_policy": "deny",
                                         "tokens": {"master": "root-token"}}})");
  const auto as_root = [&](const std::string& path, const std::string& body) {
    const auto said = server.ask("PUT", path, "token=root-token", body);
    EXPECT_EQ(said.status, 200) << said.body;
    return said.body;
  };
  as_root("/v1/acl/policy",
          R"({"Name": "peerage", "Rules": "key_prefix \"peerage/v1/\" { policy = \"write\" }"})");
  const auto token =
      json::parse(as_root("/v1/acl/token", R"({"Policies": [{"Name": "peerage"}]})"), 16);
  ASSERT_TRUE(token);
  consul_options options;
  options.address = server.url();
  EXPECT_THAT(look(options), HasSubstr("token")) << "without one it says what is missing";
  options.token = secret_text("wrong-token");
  EXPECT_NE(look(options), "");
  options.token = secret_text(std::string(token->at("SecretID").as_string()));
  EXPECT_EQ(look(options), "");
  options.prefix = "elsewhere/";
  EXPECT_THAT(look(options), HasSubstr("token"));
}

/// packaging/consul/, on a Consul that refuses what no policy allows.
struct packaged_policies : consul_access {
  consul_server server{R"({"acl": {"enabled": true, "default_policy": "deny",
                                   "tokens": {"master": "root-token"}}})"};

  /// A token with the policy of that file and nothing else.
  std::string token_of(const std::string& file) {
    return token_with(file.substr(0, file.find('.')), rules_in(file));
  }
  static std::string rules_in(const std::string& file) {
    std::ifstream in(PEERAGE_SOURCE_DIR "/packaging/consul/" + file);
    std::stringstream rules;
    rules << in.rdbuf();
    EXPECT_FALSE(rules.str().empty());
    return rules.str();
  }
  std::string token_with(const std::string& name, const std::string& rules) {
    const json::object policy{{"Name", name}, {"Rules", rules}};
    as_root("/v1/acl/policy", json::serialize(policy));
    const json::object wish{{"Policies", json::array{json::object{{"Name", name}}}}};
    const auto made = json::parse(as_root("/v1/acl/token", json::serialize(wish)), 16);
    return std::string(made.value().at("SecretID").as_string());
  }
  std::string as_root(const std::string& path, const std::string& body) const {
    const auto said = server.ask("PUT", path, "token=root-token", body);
    EXPECT_EQ(said.status, 200) << said.body;
    return said.body;
  }
  consul_options options_of(const std::string& token, const std::string& id) const {
    consul_options made;
    made.address = server.url();
    made.api_id = id;
    made.token = secret_text(token);
    return made;
  }
  int status(const std::string& method, const std::string& key, const std::string& token) const {
    return server
        .ask(method, "/v1/kv/peerage/v1/" + key, "token=" + token, method == "PUT" ? "x" : "")
        .status;
  }
};

TEST_F(packaged_policies, a_policy_that_hides_a_gateways_peers_is_no_reason_to_remove_them) {
  const std::string agents = token_of("agent.hcl");
  const auto api =
      open_consul_store(loop.get_executor(), *time, options_of(token_of("api.hcl"), "api-1"))
          .value();
  const auto agent =
      open_consul_store(loop.get_executor(), *time, options_of(agents, "agent-1")).value();
  const auto commit = [&](write what) {
    transaction writes;
    writes.push_back(std::move(what));
    return run_on(loop, api->commit(std::move(writes)));
  };
  ASSERT_TRUE(run_on(loop, api->identity()));
  const gateway mine = fakes::sample_gateway("gw-fra-1", 1);
  ASSERT_TRUE(commit(put{fakes::sample_network("acme"), absent{}}));
  ASSERT_TRUE(commit(put{mine, absent{}}));
  claimant who{"instance", "start", "here"};
  ASSERT_TRUE(run_on(loop, agent->claim(mine.name, who)));
  peer one = fakes::sample_peer("acme", "one", 1), two = fakes::sample_peer("acme", "two", 2);
  one.gateway = two.gateway = mine.name;
  ASSERT_TRUE(commit(put{one, absent{}}));
  const auto before = run_on(loop, agent->follow(mine.name, {}, seconds{0}));
  ASSERT_TRUE(before);
  ASSERT_EQ(before->what.peers.size(), 1U);

  const auto policies = json::parse(server.ask("GET", "/v1/acl/policies", "token=root-token").body);
  std::string id;
  const std::string rules = rules_in("agent.hcl");
  for (const auto& each : policies->as_array()) {
    if (each.at("Name").as_string() == "agent") id = each.at("ID").as_string().c_str();
  }
  const auto write_policy = [&](const std::string& typed) {
    const json::object policy{{"ID", id}, {"Name", "agent"}, {"Rules", typed}};
    as_root("/v1/acl/policy/" + id, json::serialize(policy));
  };
  std::string typo = rules;
  const auto at = typo.find("/at/gw");
  ASSERT_NE(at, std::string::npos);
  typo.replace(at, 6, "/at/qw");
  write_policy(typo);
  ASSERT_TRUE(commit(put{two, absent{}}));
  // The server remembers a policy for a while.
  const auto until = std::chrono::steady_clock::now() + seconds{60};
  result<assigned> asked;
  do {
    asked = run_on(loop, agent->assignments(mine.name, {one.public_key}));
  } while (asked && std::chrono::steady_clock::now() < until);
  ASSERT_FALSE(asked) << "it is there, and must not be called gone";
  EXPECT_EQ(asked.error().code, errc::denied);
  const auto changes = run_on(loop, agent->follow(mine.name, before->position, seconds{0}));
  EXPECT_FALSE(changes) << "a change that can't be seen is no removal";
  const auto whole = run_on(loop, agent->follow(mine.name, {}, seconds{0}));
  ASSERT_FALSE(whole) << "an empty list is no answer";
  EXPECT_EQ(whole.error().code, errc::denied);

  write_policy(rules);
  result<followed> after;
  do {
    after = run_on(loop, agent->follow(mine.name, {}, seconds{0}));
  } while (!after && std::chrono::steady_clock::now() < until);
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->what.peers.size(), 2U);
}

TEST_F(packaged_policies, what_an_apis_policy_hides_is_no_empty_list_and_nobodys_absence) {
  const auto open = [&](const std::string& token, const std::string& id) {
    return open_consul_store(loop.get_executor(), *time, options_of(token, id)).value();
  };
  const auto commit = [&](store& by, write what) {
    transaction writes;
    writes.push_back(std::move(what));
    return run_on(loop, by.commit(std::move(writes)));
  };
  const auto api = open(token_of("api.hcl"), "api-1");
  ASSERT_TRUE(run_on(loop, api->identity()));
  const peer one = fakes::sample_peer("acme", "one", 1);
  ASSERT_TRUE(commit(*api, put{fakes::sample_network("acme"), absent{}}));
  ASSERT_TRUE(commit(*api, put{fakes::sample_gateway("gw-1"), absent{}}));
  ASSERT_TRUE(commit(*api, put{one, absent{}}));

  struct hidden {
    std::string folder;
    listing what;
    std::optional<record_key> removed;  // what can't be, while this is hidden
  };
  const network_name acme = one.id.network;
  const gateway_name gw_1 = one.gateway;
  const std::array all{hidden{"peers/", peers_of_network{acme}, acme},
                       hidden{"peers/acme/", peers_of_network{acme}, acme},
                       hidden{"placed/", peers_on_gateway{gw_1}, gw_1},
                       hidden{"networks/", all_networks{}, acme},
                       hidden{"gateways/", all_gateways{}, gw_1},
                       hidden{"tokens/", all_tokens{}, {}}};
  for (const hidden& each : all) {
    const std::string name = "blind-" + std::to_string(&each - all.data());
    const std::string rules = rules_in("api.hcl") + "key_prefix \"peerage/v1/" + each.folder +
                              "\" { policy = \"deny\" }\n";
    const auto blind = open(token_with(name, rules), name);
    page_query wanted{each.what, {}, 100};
    const auto listed = run_on(loop, blind->list(std::move(wanted)));
    ASSERT_FALSE(listed) << each.folder << " hidden is listed as empty";
    EXPECT_EQ(listed.error().code, errc::denied) << each.folder;
    if (!each.removed) continue;
    const auto removed = commit(*blind, removal{*each.removed, present{}});
    ASSERT_FALSE(removed) << each.folder << " hidden: removed with its peer";
    EXPECT_EQ(removed.error().code, errc::denied) << each.folder;
  }
  const auto still = run_on(loop, api->get(one.id));
  ASSERT_TRUE(still);
  EXPECT_TRUE(*still);
  EXPECT_TRUE(run_on(loop, api->get(acme)).value());
  EXPECT_TRUE(run_on(loop, api->get(gw_1)).value());
}

TEST_F(packaged_policies, an_agents_token_does_what_an_agent_does_and_no_more) {
  const std::string agents = token_of("agent.hcl");
  const std::string apis = token_of("api.hcl");
  const auto api = open_consul_store(loop.get_executor(), *time, options_of(apis, "api-1")).value();
  const auto agent =
      open_consul_store(loop.get_executor(), *time, options_of(agents, "agent-1")).value();
  const auto commit = [&](store& by, record what) {
    transaction writes;
    writes.push_back(put{std::move(what), anything{}});
    return run_on(loop, by.commit(std::move(writes)));
  };
  ASSERT_TRUE(run_on(loop, api->identity()));
  gateway mine = fakes::sample_gateway("gw-fra-1", 1), other = fakes::sample_gateway("gw-iad-1", 2);
  ASSERT_TRUE(commit(*api, fakes::sample_network("acme")));
  ASSERT_TRUE(commit(*api, other));
  // What a gateway does: claims its name, registers, makes its key known, follows.
  claimant who{"instance", "start", "here"};
  ASSERT_TRUE(run_on(loop, agent->claim(mine.name, who)));
  const auto registered = commit(*agent, mine);
  ASSERT_TRUE(registered) << registered.error().message;
  const auto roster =
      open_consul_roster(loop.get_executor(), *time, options_of(agents, "agent-1")).value();
  party self{party_kind::gateway, "gw-fra-1", fakes::sample_key(7)};
  ASSERT_TRUE(run_on(loop, roster->enter(self)));
  ASSERT_TRUE(run_on(loop, roster->follow(party_kind::api, {}, seconds{0})));
  peer one = fakes::sample_peer("acme", "one", 1);
  one.gateway = mine.name;
  ASSERT_TRUE(commit(*api, one));
  const auto followed = run_on(loop, agent->follow(mine.name, {}, seconds{0}));
  ASSERT_TRUE(followed) << followed.error().message;
  EXPECT_EQ(followed->what.peers.size(), 1U);
  ASSERT_TRUE(run_on(loop, agent->identity()));
  run_on(loop, agent->release(mine.name));

  // And what it may not.
  peer two = fakes::sample_peer("acme", "two", 2);
  two.gateway = other.name;
  ASSERT_TRUE(commit(*api, two));
  const auto foreign = run_on(loop, agent->follow(other.name, {}, seconds{0}));
  EXPECT_TRUE(!foreign || foreign->what.peers.empty()) << "Consul leaves out what may not be read";
  EXPECT_EQ(run_on(loop, agent->claim(other.name, who)).error().code, errc::denied);
  EXPECT_EQ(commit(*agent, two).error().code, errc::denied);
  EXPECT_EQ(commit(*agent, other).error().code, errc::denied);
  party forged{party_kind::api, "api-9", fakes::sample_key(8)};
  EXPECT_EQ(run_on(loop, roster->enter(forged)).error().code, errc::denied);
  const std::string at = "at/gw-iad-1/" + hex_encode(two.public_key.bytes());
  const std::string own = "at/gw-fra-1/" + hex_encode(one.public_key.bytes());
  EXPECT_EQ(status("GET", own, agents), 200);
  EXPECT_EQ(status("GET", at, apis), 200);
  for (const std::string& key :
       {at, std::string("peers/acme/one"), std::string("networks/acme"), std::string("tokens/x"),
        std::string("rings/gw-iad-1/~owner"), std::string("placed/gw-iad-1/acme/two")}) {
    EXPECT_EQ(status("GET", key, agents), 403) << key;
  }
  for (const std::string& key :
       {own, at, std::string("peers/acme/one"), std::string("peers/acme/three"),
        std::string("at/gw-fra-1/") + std::string(64, 'a'), std::string("gateways/gw-iad-1"),
        std::string("bus/apis/api-1"), std::string("bus/gateways/gw-iad-1"),
        std::string("rings/gw-iad-1/x"), std::string("rings/-/x"), std::string("epoch"),
        std::string("marks/bootstrap"), std::string("tokens/x"), std::string("addresses/x")}) {
    EXPECT_EQ(status("PUT", key, agents), 403) << key;
  }
  EXPECT_EQ(server.ask("PUT", "/v1/kv/elsewhere", "token=" + apis, "x").status, 403);
}

}  // namespace
}  // namespace peerage::contract
