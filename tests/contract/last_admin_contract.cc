// What the enrolment service makes of a store's promises: the last admin token stays, whoever
// removes the others at the same time.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>

#include "control/control.h"
#include "testing/fake_bus.h"
#include "testing/fake_clock.h"
#include "testing/run.h"
#include "tests/contract/store_contract.h"

namespace peerage::contract {
namespace {

using fakes::run_on;

std::string blame_of(const result<>& ended) {
  return ended ? "" : std::string(name_of(ended.error().code)) + " " + ended.error().field;
}

struct service {
  asio::io_context& loop_;
  store& on;
  fakes::fake_clock time{loop_.get_executor()};
  fakes::fake_bus bus{time};
  control mind{loop_.get_executor(), on, bus, time};
  const principal root{*token_id::parse("root"), {}, {scope::admin}};

  token_id make(std::vector<scope> scopes, std::optional<seconds> expires_in = {}) {
    token_request wanted;
    wanted.scopes = std::move(scopes);
    wanted.expires_in = expires_in;
    return run_on(loop_, mind.create_token(root, std::move(wanted))).value().what.id;
  }
  std::string remove_one(token_id id, bool force = false) {
    const auto ended = run_on(loop_, mind.remove_token(root, std::move(id), force));
    return blame_of(ended);
  }
};

TEST_P(store_contract, the_last_admin_token_stays_unless_forced) {
  service with{loop_, *store_};
  const token_id first = with.make({scope::admin}), second = with.make({scope::admin});
  const token_id other = with.make({scope::peers_manage, scope::networks_manage});
  EXPECT_EQ(with.remove_one(first), "");
  EXPECT_EQ(with.remove_one(second), "conflict id");
  EXPECT_EQ(with.remove_one(other), "");
  EXPECT_EQ(with.remove_one(second, true), "");
  EXPECT_EQ(with.remove_one(second), "not_found id");
}

TEST_P(store_contract, an_expired_admin_token_does_not_count) {
  service with{loop_, *store_};
  const token_id stays = with.make({scope::admin}),
                 passing = with.make({scope::admin}, seconds{60});
  with.time.advance(seconds{60});
  EXPECT_EQ(with.remove_one(stays), "conflict id");
  EXPECT_EQ(with.remove_one(passing), "");
}

TEST_P(store_contract, the_last_admin_token_stays_where_all_are_removed_at_once) {
  service with{loop_, *store_};
  for (int round = 0; round < 4; ++round) {
    std::vector<token_id> all;
    for (int i = 0; i < 4; ++i) all.push_back(with.make({scope::admin}));
    std::vector<std::string> ended;
    for (const token_id& id : all) {
      asio::co_spawn(loop_, with.mind.remove_token(with.root, id),
                     [&](std::exception_ptr, result<> how) { ended.push_back(blame_of(how)); });
    }
    loop_.restart();
    while (ended.size() < all.size()) loop_.run_one();
    EXPECT_EQ(std::ranges::count(ended, ""), 3);
    EXPECT_EQ(std::ranges::count(ended, "conflict id"), 1);
    for (const token_id& id : all) (void)with.remove_one(id, true);
  }
}

}  // namespace
}  // namespace peerage::contract
