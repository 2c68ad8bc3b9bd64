// The promises about networks and what belongs to them.
#include "testing/samples.h"
#include "tests/contract/store_contract.h"

namespace peerage::contract {
namespace {

using peerage::fakes::sample_gateway;
using peerage::fakes::sample_network;
using peerage::fakes::sample_peer;
using peerage::fakes::sample_token;

network with_id(std::string id) {
  network made = sample_network("acme");
  made.id = std::move(id);
  return made;
}

token token_of(std::string_view token_name, std::string network_id) {
  token made = sample_token(token_name);
  made.network_id = std::move(network_id);
  return made;
}

}  // namespace

TEST_P(store_contract, a_token_belongs_to_the_network_that_it_was_created_for) {
  EXPECT_EQ(blame(add(token_of("t1", ""))), "not_found network");
  ASSERT_TRUE(add(with_id("first")));
  EXPECT_EQ(blame(add(token_of("t1", ""))), "not_found network");
  EXPECT_EQ(blame(add(token_of("t1", "second"))), "not_found network");
  EXPECT_EQ(blame(add(token_of("t1", "first"))), "");
  EXPECT_EQ(blame(add(token_of("t1", "first"), present{})), "");
  EXPECT_EQ(blame(remove(with_id("").name)), "") << "a token does not keep its network";
  EXPECT_EQ(blame(add(token_of("t2", "first"))), "not_found network");
  ASSERT_TRUE(add(with_id("second")));
  EXPECT_EQ(blame(add(token_of("t2", "first"))), "not_found network");
  EXPECT_EQ(blame(add(token_of("t1", "first"), present{})), "not_found network");
  EXPECT_EQ(blame(add(token_of("t2", "second"))), "");
  reopen();
  EXPECT_EQ(std::get<network>(get(with_id("").name)->value).id, "second");
  EXPECT_EQ(std::get<token>(get(token_of("t1", "").id)->value).network_id, "first");
  EXPECT_EQ(blame(remove(token_of("t1", "").id)), "") << "what is left can be removed";
}

TEST_P(store_contract, a_peer_meant_for_one_network_is_not_put_into_the_next) {
  ASSERT_TRUE(add(with_id("second")));
  ASSERT_TRUE(add(sample_gateway("gw-1")));
  transaction writes{put{sample_peer("acme", "a", 1), absent{}, "first"}};
  EXPECT_EQ(blame(commit(writes)), "not_found network");
  std::get<put>(writes[0]).network_id = "second";
  EXPECT_EQ(blame(commit(writes)), "");
}

TEST_P(store_contract, a_token_is_stored_before_its_networks_removal_or_not_at_all) {
  for (int i = 0; i < 60; ++i) {
    const std::string id = "id" + std::to_string(i);
    ASSERT_TRUE(add(with_id(id)));
    const token late = token_of("late" + std::to_string(i), id);
    std::vector<transaction> both;
    both.push_back({put{late, absent{}}});
    both.push_back({removal{with_id(id).name, present{}}});
    if (i % 2 == 1) std::swap(both[0], both[1]);
    const auto ended = race(std::move(both));
    const auto& stored = ended[i % 2 == 0 ? 0 : 1];
    const auto& removed = ended[i % 2 == 0 ? 1 : 0];
    ASSERT_TRUE(removed) << blame(removed);
    if (stored) {
      EXPECT_LT(*stored, *removed);
    } else {
      EXPECT_EQ(blame(stored), "not_found network");
    }
  }
}

TEST_P(store_contract, a_network_has_no_more_tokens_than_it_may) {
  ASSERT_TRUE(add(with_id("first")));
  const auto put_token = [&](const std::string& name, std::string network_id = "first") {
    transaction writes{put{token_of(name, std::move(network_id)), absent{}, {}, 2}};
    return blame(commit(std::move(writes)));
  };
  EXPECT_EQ(put_token("t1"), "");
  EXPECT_EQ(put_token("t2"), "");
  EXPECT_EQ(put_token("t3"), "conflict max_tokens");
  EXPECT_EQ(blame(add(token_of("t1", "first"), present{})), "") << "it is counted already";
  reopen();
  EXPECT_EQ(put_token("t3"), "conflict max_tokens");
  EXPECT_EQ(blame(remove(token_of("t1", "").id)), "");
  EXPECT_EQ(put_token("t3"), "");
  EXPECT_EQ(put_token("t4"), "conflict max_tokens");
  // The next network of that name begins with none.
  EXPECT_EQ(blame(remove(with_id("").name)), "");
  ASSERT_TRUE(add(with_id("second")));
  EXPECT_EQ(put_token("t4", "second"), "");
}

}  // namespace peerage::contract
