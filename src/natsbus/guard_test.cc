// Who is believed: every way in which a message can be wrong, without a bus.
#include "natsbus/guard.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "crypto/x25519.h"
#include "testing/fake_clock.h"

namespace peerage::nats {
namespace {

const std::string subject = "peerage.v1.gateway.gw-1.apply";
const std::string beats = "peerage.v1.gateway.gw-1.heartbeat";

struct guard_test : testing::Test {
  asio::io_context loop;
  fakes::fake_clock time{loop.get_executor()};
  gateway_name gateway = *gateway_name::parse("gw-1");
  guard api{make_private_key(), "api-1", time};
  guard other_api{make_private_key(), "api-2", time};
  guard there{make_private_key(), "", time};

  void SetUp() override {
    for (guard* each : {&api, &other_api}) {
      each->keys().know(party_kind::gateway,
                        {{party_kind::gateway, "gw-1", there.keys().open_key()}});
    }
    know_apis();
  }
  void know_apis() {
    there.keys().know(party_kind::api, {{party_kind::api, "api-1", api.keys().open_key()},
                                        {party_kind::api, "api-2", other_api.keys().open_key()}});
  }
  guard::question ask(const std::string& body) { return api.ask(gateway, subject, body).value(); }
  std::string refusal(const std::string& seal, const std::string& body,
                      const std::string& at = subject) {
    const auto judged = there.judge(gateway, at, seal, body);
    return judged ? "" : judged.error().message;
  }
};

TEST_F(guard_test, a_question_and_its_answer_are_believed) {
  const auto asked = ask("body");
  const auto asker = there.judge(gateway, subject, asked.seal, "body");
  ASSERT_TRUE(asker) << asker.error().message;
  EXPECT_TRUE(asker->fresh);
  EXPECT_EQ(asker->signer, "api-1");
  const std::string answer = there.answer(gateway, subject, *asker, "reply");
  EXPECT_TRUE(api.believes(asked, answer, "reply"));
  EXPECT_FALSE(api.believes(asked, answer, "reply!"));
  EXPECT_FALSE(api.believes(asked, "", "reply"));
  EXPECT_FALSE(api.believes(asked, asked.seal, "body")) << "its own question comes back";
  const auto next = ask("body");
  EXPECT_NE(next.request, asked.request);
  EXPECT_FALSE(api.believes(next, answer, "reply")) << "the answer to another question";
}

TEST_F(guard_test, whatever_was_changed_is_refused) {
  const std::string seal = ask("body").seal;
  EXPECT_EQ(refusal(seal, "body"), "");
  EXPECT_EQ(refusal(seal, "bodY"), "its signature is not that of api-1");
  EXPECT_EQ(refusal(seal, "body", "peerage.v1.gateway.gw-1.accept-removals"),
            "its signature is not that of api-1");
  EXPECT_EQ(refusal("", "body"), "it is not signed");
  EXPECT_EQ(refusal("garbage", "body"), "it is not signed");
  for (std::size_t at = 0; at < seal.size(); ++at) {
    std::string changed = seal;
    changed[at] = changed[at] == '1' ? '2' : '1';
    EXPECT_NE(refusal(changed, "body"), "") << changed;
  }
}

TEST_F(guard_test, strangers_and_others_are_refused) {
  guard stranger(make_private_key(), "api-1", time);
  stranger.keys().know(party_kind::gateway,
                       {{party_kind::gateway, "gw-1", there.keys().open_key()}});
  const auto false_one = stranger.ask(gateway, subject, "body").value();
  EXPECT_EQ(refusal(false_one.seal, "body"), "its signature is not that of api-1");
  guard unknown(make_private_key(), "api-9", time);
  unknown.keys().know(party_kind::gateway,
                      {{party_kind::gateway, "gw-1", there.keys().open_key()}});
  const auto judged =
      there.judge(gateway, subject, unknown.ask(gateway, subject, "body").value().seal, "body");
  ASSERT_FALSE(judged);
  EXPECT_EQ(judged.error().code, errc::not_found) << "it may become known";
  // A gateway's own key opens nothing at another gateway.
  guard neighbour(make_private_key(), "", time);
  neighbour.keys().know(party_kind::api, {{party_kind::api, "api-1", api.keys().open_key()}});
  const auto elsewhere = *gateway_name::parse("gw-2");
  const auto wrong = neighbour.judge(elsewhere, subject, ask("body").seal, "body");
  EXPECT_EQ(wrong.error().message, "it is signed for another gateway");
}

TEST_F(guard_test, a_revoked_key_opens_nothing_and_the_others_do) {
  const auto asked = ask("body");
  EXPECT_EQ(refusal(asked.seal, "body"), "");
  there.keys().know(party_kind::api, {{party_kind::api, "api-2", other_api.keys().open_key()}});
  EXPECT_EQ(there.judge(gateway, subject, asked.seal, "body").error().code, errc::not_found);
  EXPECT_EQ(refusal(other_api.ask(gateway, subject, "body").value().seal, "body"), "");
  // A key in the place of another, under the same name.
  there.keys().know(party_kind::api, {{party_kind::api, "api-1", other_api.keys().open_key()}});
  EXPECT_EQ(refusal(asked.seal, "body"), "its signature is not that of api-1");
}

TEST_F(guard_test, only_what_is_fresh_is_done) {
  const auto asked = ask("body");
  const auto fresh = [&] { return there.judge(gateway, subject, asked.seal, "body")->fresh; };
  time.jump(milliseconds{60'000});
  EXPECT_TRUE(fresh());
  time.jump(milliseconds{1});
  EXPECT_FALSE(fresh());
  time.jump(milliseconds{-120'001});
  EXPECT_TRUE(fresh()) << "the other side's clock may be ahead";
  time.jump(milliseconds{-1});
  EXPECT_FALSE(fresh());
}

TEST_F(guard_test, a_heartbeat_is_believed_once_by_every_api) {
  const std::string beat = there.beat(gateway, beats, "7 peers");
  EXPECT_TRUE(api.believe_heartbeat(gateway, beats, beat, "7 peers"));
  EXPECT_TRUE(other_api.believe_heartbeat(gateway, beats, beat, "7 peers"));
  EXPECT_EQ(api.believe_heartbeat(gateway, beats, beat, "7 peers").error().message,
            "it was heard before");
  const std::string next = there.beat(gateway, beats, "8 peers");
  EXPECT_FALSE(api.believe_heartbeat(gateway, beats, next, "9 peers"));
  EXPECT_TRUE(api.believe_heartbeat(gateway, beats, next, "8 peers")) << "in the same millisecond";
  EXPECT_FALSE(api.believe_heartbeat(gateway, beats, "", "8 peers"));
  const auto elsewhere = *gateway_name::parse("gw-2");
  EXPECT_FALSE(api.believe_heartbeat(elsewhere, beats, there.beat(elsewhere, beats, "x"), "x"))
      << "of a gateway that nobody knows";
  time.jump(milliseconds{-30'000});
  const std::string back = there.beat(gateway, beats, "7 peers");
  EXPECT_TRUE(api.believe_heartbeat(gateway, beats, back, "7 peers")) << "a clock that goes back";
}

TEST_F(guard_test, a_heartbeat_of_another_time_is_believed_once_and_says_when_it_was_sealed) {
  const wall_time sealed = time.now();
  const std::string beat = there.beat(gateway, beats, "7 peers");
  time.jump(milliseconds{86'400'000});
  const auto believed = api.believe_heartbeat(gateway, beats, beat, "7 peers");
  ASSERT_TRUE(believed);
  EXPECT_EQ(*believed, sealed);
  EXPECT_FALSE(api.fresh(*believed));
  EXPECT_EQ(api.believe_heartbeat(gateway, beats, beat, "7 peers").error().message,
            "it was heard before");
  EXPECT_FALSE(api.believe_heartbeat(gateway, beats, beat, "8 peers"));
}

TEST_F(guard_test, nothing_is_said_to_a_gateway_that_is_not_known) {
  const auto asked = api.ask(*gateway_name::parse("gw-9"), subject, "body");
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code, errc::unavailable);
}

TEST(seal_text, is_read_as_it_was_written_and_nothing_else_is) {
  seal made{"api-1", "r-7", wall_time{milliseconds{1'764'000'000'000}}, {{"gw-1", {1, 2}}}};
  made.tags.push_back({"gw-2", {3}});
  const std::string text = write_seal(made);
  const auto read = read_seal(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->signer, "api-1");
  EXPECT_EQ(read->request, "r-7");
  EXPECT_EQ(read->at, made.at);
  EXPECT_EQ(read->tags, made.tags);
  EXPECT_EQ(read->tag_for("gw-3"), nullptr);
  for (std::size_t size = 0; size < text.size(); ++size) {
    if (text[size] == ',') continue;  // there the first one is whole
    EXPECT_FALSE(read_seal(text.substr(0, size))) << size;
  }
  for (const std::string& wrong :
       {"2" + text.substr(1), " " + text, text + " ", text + "0",
        std::string("1 api-1 r-7 -5 gw-1=00"), std::string("1 A r 5 gw-1=") + std::string(64, '0'),
        text + std::string(20'000, ' ')}) {
    EXPECT_FALSE(read_seal(wrong)) << wrong.substr(0, 100);
  }
  const auto with = [](const std::string& request, const std::string& at) {
    return read_seal("1 api-1 " + request + " " + at + " gw-1=" + std::string(64, '0'));
  };
  for (const std::string& good : {std::string("09az-"), std::string(64, 'r')}) {
    EXPECT_TRUE(with(good, "253402300799999")) << good;
  }
  for (const std::string& wrong : {std::string(), std::string(65, 'r'), std::string("a/"),
                                   std::string("a:"), std::string("a`"), std::string("a{")}) {
    EXPECT_FALSE(with(wrong, "5")) << wrong;
  }
  for (const char* wrong : {"", "x", "5x", "-5", "253402300800000", "99999999999999999999"}) {
    EXPECT_FALSE(with("r", wrong)) << wrong;
  }
}

/// Every fresh state_dir is a new id, and the names of the living are behind those of the dead.
TEST_F(guard_test, living_apis_are_reached_whatever_number_is_known) {
  std::vector<party> all{{party_kind::api, "api-1", api.keys().open_key()},
                         {party_kind::api, "api-2", other_api.keys().open_key()}};
  const public_key dead = public_of(make_private_key());
  for (int i = 0; i < 500; ++i) all.push_back({party_kind::api, "a-" + std::to_string(i), dead});
  there.keys().know(party_kind::api, all);
  EXPECT_TRUE(there.too_many_apis());
  ASSERT_TRUE(there.judge(gateway, subject, ask("body").seal, "body"));
  int others = 0;
  for (int i = 0; i < 10; ++i) {
    time.advance(milliseconds{2'000});
    const std::string beat = there.beat(gateway, beats, "7 peers");
    EXPECT_TRUE(api.believe_heartbeat(gateway, beats, beat, "7 peers")) << "one that asked";
    others += other_api.believe_heartbeat(gateway, beats, beat, "7 peers") ? 1 : 0;
  }
  EXPECT_GE(others, 1) << "one that did not has its turn";
}

}  // namespace
}  // namespace peerage::nats
