// The promises of ports/mirror.h, on the fake and on SQLite; and a gateway's sightings on SQLite.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>

#include "sqlite/database.h"
#include "sqlite/mirror.h"
#include "sqlite/sightings.h"
#include "testing/fake_mirror.h"
#include "testing/own_folder.h"
#include "testing/samples.h"

namespace peerage::contract {
namespace {

namespace fs = std::filesystem;
using peerage::fakes::sample_gateway;
using peerage::fakes::sample_key;
using peerage::fakes::sample_peer;

struct mirror_home {
  std::string file() const { return folder.file("mirror.db"); }
  fakes::own_folder folder;
  std::shared_ptr<fakes::fake_mirror> memory = std::make_shared<fakes::fake_mirror>();
};

struct mirror_kind {
  std::string name;
  std::function<std::shared_ptr<mirror>(mirror_home&)> open;
  friend void PrintTo(const mirror_kind& kind, std::ostream* to) { *to << kind.name; }
};

class mirror_contract : public testing::TestWithParam<mirror_kind> {
 protected:
  void reopen() {
    copy_.reset();
    copy_ = GetParam().open(home_);
  }
  mirrored load() { return copy_->load().value().value(); }
  std::map<public_key, stored_assignment> peers() {
    std::map<public_key, stored_assignment> all;
    for (auto& each : load().peers) all.emplace(each.peer.public_key, each);
    return all;
  }
  static mirror_head head(std::string position, std::uint64_t as_of) {
    return {sample_gateway("gw-1"), epoch{"e1"}, std::move(position), revision{as_of}};
  }
  static stored_assignment peer_of(std::uint32_t n, std::uint64_t at) {
    peer one = sample_peer("acme", "p" + std::to_string(n), n);
    one.preshared_key = secret_key(sample_key(7).bytes());
    one.expires_at = one.created_at + seconds{60};
    return {assignment_of(one, prefix::parse("10.9.0.0/16").value()), revision{at}};
  }

  mirror_home home_;
  std::shared_ptr<mirror> copy_ = GetParam().open(home_);
};

TEST_P(mirror_contract, has_nothing_at_first) {
  EXPECT_FALSE(copy_->load().value());
}

TEST_P(mirror_contract, gives_back_what_was_saved_and_keeps_it) {
  ASSERT_TRUE(copy_->save(head("here", 9), {peer_of(1, 3), peer_of(2, 9)}, {}));
  for (int i = 0; i < 2; ++i) {
    const mirrored all = load();
    EXPECT_EQ(all.head.self, sample_gateway("gw-1"));
    EXPECT_EQ(all.head.of.id, "e1");
    EXPECT_EQ(all.head.position, "here");
    EXPECT_EQ(all.head.as_of, revision{9});
    ASSERT_EQ(peers().size(), 2U);
    EXPECT_EQ(peers().at(sample_key(1)).peer, peer_of(1, 3).peer);
    EXPECT_EQ(peers().at(sample_key(1)).at, revision{3});
    reopen();
  }
}

TEST_P(mirror_contract, sets_replaces_and_erases) {
  ASSERT_TRUE(copy_->save(head("a", 2), {peer_of(1, 1), peer_of(2, 2)}, {}));
  ASSERT_TRUE(
      copy_->save(head("b", 4), {peer_of(2, 4), peer_of(3, 3)}, {sample_key(1), sample_key(99)}));
  EXPECT_EQ(load().head.position, "b");
  const auto all = peers();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all.at(sample_key(2)).at, revision{4});
  EXPECT_TRUE(all.contains(sample_key(3)));
}

INSTANTIATE_TEST_SUITE_P(
    all, mirror_contract,
    testing::Values(mirror_kind{"fake", [](mirror_home& home) { return home.memory; }},
                    mirror_kind{"sqlite", [](mirror_home& home) -> std::shared_ptr<mirror> {
                                  return open_sqlite_mirror(home.file()).value();
                                }}));

TEST(sqlite_mirror, is_for_its_owner_alone) {
  const mirror_home home;
  const auto made = open_sqlite_mirror(home.file());
  ASSERT_TRUE(made);
  struct stat about{};
  ASSERT_EQ(::stat(home.file().c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600U) << "it holds preshared keys";
}

TEST(sqlite_mirror, that_cannot_be_used_is_put_aside) {
  const mirror_home home;
  std::ofstream(home.file()) << "this is no database, and longer than its header would be: "
                             << std::string(4'096, 'x');
  const auto made = open_sqlite_mirror(home.file());
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_FALSE((*made)->load().value());
  EXPECT_TRUE(fs::exists(home.file() + ".unusable"));
}

TEST(sqlite_sightings, are_kept_with_when_they_began) {
  const mirror_home home;
  const std::string file = home.folder.file("sightings.db");
  const wall_time began{seconds{1'800'000'000}};
  for (int i = 0; i < 2; ++i) {
    // A later start does not begin anew.
    const auto made = open_sqlite_sightings(file, began + seconds{i});
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ((*made)->since(), began);
    ASSERT_TRUE((*made)->save({{sample_key(1), began + seconds{7}}, {sample_key(2), began}}, {}));
    ASSERT_TRUE((*made)->save({}, {sample_key(2), sample_key(99)}));
    const auto all = (*made)->load().value();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].public_key, sample_key(1));
    EXPECT_EQ(all[0].last_handshake_at, began + seconds{7});
  }
}

TEST(sqlite_sightings, keep_where_a_peer_was) {
  const mirror_home home;
  const std::string file = home.folder.file("sightings.db");
  const wall_time began{seconds{1'800'000'000}};
  for (int i = 0; i < 2; ++i) {
    const auto made = open_sqlite_sightings(file, began);
    ASSERT_TRUE(made) << made.error().message;
    const std::vector<sighting> one{{sample_key(1), began, "192.0.2.7:4711"}};
    if (i == 0) {
      ASSERT_TRUE((*made)->save(one, {}));
    }
    EXPECT_EQ((*made)->load().value().at(0).endpoint, "192.0.2.7:4711");
  }
}

TEST(sqlite_sightings, of_the_version_before_are_taken_over) {
  const mirror_home home;
  const std::string file = home.folder.file("sightings.db");
  const wall_time began{seconds{1'800'000'000}};
  {
    const auto old = sqlite::database::open(file);
    ASSERT_TRUE(old) << old.error().message;
    ASSERT_TRUE((*old)->execute(
        "CREATE TABLE began (id INTEGER PRIMARY KEY CHECK (id = 1), at INTEGER NOT NULL) STRICT;"
        "CREATE TABLE handshakes (public_key BLOB PRIMARY KEY, at INTEGER NOT NULL) STRICT, "
        "WITHOUT ROWID;"
        "INSERT INTO began VALUES (1, 1800000000000);"
        "INSERT INTO handshakes VALUES (randomblob(32), 1800000007000);"
        "PRAGMA user_version = 1"));
  }
  const auto made = open_sqlite_sightings(file, began + seconds{99});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ((*made)->since(), began);
  const auto all = (*made)->load().value();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].last_handshake_at, began + seconds{7});
  EXPECT_TRUE(all[0].endpoint.empty());
  EXPECT_FALSE(fs::exists(file + ".unusable"));
}

TEST(sqlite_sightings, that_cannot_be_used_are_put_aside_and_begin_now) {
  const mirror_home home;
  const std::string file = home.folder.file("sightings.db");
  std::ofstream(file) << "this is no database: " << std::string(4'096, 'x');
  const wall_time now{seconds{1'800'000'000}};
  const auto made = open_sqlite_sightings(file, now);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ((*made)->since(), now);
  EXPECT_TRUE(fs::exists(file + ".unusable"));
}

}  // namespace
}  // namespace peerage::contract
