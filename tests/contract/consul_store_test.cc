#include <array>
#include <set>

#include "base/base64.h"
#include "consul/change.h"
#include "consul/rings.h"
#include "consul/writer.h"
#include "tests/contract/consul_store_fixture.h"
#include "tests/contract/store_contract.h"

namespace peerage::contract {
namespace {

using fakes::run_on;
using fakes::sample_gateway;
using fakes::sample_key;
using fakes::sample_network;
using fakes::sample_peer;

struct consul_home final : store_home {
  std::string prefix = fresh_prefix();
  std::shared_ptr<store> open(asio::io_context& loop) override {
    return open_on(loop, options_at(consul_server::shared().url(), prefix));
  }
};

INSTANTIATE_TEST_SUITE_P(consul, store_contract,
                         testing::Values(store_kind{
                             "consul", [] { return std::make_unique<consul_home>(); }}));

TEST_F(consul_store, of_two_processes_that_want_one_thing_exactly_one_gets_it) {
  const auto first = open("api-1");
  const auto second = open("api-2");
  furnish(*first);
  const std::vector<std::string> fields = {"name", "public_key", "addresses"};
  for (std::uint32_t i = 0; i < 200; ++i) {
    const std::string number = std::to_string(i);
    peer one = sample_peer("acme", "a" + number, 2 * i);
    peer other = sample_peer("acme", "b" + number, 2 * i + 1);
    if (i % 3 == 0) other.id = one.id;
    if (i % 3 == 1) other.public_key = one.public_key;
    if (i % 3 == 2) other.ipv6 = one.ipv6;
    std::vector<std::pair<store*, transaction>> both;
    both.emplace_back(first.get(), transaction{put{one, absent{}}});
    both.emplace_back(second.get(), transaction{put{other, absent{}}});
    if (i % 2 == 1) std::swap(both[0], both[1]);
    const auto ended = race(std::move(both));
    ASSERT_NE(ended[0].has_value(), ended[1].has_value()) << i;
    EXPECT_EQ(blame(ended[ended[0] ? 1 : 0]), "conflict " + fields[i % 3]) << i;
  }
  EXPECT_EQ(list(*first, peers_of_network{*network_name::parse("acme")}, {}, 1'000).items.size(),
            200U);
}

TEST_F(consul_store, a_quota_holds_among_processes_and_comes_back_to_all) {
  const std::array<std::shared_ptr<store>, 2> at = {open("api-1"), open("api-2")};
  furnish(*at[0]);
  static constexpr std::uint32_t quota = 25;
  const auto wish = [](std::uint32_t n) {
    peer made = sample_peer("acme", "p" + std::to_string(n), n);
    made.quota = quota;
    return made;
  };
  for (int round = 0; round < 3; ++round) {
    std::vector<std::pair<store*, transaction>> all;
    for (std::uint32_t n = 0; n < 100; ++n) {
      all.emplace_back(at[n % 2].get(), transaction{put{wish(n), absent{}}});
    }
    std::vector<std::pair<store*, transaction>> gone;
    const auto ended = race(std::move(all));
    for (std::uint32_t n = 0; n < 100; ++n) {
      if (!ended[n]) {
        EXPECT_EQ(blame(ended[n]), "conflict max_peers");
        continue;
      }
      // By the process that did not make it.
      gone.emplace_back(at[1 - n % 2].get(), transaction{removal{wish(n).id, present{}}});
    }
    EXPECT_EQ(gone.size(), quota);
    EXPECT_EQ(raw("quotas/t1")->value, "25");
    // What another gave back is found at once.
    const peer last = wish(200);
    EXPECT_EQ(blame(add(*at[0], last)), "conflict max_peers");
    auto one = std::move(gone.back());
    gone.pop_back();
    EXPECT_EQ(blame(commit(*one.first, std::move(one.second))), "");
    for (auto& each : at) {
      EXPECT_EQ(blame(add(*each, last)), "");
      EXPECT_EQ(blame(remove(*at[0], last.id)), "");
    }
    for (const auto& each : race(std::move(gone))) EXPECT_EQ(blame(each), "");
    EXPECT_FALSE(raw("quotas/t1")) << "nothing is left of it";
  }
}

TEST_F(consul_store, the_most_removals_of_counted_peers_fit) {
  const auto one = open();
  furnish(*one);
  transaction gone;
  for (std::uint32_t n = 1; n <= one->most_removals(); ++n) {
    ASSERT_TRUE(add(*one, sample_gateway("gw-" + std::to_string(100 + n), 100 + n)));
    peer made = sample_peer("acme", "p" + std::to_string(n), n, "gw-" + std::to_string(100 + n));
    made.ipv4 = ip_address::parse("10.9.0." + std::to_string(n)).value();
    made.expires_at = made.created_at + seconds{60};
    made.created_by = *token_id::parse("t" + std::to_string(n));
    made.quota = 1;
    ASSERT_EQ(blame(add(*one, made)), "");
    gone.push_back(removal{made.id, present{}});
  }
  EXPECT_EQ(blame(commit(*one, std::move(gone))), "");
}

// Consul's delete-cas succeeds where the key is already gone.
TEST_F(consul_store, of_two_removals_of_one_record_exactly_one_is_done) {
  const auto first = open("api-1");
  const auto second = open("api-2");
  furnish(*first);
  for (std::uint32_t i = 0; i < 40; ++i) {
    const peer one = sample_peer("acme", "a" + std::to_string(i), i);
    const std::string name = "n" + std::to_string(i);
    const std::uint16_t number = static_cast<std::uint16_t>(100 + i);
    ASSERT_TRUE(add(*first, one));
    ASSERT_TRUE(add(*first, sample_network(name, "fd00:1::/48")));
    ASSERT_TRUE(add(*first, sample_gateway("gw-" + name, number)));
    const std::vector<record_key> keys = {one.id, *network_name::parse(name),
                                          *gateway_name::parse("gw-" + name)};
    for (const record_key& key : keys) {
      std::vector<std::pair<store*, transaction>> both;
      both.emplace_back(first.get(), transaction{removal{key, present{}}});
      both.emplace_back(second.get(), transaction{removal{key, present{}}});
      const auto ended = race(std::move(both));
      EXPECT_NE(ended[0].has_value(), ended[1].has_value()) << i << " of kind " << key.index();
    }
  }
}

TEST_F(consul_store, a_removal_that_comes_second_leaves_who_has_the_key_and_the_addresses_now) {
  const auto one = open("api-1");
  furnish(*one);
  peer old = sample_peer("acme", "old", 1);
  old.expires_at = old.created_at + seconds{60};
  old.quota = 5;
  ASSERT_TRUE(add(*one, old));
  // A second process has read the peer, and its transaction is late.
  const consul::key_space keys{prefix_};
  const consul::known<peer> read{*raw("peers/acme/old"), old};
  consul::change late;
  consul::remove_peer(late, keys, read);

  ASSERT_TRUE(remove(*one, old.id));
  peer next = old;
  next.id.name = *peer_name::parse("next");
  ASSERT_TRUE(add(*one, next));

  const auto calls = consul::open_calls(loop_.get_executor(), options_at(server_.url(), prefix_));
  ASSERT_TRUE(calls);
  const auto time = make_system_clock(loop_.get_executor());
  const auto other = std::make_shared<consul::writer>(loop_.get_executor(), *time, *calls, keys,
                                                      std::string("api-2"));
  const auto ended = run_on(loop_, other->send(std::move(late)));
  EXPECT_FALSE(ended.done);
  for (const auto& key : {keys.at(next.gateway, next.public_key), keys.address(next.ipv6)}) {
    EXPECT_TRUE(raw(key.substr(prefix_.size()))) << key;
  }
  EXPECT_EQ(raw("quotas/t1")->value, "1");
  EXPECT_FALSE(raw("placed/gw-1/acme/old"));
  EXPECT_TRUE(raw("placed/gw-1/acme/next"));
}

TEST_F(consul_store, a_network_is_removed_or_gets_a_peer_and_never_both) {
  const auto first = open("api-1");
  const auto second = open("api-2");
  ASSERT_TRUE(add(*first, sample_gateway("gw-1")));
  int removed = 0;
  int created = 0;
  for (std::uint32_t i = 0; i < 60; ++i) {
    network one = sample_network("n" + std::to_string(i), "fd00:1::/48");
    ASSERT_TRUE(add(*first, one));
    // A creator that has seen the network lately, and one that has not.
    if (i % 2 == 0) {
      ASSERT_TRUE(add(*first, sample_peer(one.name.text(), "early", 1'000)));
      ASSERT_TRUE(remove(*first, sample_peer(one.name.text(), "early", 1'000).id));
    }
    std::vector<std::pair<store*, transaction>> both;
    both.emplace_back(second.get(), transaction{removal{one.name, present{}}});
    both.emplace_back(first.get(),
                      transaction{put{sample_peer(one.name.text(), "late", 1'000), absent{}}});
    const auto ended = race(std::move(both));
    ASSERT_NE(ended[0].has_value(), ended[1].has_value())
        << i << ": " << blame(ended[0]) << ", " << blame(ended[1]);
    const bool there = get(*first, one.name).has_value();
    EXPECT_EQ(there, ended[1].has_value());
    EXPECT_EQ(get(*first, sample_peer(one.name.text(), "late", 1).id).has_value(), there);
    (there ? created : removed) += 1;
    if (there) {
      EXPECT_EQ(blame(ended[0]), "conflict peers");
      ASSERT_TRUE(remove(*second, sample_peer(one.name.text(), "late", 1).id));
      ASSERT_TRUE(remove(*second, one.name)) << "and then it goes";
    } else {
      EXPECT_EQ(blame(ended[1]), "not_found network");
    }
  }
  EXPECT_EQ(removed + created, 60);
}

TEST_F(consul_store, a_creation_that_saw_the_closing_mark_ends_the_removal) {
  const auto one = open("api-1");
  furnish(*one);
  // What a removal that died behind its mark leaves.
  write_raw("networks/acme", raw("networks/acme")->value, 1);
  ASSERT_TRUE(consul::closing(*raw("networks/acme")));
  const std::uint64_t marked = raw("networks/acme")->index;
  EXPECT_EQ(blame(add(*one, sample_peer("acme", "a", 1))), "");
  EXPECT_FALSE(consul::closing(*raw("networks/acme")));
  EXPECT_GT(raw("networks/acme")->index, marked) << "so the removal's delete is refused";
  ASSERT_TRUE(remove(*one, sample_peer("acme", "a", 1).id));
  write_raw("networks/acme", raw("networks/acme")->value, 1);
  EXPECT_EQ(blame(remove(*one, *network_name::parse("acme"))), "");
}

TEST_F(consul_store, callers_at_once_share_transactions) {
  const auto behind = open_behind_proxy();
  furnish(*behind);
  ASSERT_TRUE(add(*behind, sample_peer("acme", "warm", 1'000)));
  const int before = proxy_.seen().writes;
  std::vector<std::pair<store*, transaction>> all;
  for (std::uint32_t i = 0; i < 64; ++i) {
    all.emplace_back(behind.get(),
                     transaction{put{sample_peer("acme", "p" + std::to_string(i), i), absent{}}});
  }
  std::set<std::uint64_t> revisions;
  for (const auto& each : race(std::move(all))) {
    ASSERT_TRUE(each) << each.error().message;
    revisions.insert(each->number);
  }
  EXPECT_EQ(revisions.size(), 64U);
  EXPECT_LE(proxy_.seen().writes - before, 10);
}

TEST_F(consul_store, a_creation_at_rest_is_one_request) {
  const auto behind = open_behind_proxy();
  furnish(*behind);
  ASSERT_TRUE(add(*behind, sample_peer("acme", "warm", 1'000)));
  for (std::uint32_t i = 0; i < 5; ++i) {
    const int before = proxy_.seen().requests;
    ASSERT_TRUE(add(*behind, sample_peer("acme", "p" + std::to_string(i), i)));
    EXPECT_EQ(proxy_.seen().requests - before, 1);
  }
}

TEST_F(consul_store, a_revision_is_consuls_index_and_a_place_in_it) {
  const auto one = open();
  furnish(*one);
  const auto made = add(*one, sample_peer("acme", "a", 1));
  ASSERT_TRUE(made);
  EXPECT_EQ(consul::index_of(*made), raw("peers/acme/a")->index);
  EXPECT_EQ(raw("at/gw-1/" + hex_encode(sample_key(1).bytes()))->index, consul::index_of(*made));
  const auto gone = remove(*one, sample_peer("acme", "a", 1).id);
  ASSERT_TRUE(gone);
  EXPECT_GT(*gone, *made) << "one of deletes alone too";
  EXPECT_GE(list(*one, all_networks{}).as_of, *gone);
}

TEST_F(consul_store, a_ring_tells_what_changed_for_its_gateway) {
  const auto one = open("api-7");
  furnish(*one);
  ASSERT_TRUE(add(*one, sample_peer("acme", "a", 1)));
  peer changed = sample_peer("acme", "a", 2);
  ASSERT_TRUE(add(*one, changed, present{}));
  ASSERT_TRUE(remove(*one, changed.id));
  const auto ring = consul::read_ring(raw("rings/gw-1/api-7")->value);
  ASSERT_TRUE(ring);
  EXPECT_EQ(ring->sequence, 4U);
  std::multiset<std::string> told(ring->changes.begin(), ring->changes.end());
  EXPECT_EQ(told.count(sample_key(1).text()), 2U);
  EXPECT_EQ(told.count(sample_key(2).text()), 2U);
  // The next start of the same process goes on with it.
  const auto again = open("api-7");
  ASSERT_TRUE(add(*again, sample_peer("acme", "b", 3)));
  EXPECT_EQ(consul::read_ring(raw("rings/gw-1/api-7")->value)->sequence, 5U);
}

TEST_F(consul_store, a_transaction_beyond_64_operations_is_refused_whole) {
  const auto one = open();
  furnish(*one);
  transaction writes;
  for (std::uint32_t i = 0; i < 32; ++i) {
    writes.push_back(put{sample_peer("acme", "p" + std::to_string(i), i), absent{}});
  }
  EXPECT_EQ(blame(commit(*one, writes)), "full ");
  EXPECT_TRUE(list(*one, peers_of_network{*network_name::parse("acme")}).items.empty());
  writes.resize(9, put{sample_peer("acme", "x", 99), absent{}});
  EXPECT_EQ(blame(commit(*one, writes)), "");
}

}  // namespace
}  // namespace peerage::contract
