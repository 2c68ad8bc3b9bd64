// A token of a network belongs to that network, not to whichever has the name.
#include <gmock/gmock.h>

#include "api/fixture.h"
#include "testing/fake_clock.h"
#include "testing/fake_store.h"
#include "testing/run.h"
#include "testing/samples.h"

namespace peerage {
namespace {

using fakes::fake_store;
using testing::HasSubstr;

struct network_tokens : two_networks {
  std::string local_admin(const char* network = "acme") {
    return make_token(R"(["admin"])", R"("network": ")" + std::string(network) + "\"");
  }
  std::size_t stored_tokens() {
    page_query query{all_tokens{}, {}, 1'000};
    return fakes::run_on(loop(), store().list(query))->items.size();
  }
};

TEST_F(network_tokens, a_token_of_a_network_creates_no_network_not_even_its_own) {
  const auto local = local_admin();
  EXPECT_EQ(ask_as(local, "DELETE", "/v1/networks/acme").status, 204);
  const std::string wide = R"({"name": "acme", "allowed_ips": ["0.0.0.0/0"]})";
  EXPECT_EQ(ask_as(local, "POST", "/v1/networks", wide).status, 401);
  make_network("acme");
  EXPECT_EQ(ask_as(local, "GET", "/v1/networks/acme").status, 401);
  const auto other = local_admin("other");
  const auto refused = ask_as(other, "POST", "/v1/networks", R"({"name": "other"})");
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.at("detail"), HasSubstr("a token of every network"));
}

TEST_F(network_tokens, what_an_interrupted_removal_leaves_opens_nothing_and_is_swept) {
  std::vector<std::string> secrets;
  for (int i = 0; i < 70; ++i) secrets.push_back(local_admin("other"));
  store().next_commits = {fake_store::trouble::none, fake_store::trouble::refuses};
  EXPECT_EQ(ask("DELETE", "/v1/networks/other").status, 204);
  EXPECT_EQ(stored_tokens(), 71U);
  make_network("other");
  const auto kept = local_admin("other");
  for (const auto& secret : secrets)
    EXPECT_EQ(ask_as(secret, "GET", "/v1/networks/other").status, 401);
  pass(std::chrono::minutes{11});
  EXPECT_EQ(stored_tokens(), 2U);
  EXPECT_EQ(ask_as(kept, "GET", "/v1/networks/other").status, 200);
}

TEST_F(network_tokens, the_same_removal_again_finishes_an_interrupted_one) {
  for (int i = 0; i < 70; ++i) local_admin("other");
  local_admin("acme");
  store().next_commits = {fake_store::trouble::none, fake_store::trouble::none,
                          fake_store::trouble::refuses};
  EXPECT_EQ(ask("DELETE", "/v1/networks/other").status, 204);
  EXPECT_GT(stored_tokens(), 2U);
  EXPECT_EQ(ask("DELETE", "/v1/networks/other").status, 404);
  EXPECT_EQ(stored_tokens(), 2U);
}

TEST_F(network_tokens, records_from_before_ids_go_on_until_their_network_is_created_anew) {
  network old = fakes::sample_network("old", "fd00:9::/48");
  old.ipv4.reset();
  transaction writes{put{old, absent{}}};
  ASSERT_TRUE(fakes::run_on(loop(), store().commit(std::move(writes))));
  const auto secret = local_admin("old");
  EXPECT_EQ(ask_as(secret, "GET", "/v1/networks/old").status, 200);
  store().next_commits = {fake_store::trouble::none, fake_store::trouble::refuses};
  EXPECT_EQ(ask("DELETE", "/v1/networks/old").status, 204);
  make_network("old");
  EXPECT_EQ(ask_as(secret, "GET", "/v1/networks/old").status, 401);
}

TEST_F(network_tokens, one_that_expired_more_than_a_day_ago_is_removed) {
  const auto put_token = [&](const char* id, std::optional<seconds> ago) {
    token one = fakes::sample_token(id);
    one.network.reset();
    one.expires_at.reset();
    if (ago) one.expires_at = time().now() - *ago;
    transaction writes{put{one, absent{}}};
    ASSERT_TRUE(fakes::run_on(loop(), store().commit(std::move(writes))));
  };
  const std::size_t before = stored_tokens();
  put_token("a", seconds{2 * 86'400});
  put_token("b", seconds{3'600});
  put_token("c", std::nullopt);
  EXPECT_EQ(stored_tokens(), before + 3);
  pass(seconds{11 * 60});
  EXPECT_EQ(stored_tokens(), before + 2) << "whoever looks sees for a day that it has expired";
}

struct remembering : api_fixture {
  static control_options options() {
    control_options made;
    made.remember = milliseconds{1'000};
    return made;
  }
  remembering() : api_fixture(options()) { make_network("acme", R"("ipv6": "fd00:1::/48")"); }
};

TEST_F(remembering, a_remembered_network_gets_no_peer_after_it_was_created_anew_elsewhere) {
  const auto local = make_token(R"(["admin"])", R"("network": "acme")");
  EXPECT_EQ(ask_as(local, "GET", "/v1/networks/acme").status, 200);
  // Another process removes the network and creates one of the same name and range.
  network anew = fakes::sample_network("acme", "fd00:1::/48");
  anew.id = "another";
  transaction gone{removal{anew.name, present{}}}, made{put{anew, absent{}}};
  ASSERT_TRUE(fakes::run_on(loop(), store().commit(std::move(gone))));
  ASSERT_TRUE(fakes::run_on(loop(), store().commit(std::move(made))));
  EXPECT_EQ(ask_as(local, "POST", "/v1/networks/acme/peers", peer_body("late", 1)).status, 404);
  EXPECT_EQ(ask_as(local, "POST", "/v1/tokens", R"({"scopes": ["peers:read"], "network": "acme"})")
                .status,
            401);
  pass(seconds{1});
  EXPECT_EQ(ask_as(local, "GET", "/v1/networks/acme").status, 401);
}

}  // namespace
}  // namespace peerage
