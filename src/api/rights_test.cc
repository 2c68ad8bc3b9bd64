// Tokens, and what each may do; networks, gateways, and what an operator looks at.
#include <gmock/gmock.h>

#include <array>
#include <map>
#include <set>
#include <variant>

#include "api/fixture.h"
#include "api/routes.h"
#include "crypto/sha256.h"
#include "http/target.h"
#include "testing/fake_bus.h"
#include "testing/fake_clock.h"
#include "testing/fake_gateway.h"
#include "testing/fake_store.h"
#include "testing/run.h"
#include "testing/samples.h"

namespace peerage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct rights : two_networks {
  std::string id_of(const std::string& secret) { return secret.substr(4, 10); }
};

// Who asks, in the order of the columns below. After nobody and a token that is none: a token of
// each scope for every network, and then of each scope for acme alone. gateways:manage is not to be
// had there.
constexpr std::size_t columns = 15;
constexpr std::size_t first_in_acme = 9;
const std::array<const char*, columns> scopes = {"",
                                                 "",
                                                 "peers:read",
                                                 "peers:write",
                                                 "peers:manage",
                                                 "networks:manage",
                                                 "gateways:read",
                                                 "gateways:manage",
                                                 "admin",
                                                 "peers:read",
                                                 "peers:write",
                                                 "peers:manage",
                                                 "networks:manage",
                                                 "gateways:read",
                                                 "admin"};

std::string asker(std::size_t column) {
  if (column < 2) return column == 0 ? "nobody" : "a bogus token";
  return std::string(scopes[column]) + (column < first_in_acme ? "" : " in acme");
}

struct right {
  const char* call;
  const char* body;
  std::array<int, columns> status;
};

// {mine} is a peer of acme that the asker's token made, {theirs} one that another made; {abroad} is
// another's in the network "other", {abroad-mine} one there with the asker's name on it.
const right table[] = {
    {"GET /healthz",
     "",
     {200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200}},
    {"GET /readyz",
     "",
     {200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200}},
    {"GET /metrics",
     "",
     {200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200}},
    {"GET /v1/openapi.json",
     "",
     {200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200}},
    {"POST /v1/networks",
     R"({"name": "{fresh}"})",
     {401, 401, 403, 403, 403, 201, 403, 403, 201, 403, 403, 403, 403, 403, 403}},
    {"GET /v1/networks",
     "",
     {401, 401, 200, 200, 200, 200, 403, 403, 200, 200, 200, 200, 200, 403, 200}},
    {"GET /v1/networks/acme",
     "",
     {401, 401, 200, 200, 200, 200, 403, 403, 200, 200, 200, 200, 200, 403, 200}},
    {"GET /v1/networks/other",
     "",
     {401, 401, 200, 200, 200, 200, 403, 403, 200, 404, 404, 404, 404, 403, 404}},
    {"GET /v1/networks/nowhere",
     "",
     {401, 401, 404, 404, 404, 404, 403, 403, 404, 404, 404, 404, 404, 403, 404}},
    {"DELETE /v1/networks/{empty}",
     "",
     {401, 401, 403, 403, 403, 204, 403, 403, 204, 403, 403, 403, 404, 403, 404}},
    {"DELETE /v1/networks/acme",
     "",
     {401, 401, 403, 403, 403, 409, 403, 403, 409, 403, 403, 403, 409, 403, 409}},
    {"GET /v1/gateways",
     "",
     {401, 401, 403, 403, 403, 403, 200, 200, 200, 403, 403, 403, 403, 200, 200}},
    {"GET /v1/gateways/gw-fra-1",
     "",
     {401, 401, 403, 403, 403, 403, 200, 200, 200, 403, 403, 403, 403, 200, 200}},
    {"DELETE /v1/gateways/gw-fra-1",
     "",
     {401, 401, 403, 403, 403, 403, 403, 409, 409, 403, 403, 403, 403, 403, 403}},
    {"PUT /v1/gateways/gw-fra-1/drain",
     R"({"drain": false})",
     {401, 401, 403, 403, 403, 403, 403, 200, 200, 403, 403, 403, 403, 403, 403}},
    {"POST /v1/gateways/gw-fra-1/accept",
     "",
     {401, 401, 403, 403, 403, 403, 403, 200, 200, 403, 403, 403, 403, 403, 403}},
    {"POST /v1/gateways/gw-fra-1/accept-removals",
     "",
     {401, 401, 403, 403, 403, 403, 403, 200, 200, 403, 403, 403, 403, 403, 403}},
    {"POST /v1/networks/acme/peers",
     R"({"public_key": "{key}"})",
     {401, 401, 403, 201, 201, 403, 403, 403, 201, 403, 201, 201, 403, 403, 201}},
    {"POST /v1/networks/other/peers",
     R"({"public_key": "{key}"})",
     {401, 401, 403, 201, 201, 403, 403, 403, 201, 403, 404, 404, 403, 403, 404}},
    {"GET /v1/networks/acme/peers",
     "",
     {401, 401, 200, 200, 200, 403, 403, 403, 200, 200, 200, 200, 403, 403, 200}},
    {"GET /v1/networks/other/peers",
     "",
     {401, 401, 200, 200, 200, 403, 403, 403, 200, 404, 404, 404, 403, 403, 404}},
    {"PUT /v1/networks/acme/peers/{fresh}",
     R"({"public_key": "{key}"})",
     {401, 401, 403, 201, 201, 403, 403, 403, 201, 403, 201, 201, 403, 403, 201}},
    {"PUT /v1/networks/other/peers/{fresh}",
     R"({"public_key": "{key}"})",
     {401, 401, 403, 201, 201, 403, 403, 403, 201, 403, 404, 404, 403, 403, 404}},
    {"PUT /v1/networks/acme/peers/{mine}",
     R"({"ttl_s": 60})",
     {401, 401, 403, 200, 200, 403, 403, 403, 200, 403, 200, 200, 403, 403, 200}},
    // A name is there or it is free, and whoever may make peers finds out which: 409, not 404.
    {"PUT /v1/networks/acme/peers/{theirs}",
     R"({"ttl_s": 60})",
     {401, 401, 403, 409, 200, 403, 403, 403, 200, 403, 409, 200, 403, 403, 200}},
    {"PUT /v1/networks/other/peers/{abroad}",
     R"({"ttl_s": 60})",
     {401, 401, 403, 409, 200, 403, 403, 403, 200, 403, 404, 404, 403, 403, 404}},
    {"PUT /v1/networks/other/peers/{abroad-mine}",
     R"({"ttl_s": 60})",
     {401, 401, 403, 200, 200, 403, 403, 403, 200, 403, 404, 404, 403, 403, 404}},
    {"GET /v1/networks/acme/peers/{mine}",
     "",
     {401, 401, 200, 200, 200, 403, 403, 403, 200, 200, 200, 200, 403, 403, 200}},
    {"GET /v1/networks/acme/peers/{theirs}",
     "",
     {401, 401, 200, 404, 200, 403, 403, 403, 200, 200, 404, 200, 403, 403, 200}},
    {"GET /v1/networks/other/peers/{abroad}",
     "",
     {401, 401, 200, 404, 200, 403, 403, 403, 200, 404, 404, 404, 403, 403, 404}},
    {"GET /v1/networks/other/peers/{abroad-mine}",
     "",
     {401, 401, 200, 200, 200, 403, 403, 403, 200, 404, 404, 404, 403, 403, 404}},
    {"DELETE /v1/networks/acme/peers/{mine}",
     "",
     {401, 401, 403, 204, 204, 403, 403, 403, 204, 403, 204, 204, 403, 403, 204}},
    {"DELETE /v1/networks/acme/peers/{theirs}",
     "",
     {401, 401, 403, 404, 204, 403, 403, 403, 204, 403, 404, 204, 403, 403, 204}},
    {"DELETE /v1/networks/other/peers/{abroad}",
     "",
     {401, 401, 403, 404, 204, 403, 403, 403, 204, 403, 404, 404, 403, 403, 404}},
    {"DELETE /v1/networks/other/peers/{abroad-mine}",
     "",
     {401, 401, 403, 204, 204, 403, 403, 403, 204, 403, 404, 404, 403, 403, 404}},
    {"POST /v1/tokens",
     R"({"scopes": ["peers:read"]})",
     {401, 401, 403, 403, 403, 403, 403, 403, 201, 403, 403, 403, 403, 403, 403}},
    {"POST /v1/tokens",
     R"({"scopes": ["admin"], "network": "acme"})",
     {401, 401, 403, 403, 403, 403, 403, 403, 201, 403, 403, 403, 403, 403, 201}},
    {"POST /v1/tokens",
     R"({"scopes": ["peers:read"], "network": "other"})",
     {401, 401, 403, 403, 403, 403, 403, 403, 201, 403, 403, 403, 403, 403, 404}},
    {"GET /v1/tokens",
     "",
     {401, 401, 403, 403, 403, 403, 403, 403, 200, 403, 403, 403, 403, 403, 200}},
    {"DELETE /v1/tokens/{wide-token}",
     "",
     {401, 401, 403, 403, 403, 403, 403, 403, 204, 403, 403, 403, 403, 403, 404}},
    {"DELETE /v1/tokens/{acme-token}",
     "",
     {401, 401, 403, 403, 403, 403, 403, 403, 204, 403, 403, 403, 403, 403, 204}},
    {"DELETE /v1/tokens/{other-token}",
     "",
     {401, 401, 403, 403, 403, 403, 403, 403, 204, 403, 403, 403, 403, 403, 404}},
    {"GET /v1/audit",
     "",
     {401, 401, 403, 403, 403, 403, 403, 403, 200, 403, 403, 403, 403, 403, 403}},
    {"GET /v1/events",
     "",
     {401, 401, 200, 403, 200, 403, 403, 403, 200, 200, 403, 200, 403, 403, 200}},
    {"GET /v1/events?network=other",
     "",
     {401, 401, 200, 403, 200, 403, 403, 403, 200, 404, 403, 404, 403, 403, 404}},
};

struct rights_table : rights {
  /// A token of that column, as it is and as admin of the same id: who may make what it will ask
  /// for.
  std::string token_of(std::size_t column) {
    if (column == 0) return {};
    if (column == 1) return "prg_" + std::string(10, 'a') + "_" + std::string(40, 'b');
    const std::string list = "[\"" + std::string(scopes[column]) + "\"]";
    return make_token(list, column < first_in_acme ? "" : R"("network": "acme")");
  }

  /// A peer that bears the asker's mark, whatever its scopes allow.
  std::string marked(const std::string& network, const std::string& secret) {
    if (secret.empty()) return peer_of(network, admin());
    enrol_request wanted;
    wanted.name = *peer_name::parse(fresh("p"));
    wanted.public_key = fakes::sample_key(next_key());
    const principal maker{*token_id::parse(id_of(secret)), {}, {scope::admin}};
    const std::string name = wanted.name->text();
    EXPECT_TRUE(fakes::run_on(
        loop(), mind().enrol(maker, *network_name::parse(network), std::move(wanted))));
    return name;
  }

  /// What stands for a word in braces; made anew for each call.
  std::string meaning(const std::string& word, const std::string& secret) {
    if (word == "fresh") return fresh("f");
    if (word == "key") return fakes::sample_key(next_key()).text();
    if (word == "mine") return marked("acme", secret);
    if (word == "theirs") return peer_of("acme", admin());
    if (word == "abroad") return peer_of("other", admin());
    if (word == "abroad-mine") return marked("other", secret);
    if (word == "wide-token") return id_of(make_token(R"(["admin"])"));
    if (word == "acme-token") return id_of(make_token(R"(["admin"])", R"("network": "acme")"));
    if (word == "other-token") return id_of(make_token(R"(["admin"])", R"("network": "other")"));
    EXPECT_EQ(word, "empty");
    const std::string name = fresh("n");
    make_network(name);
    return name;
  }

  std::string filled(std::string text, const std::string& secret) {
    static const std::array<const char*, 10> words = {
        "fresh",       "key",        "mine",       "theirs",      "abroad",
        "abroad-mine", "wide-token", "acme-token", "other-token", "empty"};
    for (const char* word : words) {
      const std::string braced = "{" + std::string(word) + "}";
      const auto at = text.find(braced);
      if (at != std::string::npos) text.replace(at, braced.size(), meaning(word, secret));
    }
    return text;
  }
};

TEST(table_of_rights, leaves_no_call_out) {
  http::route_table known;
  std::set<std::size_t> left;
  for (std::size_t i = 0; i < routes().size(); ++i) {
    known.add(routes()[i].method, routes()[i].pattern, i);
    left.insert(i);
  }
  for (const right& each : table) {
    const std::string call = each.call;
    const auto space = call.find(' ');
    std::string path = call.substr(space + 1, call.find('?') - space - 1);
    std::erase_if(path, [](char c) { return c == '{' || c == '}'; });
    const auto match = known.find(call.substr(0, space), path);
    ASSERT_TRUE(match) << call;
    left.erase(std::get<http::route_found>(*match).route);
  }
  for (const std::size_t i : left)
    ADD_FAILURE() << routes()[i].method << " " << routes()[i].pattern;
}

TEST_F(rights_table, holds_for_each_call_each_scope_and_each_peer) {
  peer_of("acme", admin());
  std::array<std::string, columns> tokens;
  for (std::size_t i = 0; i < columns; ++i) tokens[i] = token_of(i);
  for (const right& each : table) {
    for (std::size_t i = 0; i < columns; ++i) {
      const std::string call = filled(each.call, tokens[i]), body = filled(each.body, tokens[i]);
      const auto space = call.find(' ');
      const auto before = stored();
      const auto got = ask_as(tokens[i], call.substr(0, space), call.substr(space + 1), body);
      EXPECT_EQ(got.status, each.status[i])
          << each.call << " " << each.body << " as " << asker(i) << ": " << got.raw.body;
      EXPECT_TRUE(got.status < 400 || stored() == before) << each.call << " as " << asker(i);
    }
  }
}

TEST_F(rights, a_list_holds_what_the_token_sees) {
  const auto writer = make_token(R"(["peers:write"])");
  const auto mine = peer_of("acme", writer);
  peer_of("acme", admin());
  const auto peers = ask_as(writer, "GET", "/v1/networks/acme/peers");
  EXPECT_EQ(peers.items(), 1U);
  EXPECT_EQ(peers.at("items.0.name"), mine);
  const auto local = make_token(R"(["admin"])", R"("network": "acme")");
  EXPECT_EQ(ask_as(local, "GET", "/v1/networks/acme/peers").items(), 2U);
  const auto networks = ask_as(local, "GET", "/v1/networks");
  EXPECT_EQ(networks.items(), 1U);
  EXPECT_EQ(networks.at("items.0.name"), "acme");
  const auto tokens = ask_as(local, "GET", "/v1/tokens");
  EXPECT_EQ(tokens.items(), 1U);
  EXPECT_EQ(tokens.at("items.0.id"), id_of(local));
}

TEST_F(rights, the_scopes_that_would_do_are_named) {
  const auto reader = make_token(R"(["peers:read"])");
  const auto refused = ask_as(reader, "DELETE", "/v1/networks/acme/peers/a");
  EXPECT_THAT(refused.at("detail"), HasSubstr("admin, peers:write, peers:manage"));
  const auto local = make_token(R"(["admin"])", R"("network": "acme")");
  EXPECT_THAT(ask_as(local, "DELETE", "/v1/gateways/gw-fra-1").at("detail"),
              HasSubstr("of every network"));
}

TEST_F(rights, a_secret_is_said_once_and_stored_as_a_hash) {
  const auto made = ask("POST", "/v1/tokens",
                        R"({"name": "ci", "network": "acme", "scopes": ["peers:write", "admin",
                            "admin"], "expires_in_s": 60})");
  ASSERT_EQ(made.status, 201);
  const std::string secret = made.at("token");
  EXPECT_EQ(made.at("id"), id_of(secret));
  EXPECT_EQ(made.at("scopes"), R"(["admin","peers:write"])");
  EXPECT_EQ(made.at("network"), "acme");
  EXPECT_EQ(made.at("expires_at"), to_rfc3339(time().now() + seconds{60}));
  EXPECT_EQ(made.at("last_used_at"), "null");
  const auto list = ask("GET", "/v1/tokens");
  EXPECT_THAT(list.raw.body, HasSubstr(id_of(secret)));
  EXPECT_THAT(list.raw.body, Not(HasSubstr(secret.substr(15))));
  const auto kept = fakes::run_on(loop(), get_as<token>(store(), *token_id::parse(id_of(secret))));
  ASSERT_TRUE(kept && *kept);
  EXPECT_EQ((*kept)->value.hash, sha256(secret));
  EXPECT_EQ((*kept)->value.name, "ci");
}

TEST_F(rights, a_token_ends_at_its_time) {
  const auto secret = make_token(R"(["admin"])", R"("expires_in_s": 60)");
  pass(milliseconds{59'950});
  EXPECT_EQ(ask_as(secret, "GET", "/v1/networks").status, 200);
  pass(milliseconds{50});
  const auto refused = ask_as(secret, "GET", "/v1/networks");
  EXPECT_EQ(refused.status, 401);
  EXPECT_THAT(refused.raw.header("WWW-Authenticate"), testing::StartsWith("Bearer"));
}

TEST_F(rights, a_revoked_token_ends_at_once_and_its_peers_stay) {
  const auto secret = make_token(R"(["peers:write"])");
  const auto name = peer_of("acme", secret);
  EXPECT_EQ(ask("DELETE", "/v1/tokens/" + id_of(secret)).status, 204);
  EXPECT_EQ(ask_as(secret, "GET", "/v1/networks").status, 401);
  EXPECT_EQ(ask("DELETE", "/v1/tokens/" + id_of(secret)).status, 404);
  EXPECT_EQ(ask("GET", "/v1/networks/acme/peers/" + name).at("state"), "live");
}

TEST_F(rights, the_last_admin_token_goes_only_by_force) {
  const std::string last = "/v1/tokens/" + id_of(admin());
  const auto kept = ask("DELETE", last);
  EXPECT_EQ(kept.status, 409);
  EXPECT_THAT(kept.at("detail"), HasSubstr("the last one with the scope admin"));
  EXPECT_EQ(ask("DELETE", last + "?force=false").status, 409);
  EXPECT_EQ(ask("DELETE", last + "?force=yes").at("field"), "force");
  EXPECT_EQ(ask("DELETE", last + "?forced=true").status, 400);
  EXPECT_EQ(ask("DELETE", last + "?force=true").status, 204);
  EXPECT_EQ(ask("GET", "/v1/tokens").status, 401);
}

TEST_F(rights, an_admin_token_that_ends_sooner_does_not_stand_in_for_the_last_lasting_one) {
  const std::string lasting = "/v1/tokens/" + id_of(admin());
  const auto soon = make_token(R"(["admin"])", R"("expires_in_s": 2)");
  const auto later = make_token(R"(["admin"])", R"("expires_in_s": 86400)");
  const auto kept = ask("DELETE", lasting);
  EXPECT_EQ(kept.status, 409);
  EXPECT_THAT(kept.at("detail"), HasSubstr("that does not expire"));
  EXPECT_EQ(ask("DELETE", "/v1/tokens/" + id_of(soon)).status, 204);
  const auto other = make_token(R"(["admin"])");
  EXPECT_EQ(ask("DELETE", lasting).status, 204);
  EXPECT_EQ(ask_as(other, "DELETE", "/v1/tokens/" + id_of(later)).status, 204);
}

TEST_F(rights, a_network_takes_its_tokens_with_it) {
  std::vector<std::string> secrets;
  for (int i = 0; i < 70; ++i)
    secrets.push_back(make_token(R"(["admin"])", R"("network": "other")"));
  EXPECT_EQ(ask("DELETE", "/v1/networks/other").status, 204);
  make_network("other");
  for (const auto& secret : secrets)
    EXPECT_EQ(ask_as(secret, "GET", "/v1/networks/other").status, 401);
  EXPECT_EQ(ask("GET", "/v1/tokens").items(), 1U);
}

TEST_F(rights, last_use_is_shown_at_once_and_stored_soon) {
  const auto secret = make_token(R"(["admin"])");
  const auto last_use = [&] {
    const auto list = ask("GET", "/v1/tokens");
    for (std::size_t i = 0; i < list.items(); ++i) {
      const std::string at = "items." + std::to_string(i);
      if (list.at(at + ".id") == id_of(secret)) return list.at(at + ".last_used_at");
    }
    return std::string();
  };
  EXPECT_EQ(last_use(), "null");
  const std::string now = to_rfc3339(time().now());
  ask_as(secret, "GET", "/v1/networks");
  EXPECT_EQ(last_use(), now);
  pass(seconds{31});
  EXPECT_EQ(last_use(), now);
  const auto kept = fakes::run_on(loop(), get_as<token>(store(), *token_id::parse(id_of(secret))));
  EXPECT_EQ(to_rfc3339((*kept)->value.last_used_at.value()), now);
}

TEST_F(rights, a_network_is_made_shown_and_listed) {
  const auto made = make_network("third", R"("dns": ["10.0.0.53"], "ipv4": "10.3.0.0/16")");
  ASSERT_EQ(made.status, 201);
  EXPECT_EQ(made.raw.header("Location"), "/v1/networks/third");
  EXPECT_THAT(made.at("ipv6"), testing::MatchesRegex("fd[0-9a-f:]+/48"));
  EXPECT_EQ(made.at("allowed_ips"), "[\"" + made.at("ipv6") + "\",\"10.3.0.0/16\"]");
  EXPECT_EQ(ask("GET", "/v1/networks/third").raw.body, made.raw.body);
  const auto list = ask("GET", "/v1/networks");
  EXPECT_EQ(list.items(), 3U);
  EXPECT_EQ(list.at("items.2.name"), "third");
  EXPECT_EQ(list.at("next_cursor"), "null");
  EXPECT_NE(make_network("fourth").at("ipv6"), made.at("ipv6"));
  const auto own = make_network("fifth", R"("allowed_ips": ["::/0", "0.0.0.0/0"])");
  EXPECT_EQ(own.at("allowed_ips"), R"(["::/0","0.0.0.0/0"])");
}

TEST_F(rights, a_gateway_drains_and_comes_back) {
  peer_of("acme", admin());
  pass(seconds{2});
  const auto list = ask("GET", "/v1/gateways");
  ASSERT_EQ(list.items(), 2U);
  EXPECT_EQ(list.at("items.0.name"), "gw-fra-1");
  EXPECT_EQ(list.at("items.0.peers"), "1");
  EXPECT_EQ(list.at("items.0.live"), "true");
  EXPECT_EQ(list.at("items.1.number"), "2");
  const std::string path = "/v1/gateways/gw-fra-1/drain";
  EXPECT_EQ(ask("PUT", path, R"({"drain": true})").at("draining"), "true");
  const auto before = stored();
  EXPECT_EQ(ask("PUT", path, R"({"drain": true})").status, 200);
  EXPECT_EQ(stored(), before);
  EXPECT_EQ(ask("GET", "/v1/gateways/gw-fra-1").at("draining"), "true");
  EXPECT_EQ(ask("PUT", path, R"({"drain": false})").at("draining"), "false");
  EXPECT_EQ(ask("PUT", "/v1/gateways/nowhere/drain", R"({"drain": true})").status, 404);
}

TEST_F(rights, a_gateway_that_runs_is_not_removed) {
  const std::string path = "/v1/gateways/gw-fra-1";
  EXPECT_EQ(ask("PUT", path + "/drain", R"({"drain": true})").status, 200);
  const auto refused = ask("DELETE", path);
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.at("detail"), HasSubstr("stop its daemon"));
  fra().stop();
  pass(seconds{7});
  EXPECT_EQ(ask("DELETE", path).status, 204);
}

TEST_F(rights, readiness_names_what_is_away) {
  EXPECT_EQ(ask_as("", "GET", "/readyz").at("status"), "ok");
  EXPECT_EQ(ask_as("", "GET", "/readyz").at("away"), "[]");
  iad().stop();
  pass(seconds{8});
  const auto degraded = ask_as("", "GET", "/readyz");
  EXPECT_EQ(degraded.status, 200);
  EXPECT_EQ(degraded.at("status"), "degraded");
  EXPECT_EQ(degraded.at("away"), R"(["gateway gw-iad-1"])");
  store().away = true;
  pass(seconds{3});
  EXPECT_EQ(ask_as("", "GET", "/readyz").status, 503);
  EXPECT_EQ(ask_as("", "GET", "/healthz").at("status"), "ok");
  EXPECT_EQ(ask_as("", "GET", "/metrics").status, 200);
  EXPECT_EQ(ask("GET", "/v1/networks").status, 503);
  store().away = false;
}

TEST_F(rights, metrics_count_by_call_and_never_by_what_was_asked) {
  peer_of("acme", admin());
  for (const char* odd : {"BREW", "XYZZY", "OPTIONS"}) ask(odd, "/v1/networks");
  for (const char* path : {"/a", "/b", "/v1/networks/nowhere"}) ask("GET", path);
  const auto text = ask_as("", "GET", "/metrics").raw;
  EXPECT_THAT(text.header("Content-Type"), HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(text.body, HasSubstr("peerage_http_requests_total{call=\"/v1/networks/{network}/peers"
                                   "\",method=\"POST\",status=\"201\"} 1"));
  EXPECT_THAT(text.body, HasSubstr("{call=\"none\",method=\"other\",status=\"405\"} 3"));
  EXPECT_THAT(text.body, HasSubstr("{call=\"none\",method=\"GET\",status=\"404\"} 2"));
  EXPECT_THAT(text.body, HasSubstr("peerage_enrolments_total{state=\"live\"} 1"));
  EXPECT_THAT(text.body, HasSubstr("peerage_gateway_live{gateway=\"gw-fra-1\"} 1"));
  for (const char* not_there : {"BREW", "XYZZY", "nowhere", "/a"})
    EXPECT_THAT(text.body, Not(HasSubstr(not_there)));
}

}  // namespace
}  // namespace peerage
