// No secret of a fleet is told by anything that tells something, with every part talking as much as
// it can: two API processes, one of them over TLS, two gateways, and the servers behind them.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/base64.h"
#include "crypto/nkey.h"
#include "crypto/x25519.h"
#include "tests/live/event_stream.h"
#include "tests/live/locked_fleet.h"
#include "tests/live/secrets.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

const std::string peers = "/v1/networks/acme/peers";

struct fleet_secrets : locked_fleet, testing::Test {
  void start() {
    node_options api = options_of("api");
    api.log_level = "debug";
    all.add_api(api_over_tls(api)).start();
    all.add_api(api).start();
    for (const auto& [name, region] :
         std::map<std::string, std::string>{{"gw-fra-1", "fra"}, {"gw-iad-1", "iad"}}) {
      node_options gateway = options_of(name);
      gateway.log_level = "debug";
      all.add_gateway(name, region, gateway).settle();
    }
    all.await_live(0, 2);
    all.await_live(1, 2);
    collect();
  }
  node_options api_over_tls(node_options options) const {
    options.api_lines = "cert_file = \"" + made.file("server.pem") + "\"\nkey_file = \"" +
                        made.file("server.key") + "\"\n";
    options.api_ca_file = made.file("ca.pem");
    return options;
  }
  /// What each part of the fleet holds.
  void collect() {
    add_pem(hidden, "TLS key", made.file("server.key"));
    for (const std::string who : {"api", "gw-fra-1", "gw-iad-1"}) {
      hidden["NATS seed of " + who] = {first_line(nkey_file(who))};
      hidden["Consul token of " + who] = {first_line(token_file(who))};
    }
    add_token(hidden, "admin token", all.token());
    for (fleet_node* const each : nodes()) {
      add_key(hidden, "key for the bus in " + each->folder(),
              first_line(each->state_dir() + "/bus.key"));
    }
    for (std::size_t n : {0U, 1U}) {
      add_key(hidden, "WireGuard key of " + all.gateway(n).name(),
              first_line(all.gateway(n).state_dir() + "/gateway.key"));
    }
  }
  std::vector<fleet_node*> nodes() {
    return {&all.api(0), &all.api(1), &all.gateway(0), &all.gateway(1)};
  }

  /// What the API says to that; it holds no secret.
  answer ask_api(caller& by, const std::string& method, const std::string& target, int status,
                 const json::value& body = nullptr) {
    answer said = by.call(method, target, body);
    EXPECT_EQ(said.status, status) << method << " " << target << ": " << said.text;
    expect_none(hidden, method + " " + target, said.text);
    return said;
  }
  std::string new_preshared_key(const std::string& name) {
    std::string key = base64_encode(make_preshared_key().reveal());
    add_key(hidden, name, key);
    return key;
  }
  json::object wish(const std::string& name, const std::string& gateway) {
    return {{"name", name},
            {"public_key", new_public_key()},
            {"preshared_key", new_preshared_key("preshared key of " + name)},
            {"gateway", gateway}};
  }
  std::string new_token(const std::string& name) {
    caller admin = all.call();
    const json::object body{{"scopes", json::array{"peers:write"}}, {"network", "acme"}};
    const answer said = admin.call("POST", "/v1/tokens", body);
    add_token(hidden, name, said.word("token"));
    tokens[name] = said.word("id");
    return said.word("token");
  }

  void use_the_api(std::size_t n);
  void use_the_command();
  void lose_nats();
  void expect_check_tells_none(const std::string& what, const std::string& config);

  secrets hidden;
  std::map<std::string, std::string> tokens;  // their ids
};

/// What is done, and what is refused.
void fleet_secrets::use_the_api(std::size_t n) {
  const std::string at = std::to_string(n);
  caller admin = all.call(n);
  const json::object first = wish("a" + at, "gw-fra-1");
  ask_api(admin, "POST", peers, 201, first);
  EXPECT_EQ(look_at(all.gateway(0).interface())
                .at(first.at("public_key").as_string().c_str())
                .preshared_key,
            first.at("preshared_key").as_string());
  ask_api(admin, "POST", peers, 409, wish("a" + at, "gw-iad-1"));
  ask_api(admin, "PUT", peers + "/a" + at, 200, wish("a" + at, "gw-fra-1"));
  ask_api(admin, "PUT", peers + "/a" + at, 200, wish("a" + at, "gw-iad-1"));
  ask_api(admin, "GET", peers + "/a" + at, 200);
  json::object bad = wish("b" + at, "gw-iad-1");
  hidden["bad key " + at] = {"bWlzdGFrZW4ta2V5LW9mLXNvbWVib2R5" + at};
  bad["preshared_key"] = hidden["bad key " + at][0];
  ask_api(admin, "POST", peers, 400, bad);
  bad["preshared_key"] = json::object{{"key", hidden["bad key " + at][0]}};
  ask_api(admin, "POST", peers, 400, bad);
  bad[hidden["bad key " + at][0]] = true;
  admin.call("POST", peers, bad);  // its name is told; what is looked for is where else it goes

  caller ci = all.call(n, new_token("token " + at));
  ask_api(ci, "POST", peers, 201, wish("ci" + at, "gw-iad-1"));
  ask_api(ci, "GET", "/v1/tokens", 403);
  ask_api(admin, "GET", "/v1/tokens", 200);
  ask_api(admin, "DELETE", "/v1/tokens/" + tokens["token " + at], 204);
  EXPECT_TRUE(eventually(5s, [&] { return ci.call("GET", peers).status == 401; }));
  hidden["stranger's token " + at] = {"prg_0123456789abcdefghijklmnopqrstuvwxyz" + at};
  caller stranger = all.call(n, hidden["stranger's token " + at][0]);
  ask_api(stranger, "GET", peers, 401);
  ask_api(admin, "DELETE", peers + "/ci" + at, 204);
}

/// A private key is in the file that it is for; a token is in the answer that makes it.
void fleet_secrets::use_the_command() {
  const auto call = [this](std::vector<std::string> words, int status) {
    const std::string what = words.front();
    const finished how = run(all.peerage(std::move(words)));
    EXPECT_EQ(how.status, status) << what << ": " << how.err;
    expect_none(hidden, "what " + what + " says", how.err);
    return how;
  };
  const std::string file = made.file("laptop.conf");
  call({"create", "laptop", "--file", file}, 0);
  const auto take_key = [&](const std::string& name) {
    const std::string text = text_of_file(file);
    const std::string mark = "PrivateKey = ";
    ASSERT_NE(text.find(mark), std::string::npos) << text;
    add_key(hidden, name, text.substr(text.find(mark) + mark.size(), 44));
  };
  take_key("laptop's private key");
  const finished taken = call({"create", "laptop", "--file", made.file("other.conf")}, 1);
  expect_none(hidden, "a refusal", taken.out);
  call({"reset", "laptop", "--file", file, "--force"}, 0);
  take_key("laptop's next private key");
  for (const std::string word : {"show", "status", "remove"}) {
    expect_none(hidden, word, call({word, "laptop", "--json"}, 0).out);
  }
  expect_none(hidden, "show", call({"show", "laptop"}, 1).out);
  const finished token = call(
      {"tokens", "create", "by-command", "--network", "acme", "--scope", "peers:read", "--json"},
      0);
  add_token(hidden, "token by command",
            json::parse(token.out).value().at("token").as_string().c_str());
  for (const std::string word : {"audit", "tokens", "list", "networks", "gateways"}) {
    expect_none(hidden, word, call({word}, 0).out);
    expect_none(hidden, word, call({word, "--json"}, 0).out);
  }
  program stranger = all.peerage({"list"});
  stranger.environment["PEERAGE_TOKEN"] = hidden["stranger's token 0"][0];
  const finished refused = run(stranger);
  EXPECT_EQ(refused.status, 1);
  expect_none(hidden, "a refusal", refused.out + refused.err);
}

/// What is said of it when something is away.
void fleet_secrets::lose_nats() {
  all.nats.kill();
  caller admin = all.call();
  json::object waiting = wish("later", "gw-iad-1");
  waiting["wait_ms"] = 0;
  ask_api(admin, "POST", peers, 202, waiting);
  all.nats.start();
  for (std::size_t n : {0U, 1U}) {
    caller api = all.call(n);
    EXPECT_TRUE(eventually(
        10s, [&] { return ask_api(api, "GET", peers + "/later", 200).word("state") == "live"; }));
  }
  ask_api(admin, "DELETE", peers + "/later", 204);
}

void fleet_secrets::expect_check_tells_none(const std::string& what, const std::string& config) {
  const std::string file = made.file("check.toml");
  std::ofstream(file) << "state_dir = \"" << made.file("check") << "\"\n" << config;
  const finished how =
      run({.words = {binary("peeraged"), "--config", file, "--check", "--log-level", "debug"},
           .environment = {},
           .network = {}});
  EXPECT_EQ(how.status, 1) << what << ": " << how.out;
  EXPECT_FALSE((how.out + how.err).empty()) << what;
  expect_none(hidden, "a check with " + what, how.out + how.err);
}

TEST_F(fleet_secrets, are_told_by_no_log_error_metric_event_or_process) {
  start();
  all.call().make_network("acme");
  event_stream events(all.api(1), all.token());
  for (std::size_t n : {0U, 1U}) use_the_api(n);
  use_the_command();
  lose_nats();
  EXPECT_TRUE(events.await("peer-removed", "later")) << events.text();
  expect_none(hidden, "the events", events.text());

  for (std::size_t n : {0U, 1U}) {
    caller admin = all.call(n);
    for (const char* target : {"/healthz", "/readyz", "/metrics", "/v1/audit?limit=1000"}) {
      ask_api(admin, "GET", target, 200);
    }
    for (const char* target : {"/healthz", "/readyz", "/metrics", "/v1/none"}) {
      const auto said = ask(all.gateway(n).admin_url(), "GET", target).body;
      expect_none(hidden, "a gateway's " + std::string(target), said);
    }
  }
  expect_processes_tell_none(hidden);
  for (fleet_node* const each : nodes()) EXPECT_EQ(each->stop(), 0);
  expect_none(hidden, "Consul's log", all.consul.log());
  expect_none(hidden, "the log of nats-server", all.nats.log());
  std::size_t audits = 0;
  for (fleet_node* const each : nodes()) {
    const std::string log = text_of_file(each->running().log_file());
    EXPECT_NE(log.find("stopped"), std::string::npos) << "the whole log was read";
    expect_none(hidden, "a log", log);
    expect_none(hidden, "wireguard-go's log",
                text_of_file(each->state_dir() + "/wireguard-go.log"));
    if (!std::filesystem::exists(each->state_dir() + "/audit")) continue;
    for (const auto& day : std::filesystem::directory_iterator(each->state_dir() + "/audit")) {
      const std::string lines = text_of_file(day.path());
      EXPECT_NE(lines.find("\"rekeyed\""), std::string::npos) << "it is the audit";
      expect_none(hidden, "the audit", lines);
      ++audits;
    }
  }
  EXPECT_GE(audits, 2U);
}

TEST_F(fleet_secrets, are_told_by_no_check_of_a_config_that_is_wrong) {
  hidden["Consul token"] = {"6d3e1b70-9c8f-4b9e-8f6a-0123456789ab"};
  std::ofstream(made.file("wrong.token")) << hidden["Consul token"][0] << "\n";
  const nkey_user unknown = make_nkey_user();
  hidden["NATS seed"] = {std::string(unknown.seed.reveal())};
  std::ofstream(made.file("wrong.nkey")) << unknown.seed.reveal() << "\n" << unknown.open << "\n";
  hidden["NATS password"] = {"a-password-of-somebody"};
  add_pem(hidden, "TLS key", made.file("client.key"));
  ::chmod(made.file("wrong.token").c_str(), 0600);

  const std::string api = "[api]\nlisten = \"127.0.0.1:0\"\n";
  const std::string store = "[store]\nkind = \"consul\"\naddress = \"" + all.consul.url() +
                            "\"\ntoken_file = \"" + made.file("wrong.token") + "\"\n";
  const std::string bus = "[bus]\nkind = \"nats\"\nca_file = \"" + made.file("ca.pem") + "\"\n";
  const std::string with_password = hidden["NATS password"][0] + "@127.0.0.1:1\"]\n";
  expect_check_tells_none("credentials that nobody knows",
                          api + store + bus + "servers = [\"" + all.nats.url() +
                              "\"]\nnkey_file = \"" + made.file("wrong.nkey") + "\"\n");
  expect_check_tells_none("a password in a URL",
                          api + store + bus + "servers = [\"nats://somebody:" + with_password);
  expect_check_tells_none("a password in what is no URL",
                          api + store + bus + "servers = [\"http://somebody:" + with_password);
  expect_check_tells_none("a file of another kind",
                          api + store + bus + "nkey_file = \"" + made.file("client.key") + "\"\n");
  expect_check_tells_none("a key in the place of a certificate",
                          "[api]\nlisten = \"127.0.0.1:0\"\ncert_file = \"" +
                              made.file("client.key") + "\"\nkey_file = \"" +
                              made.file("client.key") + "\"\n" + store + bus);
}

}  // namespace
}  // namespace peerage::live
