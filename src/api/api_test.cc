// Peers from their creation to their end, where everybody does what is asked.
#include <gmock/gmock.h>

#include <cstdio>

#include "api/fixture.h"
#include "plan/address.h"
#include "testing/fake_bus.h"
#include "testing/fake_clock.h"
#include "testing/fake_gateway.h"
#include "testing/fake_store.h"
#include "testing/samples.h"

namespace peerage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

const std::string peers_path = "/v1/networks/acme/peers";
const std::string ci_path = peers_path + "/ci-1";
const std::string psk = "c2VjcmV0LXByZXNoYXJlZC1rZXktb2YtMzItYnl0ZSE=";

struct peers : api_fixture {
  peers() {
    EXPECT_EQ(make_network("acme", R"("ipv6": "fd00:1::/48", "ipv4": "10.1.0.0/24")").status, 201);
  }
  bool on(fakes::fake_gateway& gateway, std::uint32_t key) {
    return gateway.tunnel.has(fakes::sample_key(key));
  }
  api_answer put(const std::string& body) { return ask("PUT", ci_path, body); }
  std::string in(seconds span) { return to_rfc3339(time().now() + span); }
  std::vector<std::string> names(const api_answer& list) {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < list.items(); ++i)
      all.push_back(list.at("items." + std::to_string(i) + ".name"));
    return all;
  }
};

TEST_F(peers, created_is_on_the_device_when_it_is_answered) {
  const auto made = enrol("ci-1", 1, R"("ttl_s": 3600, "region": "fra")");
  ASSERT_EQ(made.status, 201) << made.raw.body;
  EXPECT_EQ(made.raw.header("Location"), ci_path);
  EXPECT_EQ(made.at("state"), "live");
  EXPECT_EQ(made.at("network"), "acme");
  EXPECT_EQ(made.at("public_key"), fakes::sample_key(1).text());
  EXPECT_EQ(made.at("created_at"), in(seconds{0}));
  EXPECT_EQ(made.at("live_at"), in(seconds{0}));
  EXPECT_EQ(made.at("expires_at"), in(seconds{3600}));
  EXPECT_EQ(made.at("gateway.name"), "gw-fra-1");
  EXPECT_EQ(made.at("gateway.region"), "fra");
  EXPECT_EQ(made.at("gateway.endpoint"), "203.0.113.7:51820");
  EXPECT_EQ(made.at("allowed_ips"), R"(["fd00:1::/48","10.1.0.0/24"])");
  EXPECT_EQ(made.at("keepalive_s"), "25");
  const auto kept = stored_peer("acme", "ci-1");
  EXPECT_TRUE(gateway_prefix(*prefix::parse("fd00:1::/48"), 1).contains(kept.ipv6));
  EXPECT_EQ(made.at("addresses.0"), kept.ipv6.text() + "/128");
  EXPECT_EQ(made.at("addresses.1"), kept.ipv4->text() + "/32");
  ASSERT_TRUE(on(fra(), 1));
  EXPECT_EQ(fra().tunnel.peers.at(fakes::sample_key(1)).peer.allowed_ips.size(), 2U);
  EXPECT_FALSE(on(iad(), 1));
}

TEST_F(peers, server_timing_says_what_timing_ms_says) {
  const auto made = enrol("ci-1", 1);
  std::string wanted;
  for (const char* stage : {"store", "gateway", "device", "total"}) {
    char one[64];
    std::snprintf(one, sizeof one, "%s%s;dur=%.3f", wanted.empty() ? "" : ", ", stage,
                  std::stod(made.at(std::string("timing_ms.") + stage)));
    wanted += one;
  }
  EXPECT_EQ(made.raw.header("Server-Timing"), wanted);
}

TEST_F(peers, a_name_is_made_where_none_is_given) {
  const auto made = ask("POST", peers_path, peer_body("", 1));
  ASSERT_EQ(made.status, 201);
  EXPECT_THAT(made.at("name"), MatchesRegex("peer-[a-z2-7]{10}"));
  EXPECT_EQ(made.raw.header("Location"), peers_path + "/" + made.at("name"));
  const auto other = ask("POST", peers_path, peer_body("", 2, R"("name": null, "ttl_s": null)"));
  EXPECT_EQ(other.status, 201);
  EXPECT_NE(other.at("name"), made.at("name"));
  EXPECT_EQ(other.at("expires_at"), "null");
}

TEST_F(peers, get_shows_what_the_gateway_sees) {
  enrol("ci-1", 1, R"("region": "fra")");
  auto shown = ask("GET", ci_path);
  ASSERT_EQ(shown.status, 200);
  EXPECT_EQ(shown.at("state"), "live");
  EXPECT_EQ(shown.at("endpoint"), "null");
  EXPECT_EQ(shown.at("last_handshake_at"), "null");
  auto& status = fra().tunnel.peers.at(fakes::sample_key(1)).status;
  status.endpoint = "198.51.100.1:4711";
  status.last_handshake_at = time().now();
  status.rx_bytes = 7;
  status.tx_bytes = 9;
  pass(seconds{2});
  shown = ask("GET", ci_path);
  EXPECT_EQ(shown.at("endpoint"), "198.51.100.1:4711");
  EXPECT_EQ(shown.at("last_handshake_at"), in(seconds{-2}));
  EXPECT_EQ(shown.at("rx_bytes"), "7");
  EXPECT_EQ(shown.at("tx_bytes"), "9");
}

TEST_F(peers, put_makes_and_the_same_put_again_changes_nothing) {
  const std::string body = peer_body("ci-1", 1, R"("region": "fra")");
  const auto made = put(body);
  ASSERT_EQ(made.status, 201);
  EXPECT_EQ(made.raw.header("Location"), ci_path);
  const auto before = stored();
  const auto batches = fra().tunnel.batches;
  const auto again = put(body);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.raw.header("Location"), "");
  for (const char* field : {"revision", "addresses", "state", "live_at", "created_at"})
    EXPECT_EQ(again.at(field), made.at(field)) << field;
  EXPECT_EQ(stored(), before);
  EXPECT_EQ(fra().tunnel.batches, batches);
}

TEST_F(peers, put_renews_from_now_and_keeps_what_is_absent) {
  const auto made = enrol("ci-1", 1, R"("ttl_s": 60, "preshared_key": ")" + psk + "\"");
  pass(seconds{10});
  EXPECT_EQ(put(R"({"ttl_s": 60})").at("expires_at"), in(seconds{60}));
  pass(seconds{10});
  EXPECT_EQ(put(R"({"ttl_s": 60})").at("expires_at"), in(seconds{60}));
  const auto same = put("{}");
  EXPECT_EQ(same.status, 200);
  EXPECT_EQ(same.at("expires_at"), in(seconds{60}));
  EXPECT_EQ(same.at("public_key"), made.at("public_key"));
  EXPECT_EQ(same.at("addresses"), made.at("addresses"));
  EXPECT_EQ(same.at("gateway.name"), made.at("gateway.name"));
  EXPECT_TRUE(stored_peer("acme", "ci-1").preshared_key.has_value());
}

TEST_F(peers, put_null_clears) {
  enrol("ci-1", 1, R"("ttl_s": 60, "region": "fra", "preshared_key": ")" + psk + "\"");
  const auto& entry = fra().tunnel.peers.at(fakes::sample_key(1));
  EXPECT_TRUE(entry.peer.preshared_key.has_value());
  const auto cleared = put(R"({"preshared_key": null, "ttl_s": null, "region": null})");
  EXPECT_EQ(cleared.status, 200);
  EXPECT_EQ(cleared.at("expires_at"), "null");
  EXPECT_EQ(cleared.at("gateway.name"), "gw-fra-1");
  EXPECT_FALSE(stored_peer("acme", "ci-1").preshared_key.has_value());
  EXPECT_FALSE(entry.peer.preshared_key.has_value());
}

TEST_F(peers, another_key_is_a_re_key_and_the_old_one_is_gone) {
  const auto made = enrol("ci-1", 1, R"("region": "fra")");
  const auto changed = put(peer_body("ci-1", 2));
  EXPECT_EQ(changed.status, 200);
  EXPECT_EQ(changed.at("public_key"), fakes::sample_key(2).text());
  EXPECT_EQ(changed.at("addresses"), made.at("addresses"));
  EXPECT_GT(std::stoul(changed.at("revision")), std::stoul(made.at("revision")));
  EXPECT_TRUE(on(fra(), 2));
  EXPECT_FALSE(on(fra(), 1));
  // Its old key is free for another.
  EXPECT_EQ(enrol("ci-2", 1, R"("region": "fra")").status, 201);
}

TEST_F(peers, another_gateway_or_region_moves_it) {
  const auto made = enrol("ci-1", 1, R"("region": "fra")");
  const auto moved = put(R"({"gateway": "gw-iad-1"})");
  EXPECT_EQ(moved.status, 200);
  EXPECT_EQ(moved.at("gateway.name"), "gw-iad-1");
  EXPECT_TRUE(on(iad(), 1));
  EXPECT_FALSE(on(fra(), 1));
  EXPECT_TRUE(
      gateway_prefix(*prefix::parse("fd00:1::/48"), 2).contains(stored_peer("acme", "ci-1").ipv6));
  EXPECT_EQ(moved.at("addresses.1"), made.at("addresses.1")) << "the IPv4 address is kept";
  EXPECT_EQ(put(R"({"region": "iad"})").at("revision"), moved.at("revision")) << "it is there";
  const auto back = put(R"({"region": "fra"})");
  EXPECT_EQ(back.at("addresses"), made.at("addresses"));
  EXPECT_TRUE(on(fra(), 1));
  EXPECT_FALSE(on(iad(), 1));
}

TEST_F(peers, a_move_and_a_re_key_at_once) {
  enrol("ci-1", 1, R"("region": "fra")");
  EXPECT_EQ(put(peer_body("", 2, R"("region": "iad")")).status, 200);
  EXPECT_FALSE(on(fra(), 1) || on(fra(), 2) || on(iad(), 1));
  EXPECT_TRUE(on(iad(), 2));
}

TEST_F(peers, removed_is_off_the_device_when_it_is_answered) {
  enrol("ci-1", 1, R"("region": "fra")");
  EXPECT_EQ(ask("DELETE", ci_path).status, 204);
  EXPECT_FALSE(on(fra(), 1));
  EXPECT_EQ(ask("GET", ci_path).status, 404);
  EXPECT_EQ(ask("DELETE", ci_path).status, 404);
  EXPECT_EQ(enrol("ci-1", 1).status, 201) << "its name and key are free";
}

TEST_F(peers, a_list_goes_to_its_end_by_cursor) {
  for (std::uint32_t n = 1; n <= 7; ++n) enrol("ci-" + std::to_string(n), n);
  std::vector<std::string> all;
  std::string cursor;
  for (const std::size_t size : {3, 3, 1}) {
    const auto page = ask("GET", peers_path + "?limit=3" + cursor);
    EXPECT_EQ(page.items(), size);
    for (const std::string& name : names(page)) all.push_back(name);
    EXPECT_EQ(page.at("items.0.state"), "live");
    cursor = "&cursor=" + page.at("next_cursor");
  }
  EXPECT_EQ(cursor, "&cursor=null");
  EXPECT_THAT(all, ElementsAre("ci-1", "ci-2", "ci-3", "ci-4", "ci-5", "ci-6", "ci-7"));
  EXPECT_EQ(ask("GET", peers_path + "?limit=7").at("next_cursor"), "null");
  EXPECT_EQ(ask("GET", peers_path + "?cursor=zzz").items(), 0U);
}

TEST_F(peers, stale_are_those_without_a_handshake_for_so_long) {
  enrol("fresh", 1, R"("region": "fra")");
  enrol("never", 2, R"("region": "fra")");
  enrol("old", 3, R"("region": "fra")");
  enrol("away", 4, R"("region": "iad")");
  pass(seconds{20});
  enrol("young", 5, R"("region": "fra")");
  auto& seen = fra().tunnel.peers;
  seen.at(fakes::sample_key(1)).status.last_handshake_at = time().now();
  seen.at(fakes::sample_key(3)).status.last_handshake_at = time().now() - seconds{15};
  iad().stop();
  EXPECT_THAT(names(ask("GET", peers_path + "?stale_s=10")), ElementsAre("never", "old"));
  EXPECT_THAT(names(ask("GET", peers_path + "?stale_s=15")), ElementsAre("never", "old"));
  EXPECT_THAT(names(ask("GET", peers_path + "?stale_s=16")), ElementsAre("never"));
  EXPECT_THAT(names(ask("GET", peers_path + "?stale_s=30")), ElementsAre());
}

TEST_F(peers, expire_at_their_time_and_never_before) {
  enrol("ci-1", 1, R"("ttl_s": 10, "region": "fra")");
  enrol("kept", 2, R"("region": "fra")");
  enrol("renewed", 3, R"("ttl_s": 10, "region": "fra")");
  pass(milliseconds{9'950});
  EXPECT_EQ(ask("GET", ci_path).at("state"), "live");
  EXPECT_TRUE(on(fra(), 1));
  EXPECT_EQ(ask("PUT", peers_path + "/renewed", R"({"ttl_s": 10})").status, 200);
  // The store is looked at every quarter of a second.
  pass(milliseconds{350});
  EXPECT_FALSE(on(fra(), 1));
  EXPECT_EQ(ask("GET", ci_path).status, 404);
  EXPECT_TRUE(on(fra(), 2));
  EXPECT_TRUE(on(fra(), 3));
  pass(seconds{10});
  EXPECT_FALSE(on(fra(), 3));
  EXPECT_TRUE(on(fra(), 2));
}

TEST_F(peers, many_expire_together) {
  for (std::uint32_t n = 1; n <= 70; ++n) enrol("", n, R"("ttl_s": 5)");
  pass(milliseconds{5'500});
  EXPECT_EQ(ask("GET", peers_path).items(), 0U);
  EXPECT_TRUE(fra().tunnel.peers.empty());
  EXPECT_TRUE(iad().tunnel.peers.empty());
}

TEST_F(peers, head_is_answered_as_get) {
  EXPECT_EQ(ask("HEAD", peers_path).status, 200);
}

TEST_F(peers, the_names_of_one_network_are_not_those_of_another) {
  make_network("other");
  enrol("ci-1", 1);
  const auto made = ask("POST", "/v1/networks/other/peers", peer_body("ci-1", 2));
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made.at("addresses").find("10."), std::string::npos) << "it has no IPv4 range";
  EXPECT_EQ(ask("GET", ci_path).at("public_key"), fakes::sample_key(1).text());
}

TEST_F(peers, go_to_the_emptiest_gateway) {
  for (std::uint32_t n = 1; n <= 6; ++n) enrol("", n);
  EXPECT_EQ(fra().tunnel.peers.size(), 3U);
  EXPECT_EQ(iad().tunnel.peers.size(), 3U);
}

}  // namespace
}  // namespace peerage
