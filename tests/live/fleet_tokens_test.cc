// Tokens in a fleet: what one API process did to a token, every other one knows.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "tests/live/fleet.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

using clock_type = std::chrono::steady_clock;

const std::string peers = "/v1/networks/acme/peers";

json::value token_wish(const std::string& more) {
  return json::parse(R"({"scopes": ["peers:write"], "network": "acme")" + more + "}").value();
}

TEST(fleet_tokens, a_revoked_token_is_refused_everywhere_within_a_second) {
  fleet all;
  all.start_usual();
  for (int round = 0; round < 5; ++round) {
    const answer made = all.call(0).call("POST", "/v1/tokens", token_wish(""));
    ASSERT_EQ(made.status, 201) << made.text;
    const std::string secret = made.word("token");
    // Both processes know it, and are asked about it all the time.
    std::atomic<bool> revoked = false;
    std::atomic<int> asked = 0;
    std::array<clock_type::time_point, 2> last_good{};
    std::vector<std::thread> users;
    for (std::size_t at = 0; at < 2; ++at) {
      users.push_back(beside([&, at] {
        caller user(all.api(at).url(), secret);
        const auto until = clock_type::now() + 20s;
        while (clock_type::now() < until) {
          const auto begun = clock_type::now();
          const int status = user.call("GET", peers).status;
          ++asked;
          if (status == 401 && revoked) break;
          // One that asks too often is known all the same.
          ASSERT_TRUE(status == 200 || status == 429) << status;
          last_good[at] = begun;
        }
      }));
    }
    ASSERT_TRUE(eventually(10s, [&] { return asked > 100; }));
    revoked = true;
    const answer gone = all.call(0).call("DELETE", "/v1/tokens/" + made.word("id"));
    const auto known = clock_type::now();
    for (auto& each : users) each.join();
    ASSERT_EQ(gone.status, 204);
    for (const auto& each : last_good) EXPECT_LE(each - known, 1s);
  }
}

TEST(fleet_tokens, a_quota_holds_whichever_process_is_asked) {
  fleet all;
  all.start_usual();
  const answer made =
      all.call(0).call("POST", "/v1/tokens", token_wish(R"(, "max_peers": 25, "max_ttl_s": 3600)"));
  ASSERT_EQ(made.status, 201) << made.text;
  constexpr int callers = 16, each_wants = 10;
  std::atomic<int> live = 0, refused = 0, other = 0;
  std::vector<std::thread> load;
  for (int mine = 0; mine < callers; ++mine) {
    load.push_back(beside([&, mine] {
      caller user(all.api(static_cast<std::size_t>(mine) % 2).url(), made.word("token"));
      for (int i = 0; i < each_wants; ++i) {
        const std::string name = "q" + std::to_string(mine) + "-" + std::to_string(i);
        const json::object wish{{"name", name}, {"public_key", new_public_key()}, {"ttl_s", 3'600}};
        const answer got = user.call("POST", peers, wish);
        if (got.status == 201) ++live;
        if (got.status == 409 && got.word("field") == "max_peers") ++refused;
        if (got.status != 201 && got.status != 409) ++other;
      }
    }));
  }
  for (auto& each : load) each.join();
  EXPECT_EQ(live, 25);
  EXPECT_EQ(refused, callers * each_wants - 25);
  EXPECT_EQ(other, 0);
  caller user(all.api(1).url(), made.word("token"));
  EXPECT_EQ(user.peers_of("acme").size(), 25U);
  // Who removes at one process gives back at the other.
  const std::string one = user.peers_of("acme").begin()->first;
  ASSERT_EQ(all.call(0).call("DELETE", peers + "/" + one).status, 204);
  const json::object wish{{"name", "again"}, {"public_key", new_public_key()}, {"ttl_s", 1}};
  ASSERT_EQ(user.call("POST", peers, wish).status, 201);
  // And so does time.
  EXPECT_TRUE(eventually(5s, [&] {
    const json::object next{{"name", "last"}, {"public_key", new_public_key()}, {"ttl_s", 60}};
    return user.call("POST", peers, next).status == 201;
  }));
}

}  // namespace
}  // namespace peerage::live
