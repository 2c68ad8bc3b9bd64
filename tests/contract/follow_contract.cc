// The promises of ports/store.h to a gateway: follow(), assignments(), claim().
#include <boost/asio/co_spawn.hpp>
#include <set>

#include "testing/run.h"
#include "testing/samples.h"
#include "tests/contract/store_contract.h"

namespace peerage::contract {

using peerage::fakes::run_on;
using peerage::fakes::sample_gateway;
using peerage::fakes::sample_key;
using peerage::fakes::sample_peer;

namespace {

/// Follows one gateway, and keeps what it should have.
struct follower {
  asio::io_context& loop;
  store& from;
  gateway_name gateway = *gateway_name::parse("gw-1");
  std::string position = {};
  std::map<public_key, stored_assignment> peers = {};
  revision as_of = {};

  followed look(steady_duration wait = milliseconds{300}) {
    gateway_name name = gateway;
    std::string at = position;
    auto got = run_on(loop, from.follow(std::move(name), std::move(at), wait));
    if (!got) throw std::runtime_error(got.error().message);
    if (got->what.whole) peers.clear();
    for (const auto& each : got->what.keys) peers.erase(each);
    for (const auto& each : got->what.peers) peers.insert_or_assign(each.peer.public_key, each);
    position = got->position;
    as_of = std::max(as_of, got->what.as_of);
    return *std::move(got);
  }

  /// Until the store's word has reached that revision.
  void catch_up(revision at) {
    for (int i = 0; i < 50 && as_of < at; ++i) look(milliseconds{50});
    EXPECT_GE(as_of, at);
  }

  std::set<std::string> names() const {
    std::set<std::string> all;
    for (const auto& [key, each] : peers) all.insert(each.peer.id.name.text());
    return all;
  }
};

using names = std::set<std::string>;

}  // namespace

TEST_P(store_contract, a_follower_begins_with_everything) {
  furnish();
  const peer one = sample_peer("acme", "a", 1);
  const auto at = add(one);
  follower all{loop_, *store_};
  const followed first = all.look();
  EXPECT_TRUE(first.what.whole);
  EXPECT_GE(first.what.as_of, *at);
  EXPECT_EQ(first.of, run_on(loop_, store_->identity()).value());
  ASSERT_EQ(first.what.peers.size(), 1U);
  EXPECT_EQ(first.what.peers[0].at, *at);
  const auto net = std::get<network>(get(one.id.network)->value);
  EXPECT_EQ(first.what.peers[0].peer, assignment_of(one, net.ipv4));
}

TEST_P(store_contract, a_follower_hears_of_every_change) {
  furnish();
  ASSERT_TRUE(add(sample_gateway("gw-2", 2)));
  follower here{loop_, *store_};
  here.look();
  peer one = sample_peer("acme", "a", 1);
  here.catch_up(*add(one));
  EXPECT_EQ(here.names(), names{"a"});
  one.public_key = sample_key(2);  // a new key
  here.catch_up(*add(one, present{}));
  EXPECT_TRUE(here.peers.contains(sample_key(2)));
  EXPECT_EQ(here.peers.size(), 1U);
  one.expires_at = one.created_at + seconds{900};  // renewed
  here.catch_up(*add(one, present{}));
  EXPECT_EQ(here.peers.at(sample_key(2)).peer.expires_at, one.expires_at);
  one.gateway = *gateway_name::parse("gw-2");  // moved away
  here.catch_up(*add(one, present{}));
  EXPECT_TRUE(here.peers.empty());
  one.gateway = *gateway_name::parse("gw-1");  // and back
  here.catch_up(*add(one, present{}));
  EXPECT_EQ(here.names(), names{"a"});
  here.catch_up(*remove(one.id));
  EXPECT_TRUE(here.peers.empty());
}

TEST_P(store_contract, a_follower_goes_on_where_it_was_after_a_restart) {
  furnish();
  follower before{loop_, *store_};
  ASSERT_TRUE(add(sample_peer("acme", "a", 1)));
  before.look();
  const auto removed = remove(sample_peer("acme", "a", 1).id);
  ASSERT_TRUE(add(sample_peer("acme", "b", 2)));
  const std::string position = before.position;
  const auto peers = before.peers;
  reopen();
  const auto last = add(sample_peer("acme", "c", 3));
  follower after{loop_, *store_, before.gateway, position, peers, before.as_of};
  after.catch_up(*last);
  EXPECT_GE(after.as_of, *removed);
  EXPECT_EQ(after.names(), (names{"b", "c"}));
}

TEST_P(store_contract, a_follower_without_news_waits) {
  furnish();
  follower one{loop_, *store_};
  one.look();
  one.look(milliseconds{50});  // what claim and the like have changed
  const auto begun = std::chrono::steady_clock::now();
  const followed nothing = one.look(milliseconds{200});
  EXPECT_GE(std::chrono::steady_clock::now() - begun, milliseconds{150});
  EXPECT_FALSE(nothing.what.whole);
  EXPECT_TRUE(nothing.what.keys.empty());
}

TEST_P(store_contract, a_position_that_is_none_begins_anew) {
  furnish();
  ASSERT_TRUE(add(sample_peer("acme", "a", 1)));
  for (const std::string bad : {"garbage", "{}", "[1,2]", "-1", "99999999999999999999999"}) {
    follower one{loop_, *store_};
    one.position = bad;
    EXPECT_TRUE(one.look().what.whole) << bad;
    EXPECT_EQ(one.names(), names{"a"});
  }
}

TEST_P(store_contract, tells_what_a_gateway_should_have_of_some_keys) {
  furnish();
  const auto at = add(sample_peer("acme", "a", 1));
  gateway_name gateway = *gateway_name::parse("gw-1");
  std::vector<public_key> keys{sample_key(1), sample_key(2)};
  const auto said = run_on(loop_, store_->assignments(gateway, keys)).value();
  EXPECT_FALSE(said.whole);
  EXPECT_EQ(said.keys, keys);
  ASSERT_EQ(said.peers.size(), 1U);
  EXPECT_EQ(said.peers[0].at, *at);
  EXPECT_GE(said.as_of, *at);
  gateway = *gateway_name::parse("gw-9");
  EXPECT_TRUE(run_on(loop_, store_->assignments(gateway, keys)).value().peers.empty());
}

TEST_P(store_contract, a_name_is_claimed_given_back_and_claimed_again) {
  furnish();
  gateway_name gateway = *gateway_name::parse("gw-1");
  const claimant first{"here", "start 1", "process 1 on host a"};
  const claimant again{"here", "start 2", "process 2 on host a"};
  const claimant other{"there", "start 3", "process 3 on host b"};
  EXPECT_TRUE(run_on(loop_, store_->claim(gateway, first)));
  EXPECT_TRUE(run_on(loop_, store_->claim(gateway, again))) << "the same, started again";
  run_on(loop_, store_->release(gateway));
  EXPECT_TRUE(run_on(loop_, store_->claim(gateway, other))) << "nobody has it";
}

}  // namespace peerage::contract
