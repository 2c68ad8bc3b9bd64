// What a gateway refuses by itself, where nothing on the server stands in the way: each changes
// nothing, and is said once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "crypto/x25519.h"
#include "natsbus/bus.h"
#include "natsbus/connection.h"
#include "natsbus/guard.h"
#include "testing/fake_roster.h"
#include "tests/contract/bus_contract.h"
#include "tests/contract/nats_server.h"
#include "wire/messages.h"

namespace peerage::contract {
namespace {

using namespace std::chrono_literals;
using fakes::run_on;
using testing::HasSubstr;

/// One whose calendar is set.
struct shifted_clock final : clock {
  shifted_clock(clock& of, milliseconds by) : of_(of), by_(by) {}
  wall_time now() const override { return of_.now() + by_; }
  steady_time steady() const override { return of_.steady(); }
  task<> wait_until(steady_time until) override { return of_.wait_until(until); }
  clock& of_;
  milliseconds by_;
};

/// A message, as somebody sends it.
struct message {
  std::string payload;
  std::string seal;
};

class nats_seal_test : public testing::Test {
 protected:
  nats_seal_test() {
    nats_options options;
    options.servers = {server_.url()};
    gateway_ =
        make_nats_bus(loop_.get_executor(), *clock_, roster_, {make_private_key(), ""}, options);
    roster_.known.push_back({party_kind::api, "api-1", api_.keys().open_key()});
    roster_.tell();
    EXPECT_TRUE(gateway_->serve(name_, service_));
    nats::dialler dial(loop_.get_executor());
    bool dialled = false;
    dial.dial(options, [&](auto made) {
      hand_ = std::move(made.value());
      dialled = true;
    });
    run_until(loop_, [&] { return dialled && gateway_->connected(); });
    hand_->start([] {});
    hand_->subscribe("answers", [this](const nats::message& each) {
      if (each.nobody) return;
      answers_.push_back({std::string(each.payload), std::string(each.seal)});
    });
    // Until its subscriptions have reached the server.
    while (tell({"{}", ""}, "status").payload.empty()) {}
    answers_.clear();
  }
  ~nats_seal_test() override { run_on(loop_, gateway_->stop()); }

  message sealed(nats::guard& by, const std::string& payload, const std::string& action = "apply",
                 const std::string& gateway = "gw-1") {
    by.keys().know(party_kind::gateway, roster_.known);
    const auto asked = by.ask(*gateway_name::parse(gateway), subject(action, gateway), payload);
    return {payload, asked.value().seal};
  }
  static std::string subject(const std::string& action, const std::string& gateway = "gw-1") {
    return "peerage.v1.gateway." + gateway + "." + action;
  }
  /// Its answer; nothing where none came within 2 s.
  message tell(const message& what, const std::string& action = "apply") {
    const std::size_t before = answers_.size();
    EXPECT_TRUE(hand_->publish(subject(action), "answers", what.payload, what.seal));
    run_until(loop_, [&] { return answers_.size() > before; }, 2s);
    return answers_.size() > before ? answers_.back() : message{};
  }
  /// It is answered with the reason, said once in the log, and does nothing.
  void expect_refused(const message& what, const std::string& why,
                      const std::string& action = "apply") {
    testing::internal::CaptureStderr();
    const message answer = tell(what, action);
    const std::string log = testing::internal::GetCapturedStderr();
    EXPECT_THAT(answer.payload, HasSubstr(R"({"error":")" + why));
    EXPECT_THAT(log, HasSubstr("refused a request subject=" + subject(action)));
    EXPECT_THAT(log, HasSubstr(why));
    EXPECT_EQ(std::ranges::count(log, '\n'), 1) << log;
    EXPECT_TRUE(service_.seen.empty());
    EXPECT_EQ(service_.accepted, 0);
  }

  nats_server server_;
  asio::io_context loop_;
  std::unique_ptr<clock> clock_ = make_system_clock(loop_.get_executor());
  gateway_name name_ = *gateway_name::parse("gw-1");
  struct counting : echo {
    using echo::echo;
    task<accept_removals_reply> accept_removals(accept_removals_request) override {
      co_return accept_removals_reply{static_cast<std::uint32_t>(++accepted)};
    }
    int accepted = 0;
  } service_{loop_};
  fakes::fake_roster roster_{loop_.get_executor()};
  nats::guard api_{make_private_key(), "api-1", *clock_};
  std::unique_ptr<nats_bus> gateway_;
  std::unique_ptr<nats::connection> hand_;
  std::vector<message> answers_;
  std::string good_ = wire::write(sample_request());
};

TEST_F(nats_seal_test, what_an_api_process_says_is_done) {
  EXPECT_THAT(tell(sealed(api_, good_)).payload, HasSubstr("results"));
  EXPECT_EQ(service_.seen.size(), 1U);
}

TEST_F(nats_seal_test, unsigned) {
  expect_refused({good_, ""}, "it is not signed");
}

TEST_F(nats_seal_test, unsigned_removals_are_not_accepted) {
  expect_refused({"{}", ""}, "it is not signed", "accept-removals");
}

TEST_F(nats_seal_test, of_a_stranger) {
  nats::guard stranger(make_private_key(), "api-9", *clock_);
  expect_refused(sealed(stranger, good_), "it is signed by api-9, which nobody knows");
}

TEST_F(nats_seal_test, of_a_stranger_under_the_name_of_an_api_process) {
  nats::guard stranger(make_private_key(), "api-1", *clock_);
  expect_refused(sealed(stranger, good_), "its signature is not that of api-1");
}

TEST_F(nats_seal_test, of_another_gateway) {
  // It is in the roster, as a gateway.
  nats::guard other(make_private_key(), "gw-2", *clock_);
  roster_.known.push_back({party_kind::gateway, "gw-2", other.keys().open_key()});
  roster_.tell();
  expect_refused(sealed(other, good_), "it is signed by gw-2, which nobody knows");
}

TEST_F(nats_seal_test, for_another_gateway) {
  roster_.known.push_back({party_kind::gateway, "gw-2", roster_.known.back().key});
  expect_refused(sealed(api_, good_, "apply", "gw-2"), "it is signed for another gateway");
}

TEST_F(nats_seal_test, for_another_subject) {
  expect_refused(sealed(api_, "{}", "status"), "its signature is not that of api-1",
                 "accept-removals");
}

TEST_F(nats_seal_test, with_another_body) {
  message changed = sealed(api_, good_);
  changed.payload.back() = ' ';
  expect_refused(changed, "its signature is not that of api-1");
}

TEST_F(nats_seal_test, from_ten_minutes_ago) {
  shifted_clock ago(*clock_, milliseconds{-600'000});
  const secret_key key = make_private_key();
  nats::guard late(key, "api-2", ago);
  roster_.known.push_back({party_kind::api, "api-2", public_of(key)});
  roster_.tell();
  expect_refused(sealed(late, good_), "its time is more than 60 s from this host's");
}

TEST_F(nats_seal_test, by_a_revoked_key) {
  EXPECT_THAT(tell(sealed(api_, good_)).payload, HasSubstr("results"));
  service_.seen.clear();
  const message recorded = sealed(api_, good_);
  roster_.remove("api-1");
  expect_refused(recorded, "it is signed by api-1, which nobody knows");
}

TEST_F(nats_seal_test, what_is_said_again_is_answered_the_same_and_accepts_nothing_twice) {
  const message recorded = sealed(api_, "{}", "accept-removals");
  const message first = tell(recorded, "accept-removals");
  EXPECT_EQ(first.payload, R"({"released":1})");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(tell(recorded, "accept-removals").payload, first.payload);
  EXPECT_EQ(service_.accepted, 1);
  EXPECT_EQ(tell(sealed(api_, "{}", "accept-removals"), "accept-removals").payload,
            R"({"released":2})");
}

TEST_F(nats_seal_test, a_new_api_process_is_known_at_once) {
  nats::guard fresh(make_private_key(), "api-7", *clock_);
  const message early = sealed(fresh, good_);
  EXPECT_TRUE(hand_->publish(subject("apply"), "answers", early.payload, early.seal));
  EXPECT_TRUE(hand_->publish(subject("status"), "answers", "{}"));
  ASSERT_TRUE(run_until(loop_, [&] { return answers_.size() == 1; })) << "the later one";
  roster_.known.push_back({party_kind::api, "api-7", fresh.keys().open_key()});
  roster_.tell();
  ASSERT_TRUE(run_until(loop_, [&] { return answers_.size() == 2; }, 900ms));
  EXPECT_THAT(answers_[1].payload, HasSubstr("results"));
}

TEST_F(nats_seal_test, strangers_wait_in_a_bounded_number) {
  nats::guard stranger(make_private_key(), "api-9", *clock_);
  const message each = sealed(stranger, good_);
  for (std::size_t i = 0; i < nats::most_strangers + 3; ++i) {
    EXPECT_TRUE(hand_->publish(subject("apply"), "answers", each.payload, each.seal));
  }
  ASSERT_TRUE(run_until(loop_, [&] { return answers_.size() >= 3; }, 900ms));
  EXPECT_EQ(answers_.size(), 3U) << "those beyond are refused at once";
  const message good = sealed(api_, good_);
  EXPECT_THAT(tell(good).payload, HasSubstr("results")) << "and nobody else waits";
}

TEST_F(nats_seal_test, an_answer_that_the_gateway_does_not_vouch_for_is_not_believed) {
  nats_options options;
  options.servers = {server_.url()};
  const auto api =
      make_nats_bus(loop_.get_executor(), *clock_, roster_, {make_private_key(), "api-2"}, options);
  ASSERT_TRUE(run_until(loop_, [&] { return api->connected(); }));
  // A liar hears the gateway's subject too, and is the first to answer.
  service_.slow = true;
  apply_reply lie;
  lie.request_id = "r1";
  lie.results.push_back({fakes::sample_key(1), change_state::removed, {}, {}});
  hand_->subscribe(subject("apply"), [&](const nats::message& each) {
    EXPECT_TRUE(hand_->publish(std::string(each.reply), {}, wire::write(lie)));
    EXPECT_TRUE(
        hand_->publish(std::string(each.reply), {}, wire::write(lie), std::string(each.seal)));
    service_.slow = false;
    service_.go_on.notify();
  });
  ASSERT_FALSE(tell({"{}", ""}, "status").payload.empty()) << "so the server has it";
  auto request = sample_request();
  const auto reply = run_on(loop_, api->apply(name_, std::move(request), clock_->steady() + 5s));
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->results.at(0).state, change_state::live) << "the gateway's own";
  run_on(loop_, api->stop());
}

TEST_F(nats_seal_test, a_false_heartbeat_is_not_heard) {
  nats_options options;
  options.servers = {server_.url()};
  const auto api =
      make_nats_bus(loop_.get_executor(), *clock_, roster_, {make_private_key(), "api-2"}, options);
  std::vector<std::uint32_t> heard;
  api->listen([&](const heartbeat& beat) { heard.push_back(beat.peers); });
  ASSERT_TRUE(run_until(loop_, [&] { return api->connected(); }));
  const auto beat = [&](std::uint32_t peers) {
    return heartbeat{name_, *region_name::parse("fra"), peers, revision{3}};
  };
  std::string recorded;
  hand_->subscribe(subject("heartbeat"), [&](const nats::message& each) {
    if (recorded.empty()) recorded = each.seal;
  });
  gateway_->publish(beat(1));
  ASSERT_TRUE(run_until(loop_, [&] { return !heard.empty() && !recorded.empty(); }));
  const auto all_ones = [&] { return std::ranges::all_of(heard, [](auto n) { return n == 1; }); };
  ASSERT_TRUE(hand_->publish(subject("heartbeat"), {}, wire::write(beat(9))));
  ASSERT_TRUE(hand_->publish(subject("heartbeat"), {}, wire::write(beat(9)), recorded));
  ASSERT_TRUE(hand_->publish(subject("heartbeat"), {}, wire::write(beat(1)), recorded));
  ASSERT_FALSE(tell({"{}", ""}, "status").payload.empty()) << "so they have been through";
  EXPECT_TRUE(all_ones());
  gateway_->publish(beat(2));
  ASSERT_TRUE(run_until(loop_, [&] { return heard.back() == 2; }));
  run_on(loop_, api->stop());
}

TEST_F(nats_seal_test, a_heartbeat_of_another_time_is_heard_with_its_time) {
  nats_options options;
  options.servers = {server_.url()};
  shifted_clock yesterday(*clock_, -24h);
  const auto api = make_nats_bus(loop_.get_executor(), yesterday, roster_,
                                 {make_private_key(), "api-2"}, options);
  std::vector<heartbeat> heard;
  api->listen([&](const heartbeat& beat) { heard.push_back(beat); });
  ASSERT_TRUE(run_until(loop_, [&] { return api->connected(); }));
  testing::internal::CaptureStderr();
  gateway_->publish(heartbeat{name_, *region_name::parse("fra"), 1, revision{3}});
  const bool was_heard = run_until(loop_, [&] { return !heard.empty(); });
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr("more than 60 s from this host's"));
  ASSERT_TRUE(was_heard);
  ASSERT_TRUE(heard.front().at);
  EXPECT_LT(std::chrono::abs(clock_->now() - *heard.front().at), 60s) << "the gateway's clock";
  run_on(loop_, api->stop());
}

}  // namespace
}  // namespace peerage::contract
