// What Consul, or another in its place, answers wrongly or not at all; and keys whose values are
// none of Peerage's.
#include <set>

#include "base/base64.h"
#include "consul/rings.h"
#include "tests/contract/consul_store_fixture.h"

namespace peerage::contract {
namespace {

using fakes::run_on;
using fakes::sample_key;
using fakes::sample_network;
using fakes::sample_peer;

struct consul_answers : consul_store {};

TEST_F(consul_answers, a_lost_answer_is_an_unknown_outcome_and_the_commit_is_there) {
  const auto behind = open_behind_proxy();
  const auto direct = open("api-2");
  furnish(*behind);
  const peer one = sample_peer("acme", "a", 1);
  ASSERT_TRUE(add(*behind, sample_peer("acme", "before", 2)));
  proxy_.seen().drop_answers = true;
  const auto lost = add(*behind, one);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, errc::outcome_unknown) << lost.error().message;
  proxy_.seen().drop_answers = false;
  EXPECT_TRUE(get(*direct, one.id)) << "it was done all the same";
  EXPECT_EQ(blame(add(*behind, one)), "conflict name");
  EXPECT_EQ(blame(add(*behind, sample_peer("acme", "after", 3))), "") << "and the store goes on";
}

TEST_F(consul_answers, one_absurd_index_is_not_believed) {
  const auto behind = open_behind_proxy();
  furnish(*behind);
  ASSERT_TRUE(add(*behind, sample_peer("acme", "a", 1)));
  const gateway_name gateway = *gateway_name::parse("gw-1");
  for (const char* index : {"18446744073709551615", "900000000000000"}) {
    proxy_.seen().wrong_index = index;
    proxy_.seen().wrong_indexes = 1;
    EXPECT_FALSE(run_on(loop_, behind->follow(gateway, {}, seconds{0}))) << index;
    proxy_.seen().wrong_indexes = 1;
    EXPECT_FALSE(run_on(loop_, behind->identity())) << index;
    proxy_.seen().wrong_indexes = 0;
  }
  const auto followed = run_on(loop_, behind->follow(gateway, {}, seconds{0}));
  ASSERT_TRUE(followed) << followed.error().message;
  EXPECT_EQ(followed->what.peers.size(), 1U);
  EXPECT_LT(consul::index_of(followed->what.as_of), 900'000'000'000'000U);
  EXPECT_EQ(run_on(loop_, behind->identity())->id, followed->of.id) << "the store was not restored";
  // What an earlier version kept of such an answer heals at once.
  auto place = consul::read_place(followed->position).value();
  place.index = 900'000'000'000'000U;
  const auto healed =
      run_on(loop_, behind->follow(gateway, consul::write_place(place), seconds{0}));
  ASSERT_TRUE(healed) << healed.error().message;
  EXPECT_TRUE(healed->what.whole);
  EXPECT_EQ(healed->what.as_of, followed->what.as_of);
}

TEST_F(consul_answers, a_record_that_cannot_be_read_is_named_and_not_gone) {
  const auto one = open();
  furnish(*one);
  ASSERT_TRUE(add(*one, sample_peer("acme", "a", 1)));
  ASSERT_TRUE(add(*one, sample_peer("acme", "b", 2)));
  write_raw("at/gw-1/" + hex_encode(sample_key(2).bytes()), "garbage");
  const gateway_name gateway = *gateway_name::parse("gw-1");
  const auto followed = run_on(loop_, one->follow(gateway, {}, seconds{0}));
  ASSERT_TRUE(followed);
  EXPECT_EQ(followed->what.peers.size(), 1U);
  EXPECT_EQ(followed->what.unreadable, std::vector{sample_key(2)});
  const auto asked = run_on(loop_, one->assignments(gateway, {sample_key(1), sample_key(2)}));
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->unreadable, std::vector{sample_key(2)});
}

TEST_F(consul_answers, a_peer_whose_record_cannot_be_read_can_be_removed_and_made_again) {
  const auto one = open();
  furnish(*one);
  ASSERT_TRUE(add(*one, sample_peer("acme", "a", 1)));
  write_raw("peers/acme/a", "garbage");
  const peer_id id = sample_peer("acme", "a", 1).id;
  EXPECT_EQ(run_on(loop_, one->get(id)).error().code, errc::corrupt);
  const auto removed = remove(*one, id);
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_FALSE(get(*one, id));
  EXPECT_FALSE(raw("peers/acme/a"));
  EXPECT_TRUE(add(*one, sample_peer("acme", "a", 2)));
}

TEST_F(consul_answers, another_servers_404_is_no_absent_record) {
  const auto behind = open_behind_proxy();
  furnish(*behind);
  const network_name acme = *network_name::parse("acme");
  for (const std::string& page :
       {std::string("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        std::string("HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found"),
        std::string("HTTP/1.1 404 Not Found\r\nX-Consul-Index: 9\r\nContent-Length: 9\r\n\r\n"
                    "not found")}) {
    proxy_.seen().instead = page;
    const auto found = run_on(loop_, behind->get(acme));
    ASSERT_FALSE(found) << page;
    EXPECT_EQ(found.error().code, errc::unavailable) << page;
    page_query all{all_networks{}, {}, 100};
    EXPECT_FALSE(run_on(loop_, behind->list(std::move(all)))) << page;
  }
  proxy_.seen().instead.clear();
  EXPECT_TRUE(get(*behind, acme));
}

TEST_F(consul_answers, a_value_that_is_none_of_ours_is_reported_once_and_passed_over) {
  std::vector<std::string> told;
  auto options = options_at(server_.url(), prefix_);
  options.on_corrupt = [&](const std::string& key, const std::string&) { told.push_back(key); };
  const auto one = open_on(loop_, std::move(options));
  furnish(*one);
  ASSERT_TRUE(add(*one, sample_peer("acme", "a", 1)));
  write_raw("networks/garbage", "\x01\x02 no JSON");
  write_raw("networks/other", raw("networks/acme")->value);
  write_raw("peers/acme/b", "{}");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(list(*one, all_networks{}).items.size(), 1U);
    EXPECT_EQ(list(*one, peers_of_network{*network_name::parse("acme")}).items.size(), 1U);
  }
  EXPECT_EQ(std::set<std::string>(told.begin(), told.end()),
            (std::set<std::string>{prefix_ + "networks/garbage", prefix_ + "networks/other",
                                   prefix_ + "peers/acme/b"}));
  EXPECT_EQ(told.size(), 3U);
  const auto got = run_on(loop_, one->get(*network_name::parse("garbage")));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::corrupt);
  EXPECT_NE(got.error().message.find("networks/garbage"), std::string::npos);
}

/// Whoever may write there may take the name; garbage is no other owner.
TEST_F(consul_answers, an_owners_record_that_cannot_be_read_is_written_again) {
  const auto one = open();
  furnish(*one);
  const auto gateway = fakes::sample_gateway("gw-1");
  const claimant who{"instance", "start", "here"};
  ASSERT_TRUE(run_on(loop_, one->claim(gateway.name, who)));
  auto seen = run_on(loop_, one->follow(gateway.name, "", seconds{0}));
  ASSERT_TRUE(seen);
  for (const char* spoilt : {"garbage", "{}", "[1]", R"({"instance":"x","released":false})"}) {
    write_raw("rings/gw-1/~owner", spoilt);
    seen = run_on(loop_, one->follow(gateway.name, seen->position, seconds{2}));
    ASSERT_TRUE(seen) << spoilt << ": " << seen.error().message;
    EXPECT_NE(raw("rings/gw-1/~owner")->value.find("\"start\":\"start\""), std::string::npos);
    write_raw("rings/gw-1/~owner", spoilt);
    EXPECT_TRUE(run_on(loop_, one->claim(gateway.name, who)));
  }
}

TEST_F(consul_answers, a_stopped_consul_is_unavailable_at_once) {
  consul_server own;
  const auto one = open_on(loop_, options_at(own.url(), prefix_));
  furnish(*one);
  own.stop();
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(blame(add(*one, sample_peer("acme", "a", 1))), "unavailable ");
  const auto read = run_on(loop_, one->get(*network_name::parse("acme")));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, errc::unavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - before, seconds{1});
}

}  // namespace
}  // namespace peerage::contract
