#include <sys/stat.h>

#include <boost/asio/detached.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "sqlite/database.h"
#include "sqlite/store.h"
#include "testing/own_folder.h"
#include "testing/run.h"
#include "testing/samples.h"
#include "tests/contract/store_contract.h"

namespace peerage::contract {
namespace {

namespace fs = std::filesystem;

struct folder : fakes::own_folder {
  std::string file() const { return own_folder::file("peerage.db"); }
};

struct sqlite_home final : store_home {
  folder home;
  std::shared_ptr<store> open(asio::io_context& loop) override {
    return open_sqlite_store(loop.get_executor(), home.file()).value();
  }
};

INSTANTIATE_TEST_SUITE_P(sqlite, store_contract,
                         testing::Values(store_kind{
                             "sqlite", [] { return std::make_unique<sqlite_home>(); }}));

std::string refusal(const std::string& file) {
  asio::io_context loop;
  const auto opened = open_sqlite_store(loop.get_executor(), file);
  return opened ? std::string() : opened.error().message;
}

TEST(sqlite_store, only_its_owner_reads_the_files) {
  const folder home;
  asio::io_context loop;
  const auto opened = open_sqlite_store(loop.get_executor(), home.file());
  ASSERT_TRUE(opened);
  for (const auto& each : fs::directory_iterator(home.path())) {
    EXPECT_EQ(each.status().permissions(), fs::perms::owner_read | fs::perms::owner_write)
        << each.path();
  }
}

TEST(sqlite_store, refuses_what_it_does_not_understand) {
  const folder home;
  EXPECT_NE(refusal((home.path() / "no" / "such" / "folder").string()).find("No such file"),
            std::string::npos);
  std::ofstream(home.path() / "text") << std::string(4096, 'x');
  EXPECT_NE(refusal((home.path() / "text").string()).find("not a database"), std::string::npos);
}

TEST(sqlite_store, refuses_a_file_from_a_newer_version) {
  const folder home;
  ASSERT_EQ(refusal(home.file()), "");
  {
    // user_version is a big-endian number at byte 60 of the file (sqlite.org/fileformat).
    std::fstream file(home.file(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(60);
    file.write("\0\0\0\x63", 4);
  }
  EXPECT_NE(refusal(home.file()).find("newer version"), std::string::npos) << refusal(home.file());
}

TEST(sqlite_store, goes_on_with_a_file_of_the_first_version) {
  const folder home;
  const peer old = fakes::sample_peer("acme", "old", 1);
  asio::io_context loop;
  {
    auto opened = open_sqlite_store(loop.get_executor(), home.file()).value();
    transaction writes;
    writes.push_back(put{fakes::sample_network("acme"), absent{}});
    writes.push_back(put{fakes::sample_gateway("gw-1"), absent{}});
    writes.push_back(put{old, absent{}});
    ASSERT_TRUE(fakes::run_on(loop, opened->commit(std::move(writes))));
  }
  // The first version did not know when a key came to its gateway.
  ASSERT_TRUE(sqlite::database::open(home.file())
                  .value()
                  ->execute("DROP TRIGGER peer_counted; DROP TRIGGER peer_given_back;"
                            "DROP TABLE quotas; ALTER TABLE peers DROP COLUMN quota;"
                            "DROP INDEX tokens_by_network; ALTER TABLE networks DROP COLUMN id;"
                            "ALTER TABLE tokens DROP COLUMN network_id;"
                            "ALTER TABLE tokens DROP COLUMN max_peers;"
                            "ALTER TABLE tokens DROP COLUMN max_ttl_s;"
                            "ALTER TABLE gateways DROP COLUMN mtu;"
                            "ALTER TABLE peers DROP COLUMN assigned_at; PRAGMA user_version = 1"));
  auto opened = open_sqlite_store(loop.get_executor(), home.file()).value();
  const auto found = fakes::run_on(loop, opened->get(old.id)).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(std::get<peer>(found->value).assigned_at, old.created_at);
  const auto on = fakes::run_on(loop, opened->get(old.gateway)).value();
  ASSERT_TRUE(on);
  EXPECT_EQ(std::get<gateway>(on->value).mtu, usual_mtu);
  transaction writes;
  writes.push_back(put{fakes::sample_peer("acme", "new", 2), absent{}});
  EXPECT_TRUE(fakes::run_on(loop, opened->commit(std::move(writes))));
}

struct followed_store : testing::Test {
  folder home;
  asio::io_context loop;
  std::unique_ptr<store> opened = open_sqlite_store(loop.get_executor(), home.file()).value();

  void commit(transaction writes) {
    ASSERT_TRUE(fakes::run_on(loop, opened->commit(std::move(writes))));
  }
  void put_one(peer one) {
    transaction writes;
    writes.push_back(put{std::move(one), anything{}});
    commit(std::move(writes));
  }
  void SetUp() override {
    transaction writes;
    writes.push_back(put{fakes::sample_network("acme"), absent{}});
    writes.push_back(put{fakes::sample_gateway("gw-1"), absent{}});
    commit(std::move(writes));
  }
  followed follow(std::string position, steady_duration wait = milliseconds{1}) {
    gateway_name name = *gateway_name::parse("gw-1");
    return fakes::run_on(loop, opened->follow(std::move(name), std::move(position), wait)).value();
  }
};

TEST_F(followed_store, tells_what_changed_without_reading_everything) {
  const peer stays = fakes::sample_peer("acme", "stays", 1);
  put_one(stays);
  peer rekeyed = fakes::sample_peer("acme", "rekeyed", 2);
  put_one(rekeyed);
  followed word = follow({});
  EXPECT_TRUE(word.what.whole);
  EXPECT_EQ(word.what.peers.size(), 2U);

  rekeyed.public_key = fakes::sample_key(3);
  put_one(rekeyed);
  const peer passing = fakes::sample_peer("acme", "passing", 4);
  put_one(passing);
  transaction writes;
  writes.push_back(removal{passing.id, present{}});
  commit(std::move(writes));
  word = follow(word.position);
  EXPECT_FALSE(word.what.whole);
  const std::set<public_key> keys(word.what.keys.begin(), word.what.keys.end());
  EXPECT_EQ(keys,
            (std::set<public_key>{fakes::sample_key(2), rekeyed.public_key, passing.public_key}));
  ASSERT_EQ(word.what.peers.size(), 1U);
  EXPECT_EQ(word.what.peers[0].peer.public_key, rekeyed.public_key);
  EXPECT_TRUE(follow(word.position).what.keys.empty());
}

TEST_F(followed_store, tells_many_changes_before_they_are_too_many) {
  const std::string position = follow({}).position;
  std::optional<followed> word;
  gateway_name name = *gateway_name::parse("gw-1");
  std::string behind = position;
  asio::co_spawn(loop, opened->follow(std::move(name), std::move(behind), std::chrono::minutes{5}),
                 [&](std::exception_ptr, result<followed> got) { word = std::move(*got); });
  for (std::uint32_t n = 1; n <= 8'192;) {
    EXPECT_FALSE(word);
    transaction writes;
    for (int i = 0; i < 256; ++i, ++n) {
      writes.push_back(put{fakes::sample_peer("acme", "p" + std::to_string(n), n), absent{}});
    }
    commit(std::move(writes));
  }
  for (int i = 0; i < 1'000 && !word; ++i) loop.run_one();
  ASSERT_TRUE(word);
  EXPECT_FALSE(word->what.whole);
  EXPECT_EQ(word->what.peers.size(), 8'192U);
}

TEST(sqlite_store, one_that_is_closed_under_way_has_all_or_nothing) {
  const folder home;
  {
    asio::io_context loop;
    auto opened = open_sqlite_store(loop.get_executor(), home.file()).value();
    for (int i = 0; i < 100; ++i) {
      transaction writes;
      writes.push_back(put{mark{"a" + std::to_string(i), "x"}, absent{}});
      writes.push_back(put{mark{"b" + std::to_string(i), "x"}, absent{}});
      asio::co_spawn(loop, opened->commit(std::move(writes)), asio::detached);
    }
    loop.poll();
  }
  asio::io_context loop;
  auto opened = open_sqlite_store(loop.get_executor(), home.file()).value();
  for (int i = 0; i < 100; ++i) {
    const auto a = peerage::fakes::run_on(loop, opened->get(mark_name{"a" + std::to_string(i)}));
    const auto b = peerage::fakes::run_on(loop, opened->get(mark_name{"b" + std::to_string(i)}));
    EXPECT_EQ(a.value().has_value(), b.value().has_value()) << i;
  }
}

}  // namespace
}  // namespace peerage::contract
