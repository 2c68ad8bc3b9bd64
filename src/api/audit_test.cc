// Who did what: what the audit tells of each call.
#include <gmock/gmock.h>

#include "api/fixture.h"
#include "testing/fake_clock.h"
#include "testing/fake_store.h"
#include "testing/samples.h"

namespace peerage {
namespace {

using testing::HasSubstr;
using testing::Not;

struct audited : api_fixture {
  audited() { make_network("acme", R"("ipv6": "fd00:1::/48")"); }

  /// Of the last entry: "created 201 acme/p1 by TOKEN", and what more there is.
  std::string last() const {
    const audit_entry& one = audit().back();
    std::string text(name_of(one.did));
    text += " " + std::to_string(one.status) + " " + one.network;
    if (!one.peer.empty()) text += "/" + one.peer;
    if (!one.gateway.empty()) text += " on " + one.gateway;
    if (!one.made_token.empty()) text += " token " + one.made_token;
    return text;
  }
  static std::string id_of(const std::string& secret) { return secret.substr(4, 10); }
};

const std::string peers = "/v1/networks/acme/peers";

TEST_F(audited, tells_who_did_what_to_which_peer_from_where_and_how_it_ended) {
  const auto secret = make_token(R"(["peers:write"])");
  const std::string at = to_rfc3339(time().now());
  ask_as(secret, "POST", peers, peer_body("p1", 1, R"("gateway": "gw-fra-1")"));
  EXPECT_EQ(last(), "created 201 acme/p1 on gw-fra-1");
  const audit_entry& one = audit().back();
  EXPECT_EQ(one.token.text(), id_of(secret));
  EXPECT_EQ(one.remote, "192.0.2.7");
  EXPECT_EQ(one.process, "api-1");
  EXPECT_EQ(one.call, "POST /v1/networks/{network}/peers");
  EXPECT_EQ(to_rfc3339(one.at), at);
  EXPECT_EQ(one.public_key, fakes::sample_key(1).text());

  ask_as(secret, "PUT", peers + "/p1", R"({"ttl_s": 60})");
  EXPECT_EQ(last(), "changed 200 acme/p1 on gw-fra-1");
  ask("PUT", peers + "/p1", peer_body("", 2));
  EXPECT_EQ(last(), "rekeyed 200 acme/p1 on gw-fra-1");
  EXPECT_EQ(audit().back().public_key, fakes::sample_key(2).text());
  EXPECT_EQ(audit().back().token.text(), id_of(admin()));
  ask("PUT", peers + "/p2", peer_body("", 3, R"("gateway": "gw-iad-1")"));
  EXPECT_EQ(last(), "created 201 acme/p2 on gw-iad-1");
  ask_as(secret, "DELETE", peers + "/p2");
  EXPECT_EQ(last(), "refused 404 acme/p2");
  ask_as(secret, "DELETE", peers + "/p1");
  EXPECT_EQ(last(), "removed 204 acme/p1 on gw-fra-1");
}

TEST_F(audited, tells_of_networks_gateways_and_tokens) {
  make_network("third");
  EXPECT_EQ(last(), "created 201 third");
  make_network("third");
  EXPECT_EQ(last(), "refused 409 third");
  ask("DELETE", "/v1/networks/third");
  EXPECT_EQ(last(), "removed 204 third");
  ask("PUT", "/v1/gateways/gw-fra-1/drain", R"({"drain": false})");
  EXPECT_EQ(last(), "changed 200  on gw-fra-1");
  ask("POST", "/v1/gateways/gw-fra-1/accept-removals");
  EXPECT_EQ(last(), "changed 200  on gw-fra-1");
  const auto secret = make_token(R"(["peers:read"])", R"("network": "acme")");
  EXPECT_EQ(last(), "created 201 acme token " + id_of(secret));
  ask_as(secret, "DELETE", "/v1/tokens/" + id_of(secret));
  EXPECT_EQ(last(), "refused 403  token " + id_of(secret));
  ask("DELETE", "/v1/tokens/" + id_of(secret));
  EXPECT_EQ(last(), "removed 204  token " + id_of(secret));
}

TEST_F(audited, looks_strangers_and_what_is_no_name_leave_no_trace) {
  const std::size_t before = audit().size();
  ask("GET", "/v1/networks");
  ask("GET", "/v1/audit");
  ask_as("", "DELETE", "/v1/networks/acme");
  ask_as("prg_aaaaaaaaaa_" + std::string(40, 'b'), "DELETE", "/v1/networks/acme");
  ask("POST", "/v1/nothing", "{}");
  EXPECT_EQ(audit().size(), before);
  ask("DELETE", "/v1/networks/" + std::string(5'000, 'x'));
  EXPECT_EQ(last(), "refused 400 ");
  EXPECT_EQ(audit().size(), before + 1);
}

TEST_F(audited, what_nobody_knows_the_end_of_is_unknown) {
  store().next_commits.push_back(fakes::fake_store::trouble::loses_answer);
  ask("POST", peers, peer_body("p1", 1));
  EXPECT_EQ(last(), "unknown 504 acme");
}

TEST_F(audited, is_read_page_by_page_the_newest_first) {
  for (std::uint32_t n = 1; n <= 5; ++n) ask("POST", peers, peer_body("p" + std::to_string(n), n));
  const auto first = ask("GET", "/v1/audit?limit=2");
  ASSERT_EQ(first.status, 200) << first.raw.body;
  EXPECT_EQ(first.items(), 2U);
  EXPECT_EQ(first.at("process"), "api-1");
  EXPECT_EQ(first.at("lost"), "0");
  EXPECT_EQ(first.at("items.0.peer"), "p5");
  EXPECT_EQ(first.at("items.0.did"), "created");
  EXPECT_EQ(first.at("items.0.remote"), "192.0.2.7");
  EXPECT_EQ(first.at("items.0.made_token"), "null");
  const auto second = ask("GET", "/v1/audit?limit=2&cursor=" + first.at("next_cursor"));
  EXPECT_EQ(second.at("items.0.peer"), "p3");
  EXPECT_EQ(ask("GET", "/v1/audit").at("next_cursor"), "null");
  for (const char* odd : {"limit=0", "limit=1001", "cursor=", "cursor=x", "stale_s=1", "other=1"}) {
    EXPECT_EQ(ask("GET", "/v1/audit?" + std::string(odd)).status, 400) << odd;
  }
}

TEST_F(audited, holds_no_secret) {
  const auto secret = make_token(R"(["peers:write"])");
  const std::string preshared = fakes::sample_key(77).text();
  ask_as(secret, "POST", peers, peer_body("p1", 1, R"("preshared_key": ")" + preshared + "\""));
  const std::string all = ask("GET", "/v1/audit").raw.body;
  EXPECT_THAT(all, HasSubstr(fakes::sample_key(1).text()));
  for (const std::string& each : {secret, admin(), preshared}) {
    EXPECT_THAT(all, Not(HasSubstr(each)));
  }
}

}  // namespace
}  // namespace peerage
