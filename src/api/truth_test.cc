// Live is what a gateway has confirmed, gone is what it no longer has, and nobody expires because
// of one wrong clock.
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

using testing::HasSubstr;

const std::string peers_path = "/v1/networks/acme/peers";
const std::string ci_path = peers_path + "/ci-1";
constexpr seconds day{86'400};

struct truth : api_fixture {
  truth() { EXPECT_EQ(make_network("acme", R"("ipv6": "fd00:1::/48")").status, 201); }
  bool on(fakes::fake_gateway& gateway, std::uint32_t key) {
    return gateway.tunnel.has(fakes::sample_key(key));
  }
  void in_fra(std::uint32_t key, const std::string& more = {}) {
    ASSERT_EQ(enrol("ci-1", key, R"("region": "fra")" + (more.empty() ? "" : ", " + more)).status,
              201);
  }
  /// Another peer of the name in iad, while fra has not confirmed that the first one's key is gone.
  void made_anew_in_iad() {
    in_fra(1);
    fra().stop();
    EXPECT_EQ(ask("DELETE", ci_path).status, 202);
    pass(milliseconds{50});
    EXPECT_EQ(enrol("ci-1", 2, R"("region": "iad")").status, 201);
  }
  api_answer move_to_iad() { return ask("PUT", ci_path, R"({"region": "iad"})"); }
};

TEST_F(truth, a_removal_is_pending_as_long_as_a_gateway_that_the_peer_left_may_have_its_key) {
  in_fra(1);
  fra().stop();
  EXPECT_EQ(move_to_iad().status, 202);
  for (int again = 0; again < 2; ++again) {
    const auto gone = ask("DELETE", ci_path);
    EXPECT_EQ(gone.status, 202) << gone.raw.body;
    EXPECT_THAT(gone.at("reason"), HasSubstr("gw-fra-1"));
    EXPECT_TRUE(on(fra(), 1));
  }
  EXPECT_FALSE(on(iad(), 1));
  fra().start();
  EXPECT_EQ(ask("DELETE", ci_path).status, 204);
  EXPECT_FALSE(on(fra(), 1));
  EXPECT_EQ(ask("DELETE", ci_path).status, 404) << "and then it is forgotten";
}

TEST_F(truth, a_move_is_pending_as_long_as_the_old_gateway_may_have_the_key) {
  in_fra(1);
  fra().stop();
  EXPECT_EQ(move_to_iad().status, 202);
  const auto again = move_to_iad();
  EXPECT_EQ(again.status, 202) << again.raw.body;
  EXPECT_EQ(again.at("live_at"), "null");
  EXPECT_THAT(again.at("reason"), HasSubstr("gw-fra-1"));
  const auto shown = ask("GET", ci_path);
  EXPECT_EQ(shown.at("state"), "pending");
  EXPECT_EQ(shown.at("live_at"), "null") << "as in the answer to the move";
  EXPECT_THAT(shown.at("reason"), HasSubstr("gw-fra-1"));
  const auto list = ask("GET", peers_path);
  EXPECT_EQ(list.at("items.0.state"), "pending");
  EXPECT_EQ(list.at("items.0.live_at"), "null");
  fra().start();
  EXPECT_EQ(move_to_iad().status, 200);
  EXPECT_FALSE(on(fra(), 1));
  EXPECT_EQ(ask("GET", ci_path).at("state"), "live");
}

TEST_F(truth, a_change_notes_the_key_that_it_takes_away_by_its_own_commit) {
  using trouble = fakes::fake_store::trouble;
  in_fra(1);
  fra().stop();
  // The move is stored, and who made it does not live to hear that fra has not confirmed it.
  store().next_commits = {trouble::loses_answer};
  EXPECT_GE(move_to_iad().status, 500);
  const auto again = move_to_iad();
  EXPECT_EQ(again.status, 202) << again.raw.body;
  EXPECT_THAT(again.at("reason"), HasSubstr("gw-fra-1"));
  const std::string rekey = R"({"public_key": ")" + fakes::sample_key(2).text() + R"("})";
  EXPECT_EQ(ask("PUT", ci_path, rekey).status, 202) << "iad has confirmed, fra has not";
  store().next_commits = {trouble::loses_answer};
  EXPECT_GE(ask("DELETE", ci_path).status, 500);
  EXPECT_EQ(ask("DELETE", ci_path).status, 202);
  fra().start();
  pass(seconds{15});
  EXPECT_FALSE(on(fra(), 1));
  EXPECT_EQ(ask("DELETE", ci_path).status, 404);
  page_query noted{marks_under{"earlier-keys/"}, {}, 10};
  EXPECT_TRUE(fakes::run_on(loop(), store().list(noted)).value().items.empty());
}

TEST_F(truth, a_peer_made_anew_does_not_wait_for_the_keys_of_the_one_before_it) {
  made_anew_in_iad();
  EXPECT_EQ(ask("GET", ci_path).at("state"), "live") << "as in the answer to its creation";
  EXPECT_EQ(ask("PUT", ci_path, R"({"ttl_s": 600})").status, 200);
  fra().start();
  pass(seconds{15});
  EXPECT_FALSE(on(fra(), 1));
  EXPECT_TRUE(on(iad(), 2));
}

TEST_F(truth, a_removal_speaks_of_every_key_that_was_under_the_name) {
  made_anew_in_iad();
  for (int again = 0; again < 2; ++again) {
    const auto gone = ask("DELETE", ci_path);
    EXPECT_EQ(gone.status, 202) << gone.raw.body;
    EXPECT_THAT(gone.at("reason"), HasSubstr("gw-fra-1"));
  }
  EXPECT_FALSE(on(iad(), 2));
  fra().start();
  EXPECT_EQ(ask("DELETE", ci_path).status, 204);
  EXPECT_FALSE(on(fra(), 1));
}

TEST_F(truth, a_gateway_that_never_comes_back_bounds_how_often_a_key_may_change) {
  in_fra(1);
  fra().stop();
  std::uint32_t key = 2;
  const auto rekey = [&] {
    const std::string body =
        R"({"wait_ms": 0, "public_key": ")" + fakes::sample_key(key++).text() + R"("})";
    return ask("PUT", ci_path, body);
  };
  for (int i = 0; i < 16; ++i) EXPECT_EQ(rekey().status, 202);
  const auto refused = rekey();
  EXPECT_EQ(refused.status, 503) << refused.raw.body;
  EXPECT_THAT(refused.at("detail"), HasSubstr("gw-fra-1"));
  EXPECT_EQ(ask("DELETE", ci_path).status, 202);
  fra().start();
}

TEST_F(truth, a_new_key_is_pending_as_long_as_the_device_has_the_old_one) {
  in_fra(1);
  fra().tunnel.fail_next = 1'000;
  const std::string again = R"({"public_key": ")" + fakes::sample_key(2).text() + R"("})";
  EXPECT_EQ(ask("PUT", ci_path, again).status, 202);
  EXPECT_EQ(ask("DELETE", ci_path).status, 202);
  EXPECT_EQ(ask("DELETE", ci_path).status, 202);
  fra().tunnel.fail_next = 0;
  EXPECT_EQ(ask("DELETE", ci_path).status, 204);
  EXPECT_FALSE(on(fra(), 1));
  EXPECT_FALSE(on(fra(), 2));
}

TEST_F(truth, another_token_does_not_hear_of_earlier_keys) {
  const std::string other = make_token(R"(["peers:write"])", R"("network": "acme")");
  in_fra(1);
  fra().stop();
  EXPECT_EQ(ask("DELETE", ci_path).status, 202);
  EXPECT_EQ(ask_as(other, "DELETE", ci_path).status, 404);
  fra().start();
}

TEST_F(truth, an_earlier_key_is_seen_to_when_the_gateway_is_back) {
  in_fra(1);
  fra().stop();
  EXPECT_EQ(ask("DELETE", ci_path).status, 202);
  fra().start();
  pass(seconds{15});
  EXPECT_FALSE(on(fra(), 1));
  EXPECT_EQ(ask("DELETE", ci_path).status, 404);
}

/// A gateway that says what it is told to.
struct scripted final : gateway_service {
  task<apply_reply> apply(apply_request request) override {
    apply_reply made{request.request_id, {}, {}};
    for (const auto& each : request.changes)
      made.results.push_back({key_of(each), change_state::live, {}, {}});
    co_return made;
  }
  task<status_reply> status(status_request request) override {
    status_reply made;
    for (const public_key& each : request.public_keys) {
      peer_report one = says;
      one.public_key = each;
      made.reports.push_back(std::move(one));
    }
    co_return made;
  }
  task<accept_removals_reply> accept_removals(accept_removals_request) override {
    co_return accept_removals_reply{};
  }
  peer_report says;
};

TEST_F(truth, a_list_says_live_only_of_what_the_gateway_has_confirmed_at_that_revision) {
  fra().stop();
  scripted tunnel;
  const gateway_name name = *gateway_name::parse("gw-fra-1");
  ASSERT_TRUE(bus().serve(name, tunnel));
  in_fra(1);
  // Everything that the store says, as far as its heartbeat goes.
  bus().publish(heartbeat{name, *region_name::parse("fra"), 1, revision{1'000'000}});
  const auto listed = [&] { return ask("GET", peers_path); };
  EXPECT_EQ(listed().at("items.0.state"), "pending") << "it does not know of the key";
  EXPECT_THAT(listed().at("items.0.reason"), HasSubstr("gw-fra-1"));
  tunnel.says.live = true;
  tunnel.says.revision = revision{1};
  EXPECT_EQ(listed().at("items.0.state"), "pending") << "it has an older form of it";
  tunnel.says.revision = revision{1'000'000};
  EXPECT_EQ(listed().at("items.0.state"), "live");
  EXPECT_EQ(listed().at("items.0.reason"), "");
  tunnel.says = {};
  tunnel.says.reason = "its time is over by the gateway's clock";
  EXPECT_THAT(listed().at("items.0.reason"), HasSubstr("its time is over"));
  bus().stop_serving(name);
}

TEST_F(truth, how_many_are_left_out_is_said) {
  heartbeat beat{*gateway_name::parse("gw-fra-1"), *region_name::parse("fra"), 1, revision{1}};
  beat.left_out = 7;
  pass(seconds{3});
  fra().stop();
  bus().publish(beat);
  EXPECT_EQ(ask("GET", "/v1/gateways/gw-fra-1").at("left_out"), "7");
  EXPECT_THAT(ask("GET", "/metrics").raw.body,
              HasSubstr("peerage_gateway_left_out{gateway=\"gw-fra-1\"} 7"));
  fra().start();
}

TEST_F(truth, a_clock_that_is_a_day_ahead_for_seconds_lets_nobody_expire) {
  in_fra(1, R"("ttl_s": 3600)");
  time().jump(day);
  pass(seconds{3});
  const auto late = ask("PUT", ci_path, R"({"ttl_s": 3600})");
  EXPECT_EQ(late.status, 200) << late.raw.body;
  time().jump(-day);
  pass(seconds{1});
  EXPECT_EQ(ask("GET", ci_path).at("state"), "live");
  EXPECT_LT(*stored_peer("acme", "ci-1").expires_at, time().now() + seconds{3'601});
  pass(seconds{3'600});
  EXPECT_EQ(ask("GET", ci_path).status, 404) << "and it expires at its time";
}

TEST_F(truth, a_gateway_of_another_time_is_not_live_and_its_clock_counts) {
  in_fra(1, R"("ttl_s": 3600)");
  pass(seconds{90});
  time().jump(day);
  pass(seconds{90});  // and the jump is believed
  fra().stop();
  pass(seconds{10});
  heartbeat beat{*gateway_name::parse("gw-fra-1"), *region_name::parse("fra"), 1, revision{1}};
  const auto live = [&](milliseconds wrong) {
    beat.at = time().now() + wrong;
    bus().publish(beat);
    return ask("GET", "/v1/gateways/gw-fra-1").at("live");
  };
  EXPECT_EQ(live(-day), "false");
  EXPECT_EQ(live(day), "false");
  EXPECT_EQ(live(seconds{61}), "false");
  EXPECT_EQ(live(seconds{59}), "true");
}

TEST_F(truth, a_re_key_waits_for_its_old_key_where_a_peer_before_it_had_that) {
  in_fra(1);
  fra().stop();
  EXPECT_EQ(ask("DELETE", ci_path).status, 202);
  EXPECT_EQ(enrol("ci-1", 1, R"("region": "iad")").status, 201) << "its own key";
  const std::string rekey = R"({"public_key": ")" + fakes::sample_key(2).text() + R"("})";
  for (int again = 0; again < 2; ++again) {
    const auto answer = ask("PUT", ci_path, rekey);
    EXPECT_EQ(answer.status, 202) << answer.raw.body;
    EXPECT_THAT(answer.at("reason"), HasSubstr("gw-fra-1"));
  }
  EXPECT_EQ(ask("GET", ci_path).at("state"), "pending");
  fra().start();
  EXPECT_EQ(ask("PUT", ci_path, rekey).status, 200);
  EXPECT_FALSE(on(fra(), 1));
}

}  // namespace
}  // namespace peerage
