// packaging/nats/nats.conf on a real nats-server: who may say and hear what. And what a gateway
// refuses by itself where nothing on the server stands in the way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "crypto/nkey.h"
#include "crypto/x25519.h"
#include "json/json.h"
#include "natsbus/bus.h"
#include "natsbus/connection.h"
#include "testing/fake_roster.h"
#include "tests/certificates.h"
#include "tests/contract/bus_contract.h"
#include "tests/contract/nats_server.h"
#include "wire/messages.h"

namespace peerage::contract {
namespace {

using namespace std::chrono_literals;
using fakes::run_on;

std::string packaged(const std::string& file) {
  return PEERAGE_SOURCE_DIR "/packaging/" + file;
}

/// What somebody on the bus tried, and what came of it.
struct visitor {
  std::unique_ptr<nats::connection> on;
  std::vector<std::string> heard;  // payloads

  void hear(const std::string& subject) {
    on->subscribe(subject, [this](const nats::message& each) {
      if (!each.nobody) heard.emplace_back(each.payload);
    });
  }
  void say(const std::string& subject, const std::string& payload, const std::string& reply = {}) {
    EXPECT_TRUE(on->publish(subject, reply, payload));
  }
};

class nats_access_test : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* who : {"api", "gw-fra-1", "gw-iad-1", "stranger"}) {
      const nkey_user made = make_nkey_user();
      users_[who] = made.open;
      std::ofstream(made_.file(who)) << made.seed.reveal() << "\n" << made.open << "\n";
    }
    server_ = server_with("server");
  }
  std::unique_ptr<nats_server> server_with(const std::string& certificate) {
    const std::vector<std::string> environment{
        "PEERAGE_API_NKEY=" + users_["api"], "PEERAGE_NKEY_1=" + users_["gw-fra-1"],
        "PEERAGE_NKEY_2=" + users_["gw-iad-1"], "NATS_CERT=" + made_.file(certificate + ".pem"),
        "NATS_KEY=" + made_.file(certificate + ".key")};
    return std::make_unique<nats_server>(packaged("nats/nats.conf"), environment);
  }
  void TearDown() override {
    for (const auto& each : buses_) run_on(loop_, each->stop());
  }

  nats_options options_of(const std::string& who) {
    nats_options made;
    made.servers = {"tls://127.0.0.1:" + std::to_string(server_->port())};
    made.ca_file = made_.file("ca.pem");
    if (!who.empty()) made.nkey_file = made_.file(who);
    made.inbox = who == "api" ? "_INBOX.api.1" : "_INBOX.gateway." + who;
    made.region = "fra";
    return made;
  }
  nats_bus& bus_of(const std::string& who) {
    const std::string api = who == "api" ? "api-1" : "";
    buses_.push_back(make_nats_bus(loop_.get_executor(), *clock_, roster_,
                                   {make_private_key(), api}, options_of(who)));
    nats_bus& made = *buses_.back();
    EXPECT_TRUE(run_until(loop_, [&] { return made.connected(); })) << who;
    return made;
  }
  result<apply_reply> ask(bus& from, const std::string& gateway, steady_duration wait = 5s) {
    auto request = sample_request();
    return run_on(loop_, from.apply(*gateway_name::parse(gateway), std::move(request),
                                    clock_->steady() + wait));
  }
  /// Its connection, or the reason why there is none.
  result<visitor> visit(const std::string& who) { return visit(options_of(who)); }
  result<visitor> visit(const nats_options& as) {
    nats::dialler dial(loop_.get_executor());
    std::optional<result<std::unique_ptr<nats::connection>>> answer;
    dial.dial(as, [&](auto made) { answer = std::move(made); });
    run_until(loop_, [&] { return answer.has_value(); });
    if (!answer || !*answer) return std::unexpected(answer.value().error());
    visitor made{std::move(**answer), {}};
    made.on->start([] {});
    return made;
  }
  /// True once what was sent by `from` has been through the server and back.
  bool settle(visitor& from, const std::string& own) {
    const std::size_t before = from.heard.size();
    from.hear(own + ".settled");
    from.say(own + ".settled", "settled");
    return run_until(loop_, [&] { return from.heard.size() > before; });
  }

  asio::io_context loop_;
  std::unique_ptr<clock> clock_ = make_system_clock(loop_.get_executor());
  fakes::fake_roster roster_{loop_.get_executor()};
  testing_tools::certificates made_;
  std::map<std::string, std::string> users_;
  std::unique_ptr<nats_server> server_;
  std::vector<std::unique_ptr<nats_bus>> buses_;
  echo fra_{loop_}, iad_{loop_};
};

TEST_F(nats_access_test, the_fleet_works_with_the_packaged_permissions) {
  nats_bus& api = bus_of("api");
  nats_bus& fra = bus_of("gw-fra-1");
  nats_bus& iad = bus_of("gw-iad-1");
  std::set<std::string> beats;
  std::vector<event_kind> events;
  api.listen([&](const heartbeat& beat) { beats.insert(beat.name.text()); });
  api.listen([&](const event& each) { events.push_back(each.what); });
  ASSERT_TRUE(fra.serve(*gateway_name::parse("gw-fra-1"), fra_));
  ASSERT_TRUE(iad.serve(*gateway_name::parse("gw-iad-1"), iad_));
  for (const char* name : {"gw-fra-1", "gw-iad-1"}) {
    const auto gateway = *gateway_name::parse(name);
    // Its subscriptions go to the server beside our request.
    const auto until = clock_->steady() + 5s;
    auto reply = ask(api, name);
    while (!reply && clock_->steady() < until) reply = ask(api, name);
    ASSERT_TRUE(reply) << reply.error().message;
    status_request status{{fakes::sample_key(1)}};
    EXPECT_TRUE(run_on(loop_, api.status(gateway, std::move(status), clock_->steady() + 5s)));
    EXPECT_TRUE(run_on(loop_, api.accept_removals(gateway, clock_->steady() + 5s)));
  }
  fra.publish({*gateway_name::parse("gw-fra-1"), *region_name::parse("fra"), 7, revision{3}});
  iad.publish({*gateway_name::parse("gw-iad-1"), *region_name::parse("iad"), 7, revision{3}});
  iad.publish(
      event{event_kind::peer_live, clock_->now(), *gateway_name::parse("gw-iad-1"), {}, {}});
  EXPECT_TRUE(run_until(loop_, [&] { return beats.size() == 2 && events.size() == 1; }))
      << beats.size() << " " << events.size();
  auto operators = visit("api");
  ASSERT_TRUE(operators) << operators.error().message;
  operators->hear("_INBOX.api.2");
  operators->say("$SRV.PING", "", "_INBOX.api.2");
  EXPECT_TRUE(run_until(loop_, [&] { return operators->heard.size() == 2; })) << "both gateways";
}

TEST_F(nats_access_test, a_trial_names_the_subjects_that_the_server_refuses) {
  const auto tried = [this](const std::string& who, const std::string& inbox,
                            const std::string& gateway) {
    nats_options as = options_of(who);
    as.inbox = inbox;
    buses_.push_back(make_nats_bus(loop_.get_executor(), *clock_, roster_, {make_private_key(), ""},
                                   std::move(as)));
    std::optional<gateway_name> name;
    if (!gateway.empty()) name = *gateway_name::parse(gateway);
    return run_on(loop_, buses_.back()->try_permissions(!name, name, clock_->steady() + 5s));
  };
  EXPECT_TRUE(tried("api", "_INBOX.api.1", ""));
  EXPECT_TRUE(tried("gw-fra-1", "_INBOX.gateway.gw-fra-1", "gw-fra-1"));

  const auto other = tried("gw-iad-1", "_INBOX.gateway.gw-fra-1", "gw-fra-1");
  ASSERT_FALSE(other);
  for (const char* subject :
       {"subscribe to ", "peerage.v1.gateway.gw-fra-1.apply", "gw-fra-1.status",
        "gw-fra-1.accept-removals", "_INBOX.gateway.gw-fra-1.>",
        "publish to peerage.v1.gateway.gw-fra-1.heartbeat", "nats.conf"}) {
    EXPECT_THAT(other.error().message, testing::HasSubstr(subject));
  }
  const auto api = tried("gw-iad-1", "_INBOX.api.1", "");
  ASSERT_FALSE(api);
  for (const char* subject : {"peerage.v1.gateway.*.heartbeat", "subscribe to", "publish to",
                              "apply", "_INBOX.api.1.>"}) {
    EXPECT_THAT(api.error().message, testing::HasSubstr(subject));
  }
  // Its inbox alone is wrong: a start with another name in its config.
  const auto deaf = tried("gw-fra-1", "_INBOX.gateway.gw-iad-1", "gw-fra-1");
  ASSERT_FALSE(deaf);
  EXPECT_THAT(deaf.error().message, testing::HasSubstr("subscribe to _INBOX.gateway.gw-iad-1.>"));
}

TEST_F(nats_access_test, a_bus_that_is_refused_stays_connected_and_says_what) {
  buses_.push_back(
      make_nats_bus(loop_.get_executor(), *clock_, roster_, {make_private_key(), ""}, [this] {
        nats_options as = options_of("gw-iad-1");
        as.inbox = "_INBOX.gateway.gw-fra-1";
        return as;
      }()));
  nats_bus& wrong = *buses_.back();
  ASSERT_TRUE(wrong.serve(*gateway_name::parse("gw-fra-1"), fra_));
  ASSERT_TRUE(run_until(loop_, [&] { return wrong.refused().contains("gw-fra-1.heartbeat"); }));
  EXPECT_THAT(wrong.refused(), testing::HasSubstr("gw-fra-1.apply"));
  // Longer than it waits for its own words, and over a trial: it is refused, and not away.
  const auto until = clock_->steady() + 7s;
  while (clock_->steady() < until) {
    loop_.restart();
    loop_.run_one_until(std::chrono::steady_clock::now() + 100ms);
    ASSERT_TRUE(wrong.connected()) << wrong.why_away();
    ASSERT_FALSE(wrong.refused().empty());
  }
}

TEST_F(nats_access_test, a_stranger_does_not_get_in) {
  for (const char* who : {"", "stranger"}) {
    const auto in = visit(who);
    ASSERT_FALSE(in) << who;
    EXPECT_THAT(in.error().message, testing::HasSubstr("Authentication Violation")) << who;
  }
}

TEST_F(nats_access_test, a_certificate_that_is_not_good_is_refused_by_name) {
  const auto why = [this](const nats_server& server, const std::string& host,
                          const std::string& ca) {
    nats_options as = options_of("api");
    as.servers = {"tls://" + host + ":" + std::to_string(server.port())};
    as.ca_file = made_.file(ca);
    const auto in = visit(as);
    return in ? "it was let in" : in.error().message;
  };
  const auto stranger = server_with("stranger"), old = server_with("expired");
  const auto at = [](const nats_server& server, const std::string& host) {
    return "can't connect to NATS: tls://" + host + ":" + std::to_string(server.port()) +
           ": TLS: its certificate ";
  };
  EXPECT_THAT(why(*server_, "localhost", "ca.pem"),
              testing::StartsWith(at(*server_, "localhost") + "is not for the name localhost;"));
  EXPECT_THAT(why(*stranger, "127.0.0.1", "ca.pem"),
              testing::StartsWith(at(*stranger, "127.0.0.1") + "is not for the name 127.0.0.1;"));
  EXPECT_THAT(why(*old, "127.0.0.1", "ca.pem"),
              testing::StartsWith(at(*old, "127.0.0.1") + "has expired;"));
  EXPECT_THAT(why(*server_, "127.0.0.1", "other.pem"),
              testing::StartsWith(at(*server_, "127.0.0.1") + "is signed by an unknown authority"));

  // Of many, each is known for its own trouble, and one that is good is enough.
  const std::string good = server_->url(), bad = old->url(), wrong = stranger->url();
  nats_options many = options_of("api");
  const auto tls = [](const std::string& url) { return "tls" + url.substr(4); };
  many.servers = {tls(bad), tls(wrong)};
  const auto none = visit(many);
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, testing::HasSubstr(tls(bad) + ": TLS: its certificate has"));
  EXPECT_THAT(none.error().message, testing::HasSubstr(tls(wrong) + ": TLS: its certificate is"));
  many.servers.push_back(tls(good));
  const auto one = visit(many);
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_EQ(one->on->server(), tls(good));
}

TEST_F(nats_access_test, a_gateway_speaks_and_hears_in_its_own_name_alone) {
  nats_bus& api = bus_of("api");
  nats_bus& fra = bus_of("gw-fra-1");
  ASSERT_TRUE(fra.serve(*gateway_name::parse("gw-fra-1"), fra_));
  const auto until = clock_->steady() + 5s;
  while (!ask(api, "gw-fra-1") && clock_->steady() < until) {}
  fra_.seen.clear();
  auto other = visit("gw-iad-1");
  auto owner = visit("api");
  ASSERT_TRUE(other && owner);
  const std::string mine = "_INBOX.gateway.gw-iad-1";
  owner->hear("peerage.v1.gateway.*.heartbeat");
  owner->hear("_INBOX.api.>");
  ASSERT_TRUE(settle(*owner, "_INBOX.api.2"));
  const std::size_t quiet = owner->heard.size();
  for (const char* action : {"apply", "status", "accept-removals"}) {
    other->say("peerage.v1.gateway.gw-fra-1." + std::string(action), "{}", mine + ".answer");
  }
  other->say("peerage.v1.gateway.gw-fra-1.heartbeat", "{}");
  other->say("_INBOX.api.2", "{}");
  for (const char* subject : {"peerage.v1.gateway.gw-fra-1.apply", "peerage.v1.gateway.*.apply",
                              "peerage.v1.gateway.*.heartbeat", "_INBOX.>", "_INBOX.api.>", ">"}) {
    other->hear(subject);
  }
  ASSERT_TRUE(settle(*other, mine));
  const std::size_t own = other->heard.size();
  EXPECT_TRUE(ask(api, "gw-fra-1"));
  ASSERT_TRUE(settle(*owner, "_INBOX.api.2"));
  ASSERT_TRUE(settle(*other, mine));
  EXPECT_EQ(fra_.seen.size(), 1U) << "the API's own";
  EXPECT_LE(other->heard.size(), own + 2) << "its own words alone, and no answer";
  for (const std::string& each : other->heard) EXPECT_EQ(each, "settled");
  std::size_t strange = 0;
  for (std::size_t i = quiet; i < owner->heard.size(); ++i) strange += owner->heard[i] == "{}";
  EXPECT_EQ(strange, 0U);
}

}  // namespace
}  // namespace peerage::contract
