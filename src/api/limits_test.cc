// How often peers may be made: what a careless script meets, and nobody else.
#include <gmock/gmock.h>

#include "api/fixture.h"

namespace peerage {
namespace {

using testing::HasSubstr;

control_options ten_a_second() {
  control_options made;
  made.of_token = {10, 20};
  made.of_network = {30, 40};
  return made;
}

struct often : api_fixture {
  often() : api_fixture(ten_a_second()) {
    make_network("acme", R"("ipv6": "fd00:1::/48")");
    make_network("other", R"("ipv6": "fd00:2::/48")");
  }

  api_answer create(const std::string& secret, const std::string& network) {
    return ask_as(secret, "POST", "/v1/networks/" + network + "/peers", peer_body("", ++keys_));
  }
  /// How many of so many creations are made.
  int create_many(const std::string& secret, const std::string& network, int wanted) {
    int made = 0;
    for (int i = 0; i < wanted; ++i) made += create(secret, network).status == 201 ? 1 : 0;
    return made;
  }

 private:
  std::uint32_t keys_ = 0;
};

TEST_F(often, a_token_that_creates_too_often_is_told_to_wait) {
  const auto secret = make_token(R"(["peers:write"])");
  EXPECT_EQ(create_many(secret, "acme", 20), 20);
  const auto before = stored();
  const auto refused = create(secret, "acme");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.raw.header("Retry-After"), "1");
  EXPECT_EQ(refused.at("type"), "urn:peerage:too-many-requests");
  EXPECT_THAT(refused.at("detail"), HasSubstr("this token"));
  EXPECT_EQ(stored(), before);
  // A look costs nothing, and neither does a removal: it makes room.
  const auto peers = ask_as(secret, "GET", "/v1/networks/acme/peers");
  ASSERT_EQ(peers.status, 200);
  const std::string one = "/v1/networks/acme/peers/" + peers.at("items.0.name");
  EXPECT_EQ(ask_as(secret, "PUT", one, R"({"ttl_s": 60})").status, 429);
  EXPECT_EQ(ask_as(secret, "DELETE", one).status, 204);
  pass(seconds{1});
  EXPECT_EQ(create_many(secret, "acme", 15), 10);
}

TEST_F(often, one_networks_loop_leaves_the_other_network_its_own) {
  const auto in_acme = [this] { return make_token(R"(["peers:write"])", R"("network": "acme")"); };
  // Tokens enough that it is the network that has its bound.
  int made = 0;
  for (int i = 0; i < 8; ++i) made += create_many(in_acme(), "acme", 20);
  EXPECT_EQ(made, 40);
  EXPECT_THAT(create(in_acme(), "acme").at("detail"), HasSubstr("network acme"));
  const auto other = make_token(R"(["peers:write"])", R"("network": "other")");
  EXPECT_EQ(create_many(other, "other", 20), 20);
  // Whoever only tries to reach another network takes nothing of that network's.
  for (int i = 0; i < 100; ++i) EXPECT_EQ(create(in_acme(), "other").status, 404);
  EXPECT_EQ(create_many(make_token(R"(["peers:write"])"), "other", 20), 20);
}

TEST_F(often, a_refused_one_takes_nothing) {
  const auto secret = make_token(R"(["peers:write"])");
  EXPECT_EQ(create_many(secret, "acme", 200), 20);
  pass(seconds{2});
  EXPECT_EQ(create_many(secret, "acme", 200), 20);
}

TEST_F(often, an_admin_of_every_network_has_no_bound_and_one_of_one_has) {
  EXPECT_EQ(create_many(admin(), "acme", 100), 100);
  const auto local = make_token(R"(["admin"])", R"("network": "acme")");
  EXPECT_EQ(create_many(local, "acme", 100), 20);
}

}  // namespace
}  // namespace peerage
