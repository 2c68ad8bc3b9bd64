// The promises of ports/roster.h, on the fake and on both real ones.
#include "ports/roster.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>

#include "consul/roster.h"
#include "local/roster.h"
#include "local/system_clock.h"
#include "testing/fake_clock.h"
#include "testing/fake_roster.h"
#include "testing/run.h"
#include "testing/samples.h"
#include "tests/contract/consul_server.h"

namespace peerage::contract {
namespace {

using fakes::run_on;
using fakes::sample_key;

consul_options options_of(const consul_server& server, const std::string& prefix) {
  consul_options made;
  made.address = server.url();
  made.prefix = prefix;
  made.api_id = "api-1";
  return made;
}

struct roster_kind {
  std::string name;
  std::function<std::unique_ptr<roster>(asio::io_context&, clock&)> make;
};
void PrintTo(const roster_kind& kind, std::ostream* to) {
  *to << kind.name;
}

std::unique_ptr<roster> on_consul(asio::io_context& loop, clock& time) {
  const consul_server& server = consul_server::shared();
  static int count = 0;
  const std::string prefix = "roster-" + std::to_string(++count) + "/";
  return std::move(
      open_consul_roster(loop.get_executor(), time, options_of(server, prefix)).value());
}

struct roster_contract : testing::TestWithParam<roster_kind> {
  asio::io_context loop;
  std::unique_ptr<clock> time = make_system_clock(loop.get_executor());
  std::unique_ptr<roster> who = GetParam().make(loop, *time);

  result<> enter(party one) { return run_on(loop, who->enter(std::move(one))); }
  roster_word follow(party_kind whom, std::string position = {}) {
    return run_on(loop, who->follow(whom, std::move(position), seconds{20})).value();
  }
};

TEST_P(roster_contract, tells_who_has_entered_each_kind_by_itself) {
  EXPECT_TRUE(follow(party_kind::api).parties.empty());
  const party api{party_kind::api, "api-1", sample_key(1)};
  const party gateway{party_kind::gateway, "gw-1", sample_key(2)};
  ASSERT_TRUE(enter(api));
  ASSERT_TRUE(enter(gateway));
  EXPECT_EQ(follow(party_kind::api).parties, std::vector{api});
  EXPECT_EQ(follow(party_kind::gateway).parties, std::vector{gateway});
  party other = api;
  other.key = sample_key(3);
  ASSERT_TRUE(enter(other));
  EXPECT_EQ(follow(party_kind::api).parties, std::vector{other}) << "in its place";
}

TEST_P(roster_contract, a_change_is_heard_while_it_waits) {
  ASSERT_TRUE(enter({party_kind::api, "api-1", sample_key(1)}));
  std::vector<party> heard;
  bool waiting = true;
  const std::string position = follow(party_kind::api).position;
  const auto wait = [](roster& on, std::string from, std::vector<party>& into,
                       bool& going) -> task<> {
    for (std::string at = std::move(from); into.size() != 2;) {
      std::string behind = at;
      auto word = co_await on.follow(party_kind::api, std::move(behind), seconds{20});
      at = word.value().position;
      into = std::move(word->parties);
    }
    going = false;
  };
  asio::co_spawn(loop, wait(*who, position, heard, waiting), asio::detached);
  ASSERT_TRUE(enter({party_kind::api, "api-2", sample_key(2)}));
  while (waiting && loop.run_one() > 0) {}
  EXPECT_EQ(heard.size(), 2U);
}

INSTANTIATE_TEST_SUITE_P(
    all, roster_contract,
    testing::Values(roster_kind{"fake",
                                [](asio::io_context& loop, clock&) -> std::unique_ptr<roster> {
                                  return std::make_unique<fakes::fake_roster>(loop.get_executor());
                                }},
                    roster_kind{"local",
                                [](asio::io_context& loop, clock&) {
                                  return make_local_roster(loop.get_executor());
                                }},
                    roster_kind{"consul", on_consul}));

TEST(consul_roster, who_is_removed_is_gone_at_the_next_word_and_garbage_is_passed_over) {
  const consul_server server;
  asio::io_context loop;
  const auto time = make_system_clock(loop.get_executor());
  auto options = options_of(server, "peerage/v1/");
  std::vector<std::string> said;
  options.on_corrupt = [&](const std::string& key, const std::string&) { said.push_back(key); };
  const auto who = open_consul_roster(loop.get_executor(), *time, options).value();
  for (const char* name : {"api-1", "api-2"}) {
    party one{party_kind::api, name, sample_key(1)};
    ASSERT_TRUE(run_on(loop, who->enter(std::move(one))));
  }
  const auto follow = [&](std::string from) {
    return run_on(loop, who->follow(party_kind::api, std::move(from), seconds{20})).value();
  };
  const auto both = follow({});
  EXPECT_EQ(both.parties.size(), 2U);
  server.ask("DELETE", "/v1/kv/peerage/v1/bus/apis/api-2", "");
  const auto one = follow(both.position);
  ASSERT_EQ(one.parties.size(), 1U);
  EXPECT_EQ(one.parties[0].name, "api-1");
  server.ask("PUT", "/v1/kv/peerage/v1/bus/apis/api-3", "", "no key");
  EXPECT_EQ(follow(one.position).parties.size(), 1U);
  EXPECT_EQ(said, std::vector<std::string>{"peerage/v1/bus/apis/api-3"});
}

struct old_records : testing::Test {
  consul_server& server = consul_server::shared();
  asio::io_context loop;
  fakes::fake_clock time{loop.get_executor()};
  const std::string prefix = "old-records/";
  std::unique_ptr<roster> tested =
      std::move(open_consul_roster(loop.get_executor(), time, options_of(server, prefix)).value());

  void write(const std::string& api, const std::string& seen_at) const {
    std::string record = R"({"public_key":")" + sample_key(7).text() + "\"";
    if (!seen_at.empty()) record += R"(,"seen_at":")" + seen_at + "\"";
    server.ask("PUT", "/v1/kv/" + prefix + "bus/apis/" + api, "", record + "}");
  }
  std::string names() {
    std::string made;
    const auto all = run_on(loop, tested->follow(party_kind::api, {}, seconds{1})).value();
    for (const party& each : all.parties) made += each.name + " ";
    return made;
  }
  result<> enter(const std::string& name) {
    return run_on(loop, tested->enter({party_kind::api, name, sample_key(1)}));
  }
  void TearDown() override { server.ask("DELETE", "/v1/kv/" + prefix, "recurse"); }
};

TEST_F(old_records, of_api_processes_that_nobody_renewed_for_a_week_go) {
  const wall_time now = time.now();
  write("gone", to_rfc3339(now - std::chrono::hours{24 * 8}));
  write("lately", to_rfc3339(now - std::chrono::hours{24 * 6}));
  write("alive", to_rfc3339(now - std::chrono::hours{2}));
  write("older-version", "");
  ASSERT_TRUE(enter("mine"));
  EXPECT_EQ(names(), "alive lately mine older-version ");
  // Its week has begun now.
  time.advance(std::chrono::hours{24 * 8});
  write("alive", to_rfc3339(time.now() - std::chrono::hours{2}));
  ASSERT_TRUE(enter("mine"));
  EXPECT_EQ(names(), "alive mine ");
}

TEST_F(old_records, a_clock_that_is_a_month_ahead_removes_nobody_alive) {
  write("alive", to_rfc3339(time.now() - std::chrono::hours{2}));
  write("too", to_rfc3339(time.now() - std::chrono::hours{5}));
  time.jump(std::chrono::hours{24 * 30});
  ASSERT_TRUE(enter("mine"));
  EXPECT_EQ(names(), "alive mine too ");
}

}  // namespace
}  // namespace peerage::contract
