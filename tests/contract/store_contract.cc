#include "tests/contract/store_contract.h"

#include <algorithm>
#include <map>
#include <set>

#include "testing/run.h"
#include "testing/samples.h"

namespace peerage::contract {

using peerage::fakes::run_on;
using peerage::fakes::sample_gateway;
using peerage::fakes::sample_key;
using peerage::fakes::sample_network;
using peerage::fakes::sample_peer;
using peerage::fakes::sample_token;

store_contract::store_contract() : home_(GetParam().make()), store_(home_->open(loop_)) {}
store_contract::~store_contract() = default;

void store_contract::reopen() {
  store_.reset();
  store_ = home_->open(loop_);
}

result<revision> store_contract::commit(transaction writes) {
  return run_on(loop_, store_->commit(std::move(writes)));
}

result<revision> store_contract::add(record value, expectation expected) {
  transaction writes;
  writes.push_back(put{std::move(value), expected});
  return commit(std::move(writes));
}

result<revision> store_contract::remove(record_key key, expectation expected) {
  transaction writes;
  writes.push_back(removal{std::move(key), expected});
  return commit(std::move(writes));
}

std::optional<stored<record>> store_contract::get(record_key key) {
  auto found = run_on(loop_, store_->get(std::move(key)));
  if (!found) throw std::runtime_error(found.error().message);
  return *std::move(found);
}

page store_contract::list(listing what, std::string after, std::size_t limit) {
  page_query query{std::move(what), std::move(after), limit};
  auto found = run_on(loop_, store_->list(std::move(query)));
  if (!found) throw std::runtime_error(found.error().message);
  return *std::move(found);
}

std::vector<result<revision>> store_contract::race(std::vector<transaction> all) {
  std::vector<result<revision>> ended(all.size(), result<revision>{revision{}});
  std::size_t left = all.size();
  for (std::size_t i = 0; i < all.size(); ++i) {
    asio::co_spawn(loop_, store_->commit(std::move(all[i])),
                   [&, i](std::exception_ptr, result<revision> made) {
                     ended[i] = std::move(made);
                     --left;
                   });
  }
  loop_.restart();
  while (left > 0 && loop_.run_one() > 0) {}
  return ended;
}

std::string store_contract::blame(const result<revision>& ended) {
  if (ended) return {};
  return std::string(name_of(ended.error().code)) + " " + ended.error().field;
}

void store_contract::furnish() {
  ASSERT_TRUE(add(sample_network("acme")));
  ASSERT_TRUE(add(sample_gateway("gw-1")));
}

std::vector<std::string> names_of(const page& from) {
  std::vector<std::string> names;
  for (const auto& each : from.items) {
    const auto* one = std::get_if<peer>(&each.value);
    names.push_back(one ? one->id.name.text() : position(all_networks{}, each.value));
  }
  return names;
}

TEST_P(store_contract, gives_back_what_was_put_and_keeps_it) {
  furnish();
  peer full = sample_peer("acme", "full", 1);
  full.preshared_key = secret_key(sample_key(5).bytes());
  full.ipv4 = *ip_address::parse("10.9.0.1");
  full.expires_at = full.created_at + seconds{60};
  full.quota = 5;
  token limited = sample_token("t2");
  limited.max_peers = 5;
  limited.max_ttl = seconds{3'600};
  gateway narrow = sample_gateway("gw-2", 2);
  narrow.mtu = 1'380;
  const std::vector<record> all = {sample_network("other", "fd00:2::/48"),
                                   narrow,
                                   sample_peer("acme", "bare", 2),
                                   full,
                                   sample_token("t1"),
                                   limited,
                                   mark{"bootstrap", "done"}};
  // The second network shares no IPv4 range with the first.
  std::vector<record> kept = all;
  std::get<network>(kept[0]).ipv4.reset();
  for (const record& each : kept) {
    ASSERT_EQ(blame(add(each)), "");
    EXPECT_EQ(get(key_of(each))->value, each);
  }
  reopen();
  for (const record& each : kept) {
    const auto found = get(key_of(each));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->value, each);
    EXPECT_GT(found->revision.number, 0U);
  }
}

TEST_P(store_contract, a_revision_only_grows_and_marks_each_record) {
  furnish();
  const auto first = add(sample_peer("acme", "a", 1));
  const auto second = add(sample_peer("acme", "b", 2));
  ASSERT_TRUE(first && second);
  EXPECT_LT(*first, *second);
  EXPECT_EQ(get(peer_id(sample_peer("acme", "a", 1).id))->revision, *first);
  EXPECT_GE(list(all_networks{}).as_of, *second);
  reopen();
  const auto third = add(sample_peer("acme", "c", 3));
  ASSERT_TRUE(third);
  EXPECT_LT(*second, *third);
}

TEST_P(store_contract, all_of_a_transaction_or_nothing) {
  furnish();
  ASSERT_TRUE(add(sample_peer("acme", "a", 1)));
  transaction writes;
  writes.push_back(put{sample_peer("acme", "b", 2), absent{}});
  writes.push_back(removal{sample_peer("acme", "a", 1).id, present{}});
  writes.push_back(put{sample_peer("acme", "c", 3), revision{1}});
  EXPECT_EQ(blame(commit(writes)), "not_found name");
  EXPECT_EQ(names_of(list(peers_of_network{*network_name::parse("acme")})),
            std::vector<std::string>{"a"});
  writes.pop_back();
  const auto done = commit(writes);
  ASSERT_TRUE(done);
  EXPECT_EQ(names_of(list(peers_of_network{*network_name::parse("acme")})),
            std::vector<std::string>{"b"});
}

TEST_P(store_contract, holds_each_write_to_its_expectation) {
  furnish();
  const peer one = sample_peer("acme", "a", 1);
  EXPECT_EQ(blame(add(one, present{})), "not_found name");
  EXPECT_EQ(blame(add(one, revision{3})), "not_found name");
  const auto made = add(one, anything{});
  ASSERT_TRUE(made);
  EXPECT_EQ(blame(add(one, absent{})), "conflict name");
  EXPECT_EQ(blame(add(one, revision{made->number - 1})), "conflict revision");
  const auto again = add(one, *made);
  ASSERT_TRUE(again);
  EXPECT_LT(*made, *again);
  EXPECT_EQ(blame(remove(one.id, *made)), "conflict revision");
  EXPECT_EQ(blame(remove(one.id, *again)), "");
  EXPECT_EQ(blame(remove(one.id)), "not_found name");
  EXPECT_EQ(blame(remove(one.id, anything{})), "");
  EXPECT_FALSE(get(one.id));
}

TEST_P(store_contract, a_key_is_unique_on_its_gateway_and_an_address_everywhere) {
  furnish();
  ASSERT_TRUE(add(sample_gateway("gw-2", 2)));
  peer first = sample_peer("acme", "a", 1);
  first.ipv4 = *ip_address::parse("10.9.0.1");
  ASSERT_TRUE(add(first));
  peer same_key = sample_peer("acme", "b", 2);
  same_key.public_key = first.public_key;
  EXPECT_EQ(blame(add(same_key)), "conflict public_key");
  same_key.gateway = *gateway_name::parse("gw-2");
  EXPECT_EQ(blame(add(same_key)), "");
  peer same_ipv6 = sample_peer("acme", "c", 3);
  same_ipv6.ipv6 = first.ipv6;
  EXPECT_EQ(blame(add(same_ipv6)), "conflict addresses");
  peer same_ipv4 = sample_peer("acme", "d", 4);
  same_ipv4.ipv4 = first.ipv4;
  EXPECT_EQ(blame(add(same_ipv4)), "conflict addresses");
  EXPECT_FALSE(get(same_ipv4.id));
  // A change of the peer itself is no conflict with itself, and frees what it had.
  peer changed = first;
  changed.public_key = sample_key(77);
  changed.ipv4.reset();
  EXPECT_EQ(blame(add(changed, present{})), "");
  EXPECT_EQ(blame(add(same_ipv4)), "");
}

TEST_P(store_contract, a_gateways_number_is_its_own) {
  ASSERT_TRUE(add(sample_gateway("gw-1", 1)));
  EXPECT_EQ(blame(add(sample_gateway("gw-2", 1))), "conflict number");
  EXPECT_EQ(blame(add(sample_gateway("gw-1", 1), present{})), "");
}

TEST_P(store_contract, networks_and_gateways_outlive_their_peers) {
  EXPECT_EQ(blame(add(sample_peer("acme", "a", 1))).substr(0, 9), "not_found");
  furnish();
  EXPECT_EQ(blame(add(sample_peer("nowhere", "a", 1))), "not_found network");
  EXPECT_EQ(blame(add(sample_peer("acme", "a", 1, "gw-9"))), "not_found gateway");
  const peer one = sample_peer("acme", "a", 1);
  ASSERT_TRUE(add(one));
  EXPECT_EQ(blame(remove(one.id.network)), "conflict peers");
  EXPECT_EQ(blame(remove(one.gateway)), "conflict peers");
  EXPECT_EQ(blame(add(sample_network("acme"), present{})), "") << "a change is no removal";
  EXPECT_EQ(blame(add(sample_gateway("gw-1"), present{})), "");
  ASSERT_TRUE(remove(one.id));
  EXPECT_EQ(blame(remove(one.id.network)), "");
  EXPECT_EQ(blame(remove(one.gateway)), "");
}

TEST_P(store_contract, pages_go_through_everything_once_and_in_order) {
  furnish();
  std::vector<std::string> wanted;
  for (const char* name : {"a", "a-b", "ab", "b", "c1", "c10", "c2"}) {
    wanted.emplace_back(name);
    ASSERT_TRUE(add(sample_peer("acme", name, static_cast<std::uint32_t>(wanted.size()))));
  }
  for (const listing& what : {listing(peers_of_network{*network_name::parse("acme")}),
                              listing(peers_on_gateway{*gateway_name::parse("gw-1")})}) {
    for (const std::size_t limit : {1U, 2U, 7U, 100U}) {
      std::vector<std::string> seen;
      std::string after;
      for (bool more = true; more;) {
        const page got = list(what, after, limit);
        ASSERT_LE(got.items.size(), limit);
        for (const auto& name : names_of(got)) seen.push_back(name);
        more = got.more;
        if (more) after = position(what, got.items.back().value);
      }
      EXPECT_EQ(seen, wanted) << "pages of " << limit;
    }
  }
}

TEST_P(store_contract, lists_only_what_was_asked_for) {
  furnish();
  network other = sample_network("other", "fd00:2::/48");
  other.ipv4.reset();
  ASSERT_TRUE(add(other));
  ASSERT_TRUE(add(sample_gateway("gw-2", 2)));
  ASSERT_TRUE(add(sample_peer("acme", "a", 1)));
  ASSERT_TRUE(add(sample_peer("other", "b", 2)));
  ASSERT_TRUE(add(sample_peer("acme", "c", 3, "gw-2")));
  ASSERT_TRUE(add(sample_token("t1")));
  EXPECT_EQ(names_of(list(peers_of_network{other.name})), std::vector<std::string>{"b"});
  EXPECT_EQ(names_of(list(peers_on_gateway{*gateway_name::parse("gw-2")})),
            std::vector<std::string>{"c"});
  EXPECT_EQ(names_of(list(peers_on_gateway{*gateway_name::parse("gw-1")})),
            (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(names_of(list(all_networks{})), (std::vector<std::string>{"acme", "other"}));
  EXPECT_EQ(names_of(list(all_gateways{})), (std::vector<std::string>{"gw-1", "gw-2"}));
  EXPECT_EQ(names_of(list(all_tokens{})), std::vector<std::string>{"t1"});
}

TEST_P(store_contract, lists_marks_by_the_beginning_of_their_names) {
  for (const char* name : {"some/b", "some/a", "some-other", "som", "some/"}) {
    ASSERT_TRUE(commit({put{mark{name, "x"}, absent{}}}));
  }
  const auto names = [&](const page& of) {
    std::vector<std::string> all;
    for (const auto& each : of.items) all.push_back(std::get<mark>(each.value).name);
    return all;
  };
  EXPECT_EQ(names(list(marks_under{"some/"})),
            (std::vector<std::string>{"some/", "some/a", "some/b"}));
  EXPECT_EQ(names(list(marks_under{"some/b"})), std::vector<std::string>{"some/b"});
  EXPECT_TRUE(list(marks_under{"some/c"}).items.empty());
  page_query second{marks_under{"some/"}, "some/", 1};
  const page found = run_on(loop_, store_->list(second)).value();
  EXPECT_EQ(names(found), std::vector<std::string>{"some/a"});
  EXPECT_TRUE(found.more);
}

TEST_P(store_contract, lists_what_expires_the_soonest_first) {
  furnish();
  const wall_time noon = sample_peer("acme", "a", 1).created_at;
  for (const auto& [name, after] : {std::pair{"late", 30}, {"soon", 10}, {"later", 50}}) {
    peer one = sample_peer("acme", name, static_cast<std::uint32_t>(after));
    one.expires_at = noon + seconds{after};
    ASSERT_TRUE(add(one));
  }
  ASSERT_TRUE(add(sample_peer("acme", "never", 1)));
  EXPECT_TRUE(list(peers_expiring{noon + seconds{10}}).items.empty()) << "not before its time";
  EXPECT_EQ(names_of(list(peers_expiring{noon + seconds{31}})),
            (std::vector<std::string>{"soon", "late"}));
}

TEST_P(store_contract, finds_a_peer_by_its_key_on_a_gateway) {
  furnish();
  ASSERT_TRUE(add(sample_peer("acme", "a", 1)));
  const auto find = [&](const char* on, std::uint32_t n) {
    return run_on(loop_, store_->find_peer(*gateway_name::parse(on), sample_key(n))).value();
  };
  ASSERT_TRUE(find("gw-1", 1));
  EXPECT_EQ(std::get<peer>(find("gw-1", 1)->value).id.name.text(), "a");
  EXPECT_FALSE(find("gw-1", 2));
  EXPECT_FALSE(find("gw-2", 1));
}

TEST_P(store_contract, its_identity_stays) {
  const auto before = run_on(loop_, store_->identity());
  ASSERT_TRUE(before);
  EXPECT_FALSE(before->id.empty());
  reopen();
  EXPECT_EQ(run_on(loop_, store_->identity())->id, before->id);
}

TEST_P(store_contract, commits_that_overlap_are_each_for_themselves) {
  furnish();
  std::vector<transaction> all;
  for (std::uint32_t i = 0; i < 64; ++i) {
    // Every second one wants the same name: one of them wins.
    const std::string name = i % 2 == 0 ? "same" : "p" + std::to_string(i);
    all.push_back({put{sample_peer("acme", name, i), absent{}}});
  }
  const auto ended = race(std::move(all));
  std::set<std::uint64_t> revisions;
  std::size_t lost = 0;
  for (std::size_t i = 0; i < ended.size(); ++i) {
    if (ended[i]) {
      revisions.insert(ended[i]->number);
    } else {
      EXPECT_EQ(blame(ended[i]), "conflict name");
      ++lost;
    }
  }
  EXPECT_EQ(lost, 31U);
  EXPECT_EQ(revisions.size(), 33U) << "a revision for each transaction";
}

/// One of at most so many of its token.
peer counted_peer(std::uint32_t n, std::uint32_t quota, std::string_view by = "t1") {
  peer made = sample_peer("acme", "p" + std::to_string(n), n);
  made.created_by = *token_id::parse(by);
  made.quota = quota;
  return made;
}

TEST_P(store_contract, a_token_has_no_more_peers_than_its_quota) {
  furnish();
  EXPECT_EQ(blame(add(counted_peer(1, 2))), "");
  EXPECT_EQ(blame(add(counted_peer(2, 2))), "");
  EXPECT_EQ(blame(add(counted_peer(3, 2))), "conflict max_peers");
  EXPECT_FALSE(get(counted_peer(3, 2).id));
  EXPECT_EQ(blame(add(counted_peer(4, 2, "t2"))), "") << "another token's";
  EXPECT_EQ(blame(add(sample_peer("acme", "free", 5))), "") << "one that is not counted";

  peer changed = counted_peer(2, 2);
  changed.public_key = sample_key(99);
  EXPECT_EQ(blame(add(changed, present{})), "") << "it is counted already";
  EXPECT_EQ(blame(remove(counted_peer(1, 2).id)), "");
  EXPECT_EQ(blame(add(counted_peer(6, 2))), "");
  EXPECT_EQ(blame(add(counted_peer(7, 2))), "conflict max_peers");
  reopen();
  EXPECT_EQ(blame(add(counted_peer(7, 2))), "conflict max_peers");
  for (const std::uint32_t n : {2U, 6U}) EXPECT_EQ(blame(remove(counted_peer(n, 2).id)), "");
  // Whoever takes the last peer of a token away leaves nothing behind.
  for (const std::uint32_t n : {8U, 9U}) EXPECT_EQ(blame(add(counted_peer(n, 2))), "");
  EXPECT_EQ(blame(add(counted_peer(10, 2))), "conflict max_peers");
}

TEST_P(store_contract, a_refused_transaction_takes_nothing_of_a_quota) {
  furnish();
  transaction writes;
  writes.push_back(put{counted_peer(1, 3), absent{}});
  writes.push_back(put{counted_peer(2, 3), absent{}});
  writes.push_back(put{mark{"no", "such"}, present{}});
  EXPECT_EQ(blame(commit(writes)), "not_found name");
  writes.back() = put{counted_peer(3, 3), absent{}};
  EXPECT_EQ(blame(commit(writes)), "");
  transaction gone;
  for (const std::uint32_t n : {1U, 2U, 3U}) {
    gone.push_back(removal{counted_peer(n, 3).id, present{}});
  }
  EXPECT_EQ(blame(commit(gone)), "");
  transaction too_many;
  for (const std::uint32_t n : {4U, 5U, 6U, 7U}) {
    too_many.push_back(put{counted_peer(n, 3), absent{}});
  }
  EXPECT_EQ(blame(commit(too_many)), "conflict max_peers");
  EXPECT_EQ(blame(commit(writes)), "");
}

TEST_P(store_contract, a_quota_holds_among_commits_that_overlap) {
  furnish();
  std::vector<transaction> all;
  for (std::uint32_t n = 0; n < 64; ++n) {
    all.push_back({put{counted_peer(n, 10, n % 2 == 0 ? "t1" : "t2"), absent{}}});
  }
  std::map<std::string, int> made;
  std::vector<transaction> removals;
  const auto ended = race(all);
  for (std::uint32_t n = 0; n < 64; ++n) {
    if (!ended[n]) {
      EXPECT_EQ(blame(ended[n]), "conflict max_peers");
      continue;
    }
    ++made[n % 2 == 0 ? "t1" : "t2"];
    removals.push_back({removal{counted_peer(n, 10).id, present{}}});
  }
  EXPECT_EQ(made, (std::map<std::string, int>{{"t1", 10}, {"t2", 10}}));
  for (const auto& each : race(std::move(removals))) EXPECT_EQ(blame(each), "");
  EXPECT_EQ(std::ranges::count_if(race(std::move(all)), [](const auto& each) { return !!each; }),
            20);
}

}  // namespace peerage::contract
