// What a token's limits allow: so many peers at once, for so long.
#include <gmock/gmock.h>

#include <map>

#include "api/fixture.h"

namespace peerage {
namespace {

using testing::HasSubstr;

struct quotas : two_networks {};

TEST_F(quotas, a_token_has_so_many_peers_at_once_and_no_more) {
  const auto secret = make_token(R"(["peers:write"])", R"("max_peers": 2)");
  const std::string path = "/v1/networks/acme/peers";
  const auto make = [&] { return ask_as(secret, "POST", path, peer_body("", next_key())); };
  const auto first = peer_of("acme", secret);
  const auto second = peer_of("other", secret);
  const auto before = stored();
  const auto refused = make();
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.at("field"), "max_peers");
  EXPECT_THAT(refused.at("detail"), HasSubstr("the 2 peers that it may have at once"));
  EXPECT_EQ(ask_as(secret, "PUT", path + "/new", peer_body("", next_key())).at("field"),
            "max_peers");
  EXPECT_EQ(stored(), before);
  // What it has it may change, whoever does it, and others have their own.
  EXPECT_EQ(ask_as(secret, "PUT", path + "/" + first, peer_body("", next_key())).status, 200);
  EXPECT_EQ(ask("PUT", path + "/" + first, R"({"gateway": "gw-iad-1"})").status, 200);
  peer_of("acme", admin());
  peer_of("acme", make_token(R"(["peers:write"])", R"("max_peers": 1)"));
  EXPECT_EQ(make().status, 409);
  // A removal gives back, whoever removes.
  EXPECT_EQ(ask("DELETE", path + "/" + first).status, 204);
  EXPECT_EQ(make().status, 201);
  EXPECT_EQ(make().status, 409);
}

TEST_F(quotas, what_expires_is_given_back) {
  const auto secret = make_token(R"(["peers:write"])", R"("max_peers": 1, "max_ttl_s": 60)");
  const std::string path = "/v1/networks/acme/peers";
  for (int i = 0; i < 3; ++i) {
    const auto made = ask_as(secret, "POST", path, peer_body("", next_key(), R"("ttl_s": 60)"));
    ASSERT_EQ(made.status, 201) << made.raw.body;
    EXPECT_EQ(ask_as(secret, "POST", path, peer_body("", next_key(), R"("ttl_s": 60)")).status,
              409);
    pass(seconds{61});
  }
}

TEST_F(quotas, peers_of_a_token_with_a_longest_time_expire) {
  const auto secret = make_token(R"(["peers:manage"])", R"("max_ttl_s": 60)");
  const std::string path = "/v1/networks/acme/peers";
  for (const char* more : {"", R"("ttl_s": null)", R"("ttl_s": 61)"}) {
    const auto refused = ask_as(secret, "POST", path, peer_body("", next_key(), more));
    EXPECT_EQ(refused.status, 400) << more;
    EXPECT_EQ(refused.at("field"), "ttl_s");
    EXPECT_EQ(ask_as(secret, "PUT", path + "/new", peer_body("", next_key(), more)).status, 400);
  }
  const auto made =
      ask_as(secret, "PUT", path + "/mine", peer_body("", next_key(), R"("ttl_s": 60)"));
  EXPECT_EQ(made.status, 201) << made.raw.body;
  for (const char* more : {R"({"ttl_s": null})", R"({"ttl_s": 61})"}) {
    EXPECT_EQ(ask_as(secret, "PUT", path + "/mine", more).status, 400) << more;
  }
  EXPECT_EQ(ask_as(secret, "PUT", path + "/mine", R"({"ttl_s": 30})").status, 200);
  // What another made to last it may re-key: it lasts no longer for that.
  const auto lasting = peer_of("acme", admin());
  EXPECT_EQ(ask_as(secret, "PUT", path + "/" + lasting, peer_body("", next_key())).status, 200);
  EXPECT_EQ(ask_as(secret, "PUT", path + "/" + lasting, R"({"ttl_s": null})").status, 400);
}

TEST_F(quotas, a_token_that_expires_makes_none_that_outlives_it) {
  const auto secret = make_token(R"(["admin"])", R"("expires_in_s": 60)");
  const auto make = [&](const std::string& more) {
    return ask_as(secret, "POST", "/v1/tokens", R"({"scopes": ["admin"])" + more + "}");
  };
  for (const char* more : {"", R"(, "expires_in_s": 61)"}) {
    const auto refused = make(more);
    EXPECT_EQ(refused.status, 400) << more;
    EXPECT_EQ(refused.at("field"), "expires_in_s") << more;
  }
  const auto made = make(R"(, "expires_in_s": 60)");
  ASSERT_EQ(made.status, 201) << made.raw.body;
  pass(seconds{30});
  // Nor does the one that it made.
  EXPECT_EQ(
      ask_as(made.at("token"), "POST", "/v1/tokens", R"({"scopes": ["admin"], "expires_in_s": 31})")
          .status,
      400);
}

TEST_F(quotas, a_tokens_limits_are_shown_and_must_make_sense) {
  make_token(R"(["peers:write"])", R"("max_peers": 1000000, "max_ttl_s": 60)");
  const auto list = ask("GET", "/v1/tokens");
  int limited = 0;
  for (std::size_t i = 0; i < list.items(); ++i) {
    const std::string at = "items." + std::to_string(i);
    if (list.at(at + ".max_peers") != "1000000") continue;
    ++limited;
    EXPECT_EQ(list.at(at + ".max_ttl_s"), "60");
  }
  EXPECT_EQ(limited, 1);
  const std::map<std::string, std::string> odd = {
      {R"({"scopes": ["admin"], "max_peers": 1})", "max_peers"},
      {R"({"scopes": ["admin"], "max_ttl_s": 1})", "max_ttl_s"},
      {R"({"scopes": ["peers:write"], "max_peers": 0})", "max_peers"},
      {R"({"scopes": ["peers:write"], "max_peers": 1000001})", "max_peers"},
      {R"({"scopes": ["peers:write"], "max_ttl_s": 0})", "max_ttl_s"},
      {R"({"scopes": ["gateways:manage"], "network": "acme"})", "scopes"},
      {R"({"scopes": ["everything"]})", "scopes"}};
  for (const auto& [body, field] : odd) {
    const auto refused = ask("POST", "/v1/tokens", body);
    EXPECT_EQ(refused.status, 400) << body;
    EXPECT_EQ(refused.at("field"), field) << body;
  }
}

}  // namespace
}  // namespace peerage
