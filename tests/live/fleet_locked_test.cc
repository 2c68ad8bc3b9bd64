// A fleet behind the locks of packaging/, and somebody who has got past the first.
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>

#include "crypto/x25519.h"
#include "json/json.h"
#include "local/system_clock.h"
#include "natsbus/connection.h"
#include "natsbus/guard.h"
#include "tests/live/locked_fleet.h"
#include "tests/live/wireguard.h"
#include "wire/messages.h"

namespace peerage::live {
namespace {

const std::string peers = "/v1/networks/acme/peers";
const std::string apply_subject = "peerage.v1.gateway.gw-fra-1.apply";

struct locked : locked_fleet, testing::Test {
  void start() {
    all.add_api(options_of("api")).start();
    all.add_gateway("gw-fra-1", "fra", options_of("gw-fra-1")).settle();
    all.add_gateway("gw-iad-1", "iad", options_of("gw-iad-1")).settle();
    all.await_live(0, 2);
    all.call().make_network("acme");
  }

  /// A connection with somebody's credentials for NATS, and answers() to what it says.
  std::unique_ptr<nats::connection> connect_as(const std::string& who) {
    nats_options options;
    options.servers = {all.nats.url()};
    options.ca_file = made.file("ca.pem");
    options.nkey_file = nkey_file(who);
    options.inbox = who == "api" ? "_INBOX.api.x" : "_INBOX.gateway." + who;
    nats::dialler dial(loop.get_executor());
    std::unique_ptr<nats::connection> on;
    dial.dial(options, [&](auto answer) { on = std::move(answer.value()); });
    while (!on && loop.run_one_for(5s) > 0) {}
    on->start([] {});
    on->subscribe("_INBOX.api.x.answers",
                  [this](const nats::message& each) { answers.emplace_back(each.payload); });
    return on;
  }
  /// The next answer; "" where none comes in time.
  std::string say(nats::connection& by, const std::string& payload, const std::string& seal) {
    answers.clear();
    EXPECT_TRUE(by.publish(apply_subject, "_INBOX.api.x.answers", payload, seal));
    const auto until = std::chrono::steady_clock::now() + 5s;
    loop.restart();
    while (answers.empty() && loop.run_one_until(until) > 0) {}
    return answers.empty() ? "" : answers.front();
  }
  /// Said until the answer has the words: the gateway may have to hear of a key first.
  void say_until(nats::connection& by, const std::string& payload, const std::string& seal,
                 const std::string& words) {
    EXPECT_TRUE(eventually(5s, [&] {
      return say(by, payload, seal).find(words) != std::string::npos;
    })) << words;
  }
  std::string seal_of(nats::guard& by, const std::string& payload) {
    return by.ask(*gateway_name::parse("gw-fra-1"), apply_subject, payload).value().seal;
  }
  void let_pass(milliseconds span) {
    loop.restart();
    loop.run_for(span);
  }
  /// How often the gateway has said that it refused something for that.
  std::size_t said(const std::string& why) {
    std::size_t count = 0;
    const std::string log = all.gateway(0).running().log();
    for (std::size_t at = 0; (at = log.find(why, at)) != std::string::npos; ++at) ++count;
    return count;
  }
  std::vector<party> gateway_keys() {
    const auto found = ask(all.consul.url(), "GET",
                           "/v1/kv/peerage/v1/bus/gateways/gw-fra-1?raw&token=root-token");
    const auto parsed = json::parse(found.body, 4);
    const std::string text(parsed.value().at("public_key").as_string());
    return {{party_kind::gateway, "gw-fra-1", public_key::parse(text).value()}};
  }

  asio::io_context loop;
  std::unique_ptr<clock> time = make_system_clock(loop.get_executor());
  std::vector<std::string> answers;
};

TEST_F(locked, a_check_is_content_with_what_its_role_may_do) {
  api_node& api = all.add_api(options_of("api"));
  gateway_node& gateway = all.add_gateway("gw-fra-1", "fra", options_of("gw-fra-1"));
  for (const fleet_node* const each : std::initializer_list<const fleet_node*>{&api, &gateway}) {
    const finished how = run(
        {.words = {binary("peeraged"), "--config", each->folder() + "/peeraged.toml", "--check"},
         .environment = {},
         .network = {}});
    EXPECT_EQ(how.status, 0) << how.out;
    EXPECT_NE(how.out.find("ok       store"), std::string::npos) << how.out;
    EXPECT_FALSE(std::filesystem::exists(each->state_dir())) << "it changes nothing";
  }
}

TEST_F(locked, works_and_believes_nobody_else) {
  start();
  caller api = all.call();
  const std::string good = new_public_key();
  for (const std::string gateway : {"gw-fra-1", "gw-iad-1"}) {
    const json::object wish{{"name", "to-" + gateway},
                            {"public_key", gateway == "gw-fra-1" ? good : new_public_key()},
                            {"gateway", gateway}};
    EXPECT_EQ(api.call("POST", peers, wish).status, 201);
  }
  const auto shown = api.call("GET", peers + "/to-gw-fra-1");
  EXPECT_EQ(shown["state"].as_string(), "live");

  // Somebody with an API process's credentials for NATS, but no key that the store names.
  gateway_node& gateway = all.gateway(0);
  const auto hand = connect_as("api");
  nats::guard stranger(make_private_key(), "api-x", *time);
  stranger.keys().know(party_kind::gateway, gateway_keys());
  all.consul.tell("/v1/kv/peerage/v1/bus/apis/by-hand",
                  R"({"public_key": ")" + new_public_key() + "\"}");
  const auto epoch = ask(all.consul.url(), "GET", "/v1/kv/peerage/v1/epoch?raw&token=root-token");
  apply_request removal{"r-1",
                        {epoch.body},
                        revision{1'000'000'000},
                        {remove_peer_change{public_key::parse(good).value()}}};
  const std::string payload = wire::write(removal);
  const auto expect_refused = [&](const std::string& seal, const std::string& why) {
    EXPECT_NE(say(*hand, payload, seal).find(why), std::string::npos) << answers.size();
    EXPECT_EQ(said(why), 1U) << why;
    EXPECT_TRUE(gateway.has(good)) << why;
    let_pass(1'100ms);  // the log says one a second
  };
  expect_refused("", "it is not signed");
  expect_refused(seal_of(stranger, payload), "it is signed by api-x, which nobody knows");
  nats::guard impostor(make_private_key(), "by-hand", *time);
  impostor.keys().know(party_kind::gateway, gateway_keys());
  expect_refused(seal_of(impostor, payload), "its signature is not that of by-hand");

  // An API process of its own, which the store then no longer names.
  nats::guard mine(make_private_key(), "by-hand", *time);
  mine.keys().know(party_kind::gateway, gateway_keys());
  all.consul.tell("/v1/kv/peerage/v1/bus/apis/by-hand",
                  R"({"public_key": ")" + mine.keys().open_key().text() + "\"}");
  apply_request harmless{"r-2",
                         {epoch.body},
                         revision{1},
                         {remove_peer_change{public_key::parse(new_public_key()).value()}}};
  const std::string idle = wire::write(harmless);
  const std::string idle_seal = seal_of(mine, idle);
  say_until(*hand, idle, idle_seal, "\"results\"");
  EXPECT_NE(say(*hand, idle, idle_seal).find("\"results\""), std::string::npos) << "said again";
  const std::string recorded = seal_of(mine, payload);
  const std::string key = "/v1/kv/peerage/v1/bus/apis/by-hand?token=root-token";
  ASSERT_EQ(ask(all.consul.url(), "DELETE", key).status, 200);
  const std::string unknown = "it is signed by by-hand, which nobody knows";
  say_until(*hand, idle, idle_seal, unknown);
  let_pass(1'100ms);
  const std::size_t before = said(unknown);
  EXPECT_NE(say(*hand, payload, recorded).find(unknown), std::string::npos);
  EXPECT_EQ(said(unknown), before + 1);
  EXPECT_TRUE(gateway.has(good));
  // The gateway's credentials for NATS open no other gateway.
  const auto other = connect_as("gw-iad-1");
  EXPECT_TRUE(other->publish(apply_subject, {}, payload, recorded));
  let_pass(300ms);
  EXPECT_EQ(said(unknown), before + 1) << "it did not arrive";
  EXPECT_TRUE(gateway.has(good));
}

}  // namespace
}  // namespace peerage::live
