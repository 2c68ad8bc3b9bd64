#include <gmock/gmock.h>

#include "api/fixture.h"
#include "testing/fake_bus.h"
#include "testing/fake_clock.h"
#include "testing/fake_gateway.h"
#include "testing/run.h"

namespace peerage {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct events : api_fixture {
  events() {
    make_network("acme");
    pass(seconds{3});  // the gateways have come up
  }

  /// An open stream, behind its first comment.
  std::shared_ptr<http::body_source> open(std::string_view secret, std::string_view query = {}) {
    const auto answer = ask_as(secret, "GET", "/v1/events" + std::string(query));
    EXPECT_EQ(answer.status, 200) << answer.raw.body;
    EXPECT_THAT(std::string(answer.raw.header("Content-Type")), StartsWith("text/event-stream"));
    if (!answer.raw.stream) throw std::runtime_error("no stream");
    EXPECT_THAT(next(*answer.raw.stream), StartsWith(":"));
    return answer.raw.stream;
  }
  std::string next(http::body_source& from) {
    std::optional<std::string> said;
    asio::co_spawn(loop(), from.next(),
                   [&](std::exception_ptr, std::string piece) { said = std::move(piece); });
    for (int i = 0; i < 1'000 && !said; ++i) pass(milliseconds{50});
    return said.value_or("nothing");
  }
};

TEST_F(events, come_through_proxies_as_they_happen) {
  const auto answer = ask("GET", "/v1/events");
  EXPECT_EQ(answer.raw.header("X-Accel-Buffering"), "no") << "nginx would keep them back";
  EXPECT_EQ(answer.raw.header("Cache-Control"), "no-store");
}

TEST_F(events, who_comes_back_is_told_that_some_may_be_missing) {
  http::request again;
  again.method = "GET";
  again.path = "/v1/events";
  again.headers = {{"Authorization", "Bearer " + admin()}, {"Last-Event-ID", "41"}};
  const auto stream = send(again).raw.stream;
  ASSERT_TRUE(stream);
  EXPECT_THAT(next(*stream), StartsWith(":"));
  const std::string gap = next(*stream);
  EXPECT_THAT(gap, StartsWith("event: gap\nid: "));
  EXPECT_THAT(gap, testing::EndsWith("\ndata: {}\n\n"));
  ASSERT_EQ(enrol("ci-1", 1).status, 201);
  EXPECT_THAT(next(*stream), StartsWith("event: peer-live")) << "and it goes on";
}

TEST_F(events, tell_a_peers_whole_life) {
  const auto stream = open(admin());
  ASSERT_EQ(enrol("ci-1", 1, R"("gateway": "gw-fra-1")").status, 201);
  const std::string live = next(*stream);
  EXPECT_THAT(live, StartsWith("event: peer-live\nid: "));
  EXPECT_THAT(live, HasSubstr(R"("network":"acme","peer":"ci-1","revision":)"));
  EXPECT_THAT(live, testing::EndsWith("}\n\n"));
  bus().lose_requests = 1;
  EXPECT_EQ(ask("DELETE", "/v1/networks/acme/peers/ci-1").status, 202);
  EXPECT_THAT(next(*stream), StartsWith("event: peer-removed"));
  ASSERT_EQ(enrol("ci-2", 2, R"("ttl_s": 5)").status, 201);
  EXPECT_THAT(next(*stream), StartsWith("event: peer-live"));
  pass(seconds{6});
  EXPECT_THAT(next(*stream), StartsWith("event: peer-expired"));
}

TEST_F(events, tell_what_is_pending_and_then_live_by_the_store) {
  const auto stream = open(admin(), "?network=acme");
  bus().lose_requests = 1;
  ASSERT_EQ(enrol("ci-1", 1, R"("wait_ms": 100)").status, 202);
  const std::string first = next(*stream), second = next(*stream);
  EXPECT_THAT(first + second, HasSubstr("event: peer-live")) << "the gateway says so";
  EXPECT_THAT(first + second, HasSubstr("event: peer-pending"));
}

TEST_F(events, are_of_what_the_token_may_see) {
  make_network("other");
  const auto own = open(make_token(R"(["peers:read"])", R"("network": "acme")"));
  ASSERT_EQ(ask("POST", "/v1/networks/other/peers", peer_body("hidden", 1)).status, 201);
  ASSERT_EQ(enrol("mine", 2).status, 201);
  EXPECT_THAT(next(*own), HasSubstr(R"("peer":"mine")"));
  const std::string secret = make_token(R"(["peers:read"])", R"("network": "acme")");
  EXPECT_EQ(ask_as(secret, "GET", "/v1/events?network=other").status, 404);
  EXPECT_EQ(ask_as(make_token(R"(["peers:write"])"), "GET", "/v1/events").status, 403);
  EXPECT_EQ(ask_as("", "GET", "/v1/events").status, 401);
  EXPECT_EQ(ask("GET", "/v1/events?network=nowhere").status, 404);
  EXPECT_EQ(ask("GET", "/v1/events?network=BAD").status, 400);
  EXPECT_EQ(ask("GET", "/v1/events?peer=a").status, 400);
}

TEST_F(events, tell_gateways_that_come_and_go) {
  const auto stream = open(admin());
  fra().stop();
  const std::string down = next(*stream);
  EXPECT_THAT(down, StartsWith("event: gateway-down"));
  EXPECT_THAT(down, HasSubstr(R"("gateway":"gw-fra-1")"));
  fra().start();
  EXPECT_THAT(next(*stream), StartsWith("event: gateway-up"));
}

TEST_F(events, say_when_something_may_have_been_missed) {
  const auto stream = open(admin());
  bus().is_connected = false;
  pass(seconds{3});
  bus().is_connected = true;
  std::string said = next(*stream);
  while (said.starts_with(":")) said = next(*stream);
  EXPECT_THAT(said, StartsWith("event: gap"));
  const auto slow = open(admin());
  for (std::uint32_t n = 1; n <= 1'001; ++n) {
    const event one{event_kind::peer_live, time().now(), *gateway_name::parse("gw-fra-1"),
                    peer_id{*network_name::parse("acme"), *peer_name::parse("p")}, revision{n}};
    bus().publish(one);
  }
  EXPECT_THAT(next(*slow), StartsWith("event: gap")) << "what waited is no use without the rest";
}

TEST_F(events, a_quiet_stream_stays_open_and_ends_with_its_token) {
  const std::string secret = make_token(R"(["peers:read"])");
  const auto stream = open(secret);
  EXPECT_EQ(next(*stream), ": keepalive\n\n");
  const auto tokens = ask("GET", "/v1/tokens");
  for (std::size_t i = 0; i < tokens.items(); ++i) {
    const std::string at = "items." + std::to_string(i);
    if (tokens.at(at + ".scopes") != R"(["peers:read"])") continue;
    EXPECT_EQ(ask("DELETE", "/v1/tokens/" + tokens.at(at + ".id")).status, 204);
  }
  std::string said;
  for (int i = 0; i < 4; ++i) {
    said = next(*stream);
    if (said.empty()) break;
  }
  EXPECT_EQ(said, "") << "within a minute";
}

}  // namespace
}  // namespace peerage
