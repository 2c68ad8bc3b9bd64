// What is answered when somebody refuses, is away or is late; and that nothing half is left.
#include <gmock/gmock.h>

#include "api/fixture.h"
#include "testing/fake_bus.h"
#include "testing/fake_clock.h"
#include "testing/fake_gateway.h"
#include "testing/fake_store.h"
#include "testing/run.h"
#include "testing/samples.h"

namespace peerage {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using trouble_kind = fakes::fake_store::trouble;

const std::string peers_path = "/v1/networks/acme/peers";
const std::string ci_path = peers_path + "/ci-1";

struct trouble : api_fixture {
  trouble() { EXPECT_EQ(make_network("acme", R"("ipv6": "fd00:1::/48")").status, 201); }

  bool on(fakes::fake_gateway& gateway, std::uint32_t key) {
    return gateway.tunnel.has(fakes::sample_key(key));
  }
  api_answer in_fra(std::string_view name, std::uint32_t key, const std::string& more = {}) {
    return enrol(name, key, R"("region": "fra")" + (more.empty() ? "" : ", " + more));
  }
  std::string state() { return ask("GET", ci_path).at("state"); }
  void is_pending(const api_answer& got, const std::string& gateway, const std::string& why) {
    EXPECT_EQ(got.status, 202) << got.raw.body;
    EXPECT_EQ(got.at("state"), "pending");
    EXPECT_THAT(got.at("reason"), AllOf(HasSubstr(gateway), HasSubstr(why)));
  }
  /// Refused with that status, and not a record is different.
  void refuses(int status, const std::string& field, const std::string& said,
               std::string_view method, const std::string& target, const std::string& body = {}) {
    const auto before = stored();
    const auto in_fra_before = fra().tunnel.peers.size(), in_iad_before = iad().tunnel.peers.size();
    const auto got = ask(method, target, body);
    EXPECT_EQ(got.status, status) << got.raw.body;
    EXPECT_EQ(got.at("field"), field) << got.raw.body;
    EXPECT_THAT(got.at("detail"), HasSubstr(said));
    EXPECT_EQ(stored(), before);
    EXPECT_EQ(fra().tunnel.peers.size(), in_fra_before);
    EXPECT_EQ(iad().tunnel.peers.size(), in_iad_before);
  }
};

TEST_F(trouble, a_device_that_refuses_leaves_it_pending_until_it_recovers) {
  fra().tunnel.fail_next = 1;
  is_pending(in_fra("ci-1", 1), "gateway gw-fra-1 in region fra", "the device refused");
  pass(seconds{1});
  EXPECT_TRUE(on(fra(), 1));
  EXPECT_EQ(state(), "live");
}

// A kernel's WireGuard holds 1,048,576 peers; what its gateway registered is what counts.
TEST_F(trouble, a_full_gateway_gets_no_more_and_others_take_them) {
  gateway small = fakes::sample_gateway("gw-fra-1");
  small.capacity = 2;
  transaction writes;
  writes.push_back(put{small, anything{}});
  ASSERT_TRUE(fakes::run_on(loop(), store().commit(std::move(writes))));
  pass(seconds{10});
  ASSERT_EQ(in_fra("ci-1", 1).status, 201);
  ASSERT_EQ(in_fra("ci-2", 2).status, 201);
  const std::string none = "no gateway in region fra has room for another peer";
  refuses(503, "", none, "POST", peers_path, peer_body("ci-3", 3, R"("region": "fra")"));
  const auto elsewhere = enrol("ci-3", 3);
  EXPECT_EQ(elsewhere.status, 201) << elsewhere.raw.body;
  EXPECT_EQ(elsewhere.at("gateway.name"), "gw-iad-1");
  ASSERT_EQ(ask("DELETE", ci_path).status, 204);
  pass(seconds{3});
  EXPECT_EQ(in_fra("ci-4", 4).status, 201) << "there is room again";
}

TEST_F(trouble, a_full_device_leaves_it_pending) {
  fra().tunnel.capacity_ = 1;
  EXPECT_EQ(in_fra("one", 1).status, 201);
  is_pending(in_fra("ci-1", 2), "gw-fra-1", "all the peers it can hold");
  EXPECT_EQ(state(), "pending");
  EXPECT_EQ(ask("GET", peers_path).at("items.0.state"), "pending");
}

TEST_F(trouble, a_late_gateway_is_waited_for_as_long_as_was_asked) {
  bus().lose_requests = 1;
  const auto begun = time().steady();
  is_pending(in_fra("ci-1", 1, R"("wait_ms": 1500)"), "gw-fra-1 in region fra", "in time");
  EXPECT_EQ(time().steady() - begun, milliseconds{1500});
  EXPECT_TRUE(on(fra(), 1)) << "it came by the store meanwhile";
  EXPECT_EQ(state(), "live");
}

TEST_F(trouble, waits_5_s_where_nothing_was_asked) {
  bus().lose_requests = 1;
  const auto begun = time().steady();
  EXPECT_EQ(in_fra("ci-1", 1).status, 202);
  EXPECT_EQ(time().steady() - begun, seconds{5});
}

TEST_F(trouble, wait_ms_0_does_not_wait) {
  fra().tunnel.held = true;
  const auto begun = time().steady();
  is_pending(in_fra("ci-1", 1, R"("wait_ms": 0)"), "gw-fra-1", "in time");
  EXPECT_EQ(time().steady(), begun);
  fra().tunnel.release();
  pass(milliseconds{50});
  EXPECT_EQ(state(), "live") << "it was asked all the same";
}

TEST_F(trouble, a_lost_answer_is_found_by_the_same_put) {
  bus().lose_answers = 1;
  const auto first = ask("PUT", ci_path, peer_body("ci-1", 1, R"("region": "fra")"));
  EXPECT_EQ(first.status, 202);
  const auto again = ask("PUT", ci_path, peer_body("ci-1", 1, R"("region": "fra")"));
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.at("revision"), first.at("revision"));
  EXPECT_EQ(again.at("addresses"), first.at("addresses"));
}

TEST_F(trouble, a_request_that_arrives_twice_is_answered_once) {
  bus().repeat = true;
  EXPECT_EQ(in_fra("ci-1", 1).status, 201);
  EXPECT_EQ(ask("PUT", ci_path, peer_body("", 2)).status, 200);
  EXPECT_EQ(ask("DELETE", ci_path).status, 204);
  EXPECT_TRUE(fra().tunnel.peers.empty());
}

TEST_F(trouble, a_gateway_that_is_away_catches_up_when_it_is_back) {
  fra().stop();
  is_pending(in_fra("ci-1", 1), "gateway gw-fra-1 in region fra", "can't be reached");
  EXPECT_EQ(state(), "unknown");
  EXPECT_EQ(ask("GET", peers_path).at("items.0.state"), "unknown");
  fra().start();
  pass(milliseconds{100});
  EXPECT_TRUE(on(fra(), 1));
  EXPECT_EQ(state(), "live");
}

/// A gateway that has a key, and says so as it is told to.
struct sayer final : gateway_service {
  task<apply_reply> apply(apply_request) override { co_return apply_reply{}; }
  task<status_reply> status(status_request request) override {
    status_reply reply;
    reply.epoch = of;
    for (const public_key& each : request.public_keys)
      reply.reports.push_back({each, true, wall_time{}, {}, at});
    co_return reply;
  }
  task<accept_removals_reply> accept_removals(accept_removals_request) override {
    co_return accept_removals_reply{};
  }
  std::optional<epoch> of;
  std::optional<revision> at;
};

TEST_F(trouble, what_a_gateway_has_of_an_older_revision_is_not_live) {
  in_fra("ci-1", 1);
  fra().stop();
  sayer there;
  ASSERT_TRUE(bus().serve(*gateway_name::parse("gw-fra-1"), there));
  EXPECT_EQ(state(), "live") << "an older gateway does not say";
  const auto got = ask("GET", ci_path);
  there.at = revision{std::stoull(got.at("revision"))};
  there.of = epoch{store().id};
  EXPECT_EQ(state(), "live");
  EXPECT_EQ(ask("GET", peers_path).at("items.0.state"), "live");
  there.of = epoch{"another"};
  EXPECT_EQ(state(), "pending");
  there.of.reset();
  --there.at->number;
  EXPECT_EQ(state(), "pending");
  EXPECT_EQ(ask("GET", ci_path).at("live_at"), "null");
  bus().stop_serving(*gateway_name::parse("gw-fra-1"));
}

TEST_F(trouble, without_a_bus_a_registration_is_enough) {
  bus().is_connected = false;
  pass(seconds{10});
  is_pending(in_fra("ci-1", 1), "gw-fra-1", "can't be reached");
  EXPECT_EQ(state(), "unknown");
  const auto ready = ask("GET", "/readyz");
  EXPECT_EQ(ready.status, 200);
  EXPECT_EQ(ready.at("status"), "degraded");
  EXPECT_EQ(ready.at("away"), R"(["bus"])");
  const auto shown = ask("GET", "/v1/gateways/gw-fra-1");
  EXPECT_EQ(shown.at("live"), "false") << "nobody hears it";
  EXPECT_THAT(shown.at("trouble"), HasSubstr("the bus is away"));
}

TEST_F(trouble, a_move_is_pending_until_both_gateways_have_confirmed) {
  in_fra("ci-1", 1);
  fra().stop();
  is_pending(ask("PUT", ci_path, R"({"region": "iad"})"), "gateway gw-fra-1 in region fra",
             "can't be reached");
  EXPECT_TRUE(on(iad(), 1));
  fra().start();
  pass(milliseconds{100});
  EXPECT_FALSE(on(fra(), 1));
}

TEST_F(trouble, a_removal_that_is_not_confirmed_is_202) {
  in_fra("ci-1", 1);
  bus().lose_requests = 1;
  const auto begun = time().steady();
  const auto gone = ask("DELETE", ci_path);
  EXPECT_EQ(gone.status, 202);
  EXPECT_EQ(time().steady() - begun, seconds{5});
  EXPECT_EQ(gone.at("state"), "pending");
  EXPECT_THAT(gone.at("reason"), HasSubstr("gateway gw-fra-1 in region fra"));
  EXPECT_EQ(ask("GET", ci_path).status, 404);
  EXPECT_FALSE(on(fra(), 1)) << "the gateway heard of it from the store meanwhile";
}

TEST_F(trouble, a_name_that_is_taken_is_409) {
  in_fra("ci-1", 1);
  refuses(409, "name", "peer ci-1 in network acme", "POST", peers_path, peer_body("ci-1", 2));
  refuses(409, "name", "peer ci-1 in network acme", "POST", peers_path, peer_body("ci-1", 1));
}

TEST_F(trouble, a_key_that_is_taken_on_the_gateway_is_409) {
  in_fra("ci-1", 1);
  in_fra("ci-2", 2);
  const std::string said = "gateway gw-fra-1 in region fra";
  const std::string fra_too = R"("region": "fra")";
  refuses(409, "public_key", said, "POST", peers_path, peer_body("ci-3", 1, fra_too));
  refuses(409, "public_key", said, "PUT", peers_path + "/ci-3", peer_body("", 1, fra_too));
  refuses(409, "public_key", said, "PUT", peers_path + "/ci-2", peer_body("", 1));
  EXPECT_EQ(enrol("ci-3", 1, R"("region": "iad")").status, 201) << "another gateway";
  refuses(409, "public_key", said, "PUT", peers_path + "/ci-3", "{" + fra_too + "}");
}

TEST_F(trouble, networks_that_overlap_are_409) {
  make_network("a", R"("ipv6": "fd00:a::/48", "ipv4": "10.10.0.0/16")");
  const std::string path = "/v1/networks";
  refuses(409, "name", "network acme", "POST", path, R"({"name": "acme"})");
  refuses(409, "ipv6", "prefix", "POST", path, R"({"name": "b", "ipv6": "fd00:a::/48"})");
  for (const char* range : {"10.10.0.0/16", "10.0.0.0/8", "10.10.3.0/24", "10.10.255.255/32"}) {
    refuses(409, "ipv4", "prefix", "POST", path,
            R"({"name": "b", "ipv4": ")" + std::string(range) + "\"}");
  }
  EXPECT_EQ(make_network("b", R"("ipv6": "fd00:b::/48", "ipv4": "10.11.0.0/16")").status, 201);
}

TEST_F(trouble, what_is_in_use_is_not_removed) {
  in_fra("ci-1", 1);
  refuses(409, "network", "still has peers", "DELETE", "/v1/networks/acme");
  refuses(409, "gateway", "drain it first", "DELETE", "/v1/gateways/gw-fra-1");
  EXPECT_EQ(ask("PUT", "/v1/gateways/gw-fra-1/drain", R"({"drain": true})").status, 200);
  EXPECT_EQ(in_fra("ci-2", 2).status, 503) << "it drains";
  refuses(409, "gateway", "stop its daemon", "DELETE", "/v1/gateways/gw-fra-1");
  fra().stop();
  pass(seconds{7});
  refuses(409, "gateway", "still has peers", "DELETE", "/v1/gateways/gw-fra-1");
  fra().start();
  EXPECT_EQ(ask("DELETE", ci_path).status, 204);
  fra().stop();
  pass(seconds{7});
  EXPECT_EQ(ask("DELETE", "/v1/gateways/gw-fra-1").status, 204);
  EXPECT_EQ(ask("GET", "/v1/gateways/gw-fra-1").status, 404);
  EXPECT_EQ(ask("DELETE", "/v1/networks/acme").status, 204);
  EXPECT_EQ(ask("GET", "/v1/networks/acme").status, 404);
}

TEST_F(trouble, a_full_ipv4_range_is_409_and_its_peers_still_move_and_re_key) {
  make_network("small", R"("ipv4": "10.200.0.0/30")");
  const std::string path = "/v1/networks/small/peers";
  const std::string in_fra_too = R"("region": "fra")";
  const auto one = ask("POST", path, peer_body("one", 1, in_fra_too));
  const auto two = ask("POST", path, peer_body("two", 2, in_fra_too));
  EXPECT_NE(one.at("addresses.1"), two.at("addresses.1"));
  refuses(409, "network", "10.200.0.0/30", "POST", path, peer_body("three", 3));
  refuses(409, "network", "10.200.0.0/30", "PUT", path + "/three", peer_body("", 3));
  for (const auto& [name, made] : {std::pair{"/one", &one}, {"/two", &two}}) {
    const auto moved = ask("PUT", path + name, R"({"region": "iad"})");
    EXPECT_EQ(moved.status, 200) << moved.raw.body;
    EXPECT_EQ(moved.at("addresses.1"), made->at("addresses.1"));
  }
  EXPECT_EQ(ask("PUT", path + "/one", peer_body("", 4)).status, 200);
  EXPECT_EQ(ask("DELETE", path + "/one").status, 204);
  const auto three = ask("POST", path, peer_body("three", 3));
  EXPECT_EQ(three.status, 201);
  EXPECT_EQ(three.at("addresses.1"), one.at("addresses.1"));
}

TEST_F(trouble, no_gateway_that_fits_is_503) {
  const std::string fra_body = peer_body("ci-1", 1, R"("region": "fra")");
  ask("PUT", "/v1/gateways/gw-fra-1/drain", R"({"drain": true})");
  refuses(503, "", "in region fra takes new peers", "POST", peers_path, fra_body);
  refuses(503, "", "gateway gw-fra-1 in region fra is draining", "PUT", ci_path,
          peer_body("", 1, R"("gateway": "gw-fra-1")"));
  EXPECT_EQ(enrol("other", 9).at("gateway.name"), "gw-iad-1");
  ask("PUT", "/v1/gateways/gw-fra-1/drain", R"({"drain": false})");
  EXPECT_EQ(in_fra("again", 8).status, 201);
  fra().stop();
  pass(milliseconds{3'900});
  EXPECT_EQ(ask("GET", "/v1/gateways/gw-fra-1").at("live"), "true");
  pass(milliseconds{2'200});
  EXPECT_EQ(ask("GET", "/v1/gateways/gw-fra-1").at("live"), "false");
  refuses(503, "", "no gateway in region fra is live", "POST", peers_path, fra_body);
  refuses(503, "", "gateway gw-fra-1 in region fra is not live", "POST", peers_path,
          peer_body("ci-1", 1, R"("gateway": "gw-fra-1")"));
  refuses(404, "region", "region mars", "POST", peers_path,
          peer_body("", 1, R"("region": "mars")"));
}

TEST_F(trouble, a_store_that_refuses_is_503_and_nothing_is_stored) {
  in_fra("there", 9);
  const struct {
    const char* method;
    std::string target, body;
  } calls[] = {{"POST", peers_path, peer_body("ci-1", 1)},
               {"PUT", ci_path, peer_body("ci-1", 1)},
               {"PUT", peers_path + "/there", peer_body("", 1)},
               {"DELETE", peers_path + "/there", ""},
               {"POST", "/v1/networks", R"({"name": "b"})"},
               {"DELETE", "/v1/networks/acme", ""},
               {"PUT", "/v1/gateways/gw-fra-1/drain", R"({"drain": true})"},
               {"POST", "/v1/tokens", R"({"scopes": ["admin"]})"}};
  for (const auto& each : calls) {
    store().next_commits = {trouble_kind::refuses};
    refuses(503, "", "the store can't do it now", each.method, each.target, each.body);
    store().next_commits = {trouble_kind::loses_question};
    refuses(504, "", "", each.method, each.target, each.body);
  }
  store().away = true;
  EXPECT_EQ(ask("POST", peers_path, peer_body("ci-1", 1)).status, 503);
  EXPECT_EQ(ask("GET", peers_path).status, 503);
  store().away = false;
}

TEST_F(trouble, a_lost_outcome_is_504_and_the_same_put_settles_it) {
  for (const auto lost : {trouble_kind::loses_answer, trouble_kind::loses_question}) {
    const bool was_stored = lost == trouble_kind::loses_answer;
    for (const char* method : {"PUT", "POST"}) {
      store().next_commits = {lost};
      const bool post = std::string_view(method) == "POST";
      const auto first = ask(method, post ? peers_path : ci_path, peer_body("ci-1", 1));
      EXPECT_EQ(first.status, 504) << first.raw.body;
      EXPECT_EQ(first.at("type"), "urn:peerage:outcome-unknown");
      EXPECT_THAT(first.at("detail"), HasSubstr("peer ci-1 of network acme"));
      const auto again = ask("PUT", ci_path, peer_body("ci-1", 1));
      EXPECT_EQ(again.status, was_stored ? 200 : 201) << again.raw.body;
      EXPECT_EQ(again.at("state"), "live");
      store().next_commits = {lost};
      EXPECT_EQ(ask("DELETE", ci_path).status, 504);
      EXPECT_EQ(ask("DELETE", ci_path).status, 204) << "its gateway has confirmed it now";
    }
  }
}

TEST_F(trouble, a_re_key_whose_outcome_was_lost_leaves_no_old_key) {
  in_fra("ci-1", 1);
  store().next_commits = {trouble_kind::loses_answer};
  EXPECT_EQ(ask("PUT", ci_path, peer_body("", 2)).status, 504);
  EXPECT_EQ(ask("PUT", ci_path, peer_body("", 2)).status, 200);
  EXPECT_TRUE(on(fra(), 2));
  EXPECT_FALSE(on(fra(), 1));
}

}  // namespace
}  // namespace peerage
