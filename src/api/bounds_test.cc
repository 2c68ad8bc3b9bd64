// What one token can do to others, and that the server's own faults are not told as the caller's.
#include <gmock/gmock.h>

#include "api/fixture.h"
#include "testing/fake_gateway.h"
#include "testing/fake_store.h"
#include "testing/samples.h"

namespace peerage {
namespace {

using testing::HasSubstr;
using testing::Not;

struct bounds : two_networks {};

TEST_F(bounds, what_the_store_cannot_do_is_503_for_every_caller_and_tells_nothing_of_it) {
  const auto secret = make_token(R"(["admin"])", R"("network": "acme")");
  for (const errc code : {errc::denied, errc::corrupt, errc::full, errc::unsupported, errc::io,
                          errc::unavailable, errc::throttled, errc::invalid, errc::conflict}) {
    store().failing = error{code, "Consul at 10.0.0.1:8500, /var/lib/peerage/peerage.db", {}};
    for (const auto& [method, target, body] : std::vector<std::array<std::string, 3>>{
             {"GET", "/v1/networks", ""},
             {"GET", "/v1/networks/acme/peers", ""},
             {"POST", "/v1/networks/acme/peers", peer_body("a", 1)},
             {"PUT", "/v1/networks/acme/peers/a", peer_body("a", 1)},
             {"DELETE", "/v1/networks/acme/peers/a", ""},
             {"GET", "/v1/tokens", ""}}) {
      const auto got = ask_as(secret, method, target, body);
      EXPECT_EQ(got.status, 503) << name_of(code) << " " << method << " " << target;
      EXPECT_EQ(got.raw.header("Retry-After"), "1");
      EXPECT_THAT(got.raw.body, Not(HasSubstr("10.0.0.1")));
      EXPECT_THAT(got.raw.body, Not(HasSubstr("/var/lib")));
    }
    store().failing.reset();
  }
}

TEST_F(bounds, a_cursor_names_no_peer_that_the_token_does_not_see) {
  const auto writer = make_token(R"(["peers:write"])");
  for (int i = 0; i < 5; ++i) peer_of("acme", admin());
  const auto mine = peer_of("acme", writer);
  for (int i = 0; i < 5; ++i) peer_of("acme", admin());
  const auto last = peer_of("acme", writer);
  std::vector<std::string> seen;
  std::string cursor;
  for (int pages = 0; pages < 20; ++pages) {
    const auto got = ask_as(writer, "GET", "/v1/networks/acme/peers?limit=1" + cursor);
    ASSERT_EQ(got.status, 200) << got.raw.body;
    ASSERT_EQ(got.items(), 1U);
    seen.push_back(got.at("items.0.name"));
    const std::string next = got.at("next_cursor");
    if (next == "null") break;
    EXPECT_EQ(next, seen.back());
    cursor = "&cursor=" + next;
  }
  std::ranges::sort(seen);
  std::vector<std::string> wanted{mine, last};
  std::ranges::sort(wanted);
  EXPECT_EQ(seen, wanted);
}

TEST_F(bounds, among_very_many_peers_the_cursor_is_sealed_and_leads_on) {
  const auto writer = make_token(R"(["peers:write"])");
  transaction writes;
  for (std::uint32_t n = 0; n < 6'000; ++n) {
    const std::string digits = std::to_string(100'000 + n);
    writes.push_back(put{fakes::sample_peer("acme", "f" + digits, n, "gw-fra-1"), absent{}});
  }
  store().put_raw(writes);
  const auto mine = ask_as(writer, "POST", "/v1/networks/acme/peers", peer_body("zz", 9'999));
  ASSERT_EQ(mine.status, 201) << mine.raw.body;
  const auto first = ask_as(writer, "GET", "/v1/networks/acme/peers?limit=1");
  ASSERT_EQ(first.status, 200);
  EXPECT_EQ(first.items(), 0U);
  const std::string cursor = first.at("next_cursor");
  EXPECT_TRUE(cursor.starts_with("~")) << cursor;
  EXPECT_THAT(cursor, Not(HasSubstr("f105999")));
  EXPECT_THAT(cursor, Not(HasSubstr("66313035393939"))) << "nor in hexadecimal digits";
  const auto next = ask_as(writer, "GET", "/v1/networks/acme/peers?limit=1&cursor=" + cursor);
  EXPECT_EQ(next.at("items.0.name"), "zz");
  std::string forged = cursor;
  forged.back() = forged.back() == '0' ? '1' : '0';
  EXPECT_EQ(ask_as(writer, "GET", "/v1/networks/acme/peers?cursor=" + forged).status, 400);
  EXPECT_EQ(ask_as(writer, "GET", "/v1/networks/other/peers?cursor=" + cursor).status, 400);
}

TEST_F(bounds, a_token_has_so_many_event_streams_and_its_network_so_many) {
  std::vector<api_answer> open;
  const auto count = [&](const std::string& secret) {
    int opened = 0;
    for (int i = 0; i < 40; ++i) {
      auto got = ask_as(secret, "GET", "/v1/events");
      opened += got.status == 200 ? 1 : 0;
      EXPECT_TRUE(got.status == 200 || got.status == 429) << got.status;
      open.push_back(std::move(got));
    }
    return opened;
  };
  const auto reader = [this] { return make_token(R"(["peers:read"])", R"("network": "acme")"); };
  EXPECT_EQ(count(reader()), 32);
  EXPECT_EQ(count(reader()), 32);
  EXPECT_EQ(count(reader()), 0);
  EXPECT_EQ(count(make_token(R"(["peers:read"])", R"("network": "other")")), 32);
  open.clear();
  EXPECT_EQ(count(reader()), 32);
}

TEST_F(bounds, a_name_that_another_token_has_is_not_said_to_be_changed_by_put) {
  const auto writer = make_token(R"(["peers:write"])");
  const auto theirs = peer_of("acme", admin());
  const auto path = "/v1/networks/acme/peers";
  for (const auto& got :
       {ask_as(writer, "PUT", std::string(path) + "/" + theirs, R"({"ttl_s": 60})"),
        ask_as(writer, "POST", path, peer_body(theirs, 77))}) {
    EXPECT_EQ(got.status, 409);
    EXPECT_THAT(got.at("detail"), Not(HasSubstr("PUT")));
    EXPECT_THAT(got.at("detail"), HasSubstr("another name"));
  }
  EXPECT_THAT(ask("POST", path, peer_body(theirs, 78)).at("detail"), HasSubstr("`PUT`"));
}

TEST_F(bounds, metrics_forget_a_gateway_that_was_removed) {
  const auto text = [this] { return ask_as("", "GET", "/metrics").raw.body; };
  pass(seconds{3});
  EXPECT_THAT(text(), HasSubstr("gw-iad-1"));
  iad().stop();
  pass(seconds{7});
  EXPECT_EQ(ask("PUT", "/v1/gateways/gw-iad-1/drain", R"({"drain": true})").status, 200);
  EXPECT_EQ(ask("DELETE", "/v1/gateways/gw-iad-1").status, 204);
  EXPECT_THAT(text(), Not(HasSubstr("gw-iad-1")));
  EXPECT_THAT(text(), HasSubstr("gw-fra-1"));
}

struct read_often : api_fixture {
  static control_options options() {
    control_options made;
    made.reads_of_token = {10, 20};
    made.reads_of_network = {30, 40};
    return made;
  }
  read_often() : api_fixture(options()) { make_network("acme", R"("ipv6": "fd00:1::/48")"); }
};

TEST_F(read_often, a_token_that_reads_too_much_is_told_to_wait_and_others_are_not) {
  const auto reader = [this] { return make_token(R"(["peers:read"])", R"("network": "acme")"); };
  const auto reads = [this](const std::string& secret) {
    int done = 0;
    for (int i = 0; i < 50; ++i)
      done += ask_as(secret, "GET", "/v1/networks/acme/peers").status == 200 ? 1 : 0;
    return done;
  };
  const auto first = reader();
  EXPECT_EQ(reads(first), 20);
  EXPECT_EQ(ask_as(first, "GET", "/v1/networks").status, 429);
  EXPECT_EQ(reads(reader()), 20);
  EXPECT_EQ(reads(reader()), 0) << "its network has read what it may";
  EXPECT_EQ(reads(admin()), 50);
  pass(seconds{1});
  EXPECT_EQ(reads(first), 10);
}

TEST_F(read_often, nobody_without_a_token_makes_the_store_read) {
  const std::size_t before = store().reads;
  for (int i = 0; i < 100; ++i) {
    ask_as("", "GET", "/readyz");
    ask_as("", "GET", "/metrics");
  }
  EXPECT_EQ(store().reads, before);
}

}  // namespace
}  // namespace peerage
