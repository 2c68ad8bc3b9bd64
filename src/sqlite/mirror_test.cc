// What the fuzzer of a hostile mirror found, and what was feared.
#include "sqlite/mirror.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "sqlite/database.h"
#include "testing/own_folder.h"
#include "testing/samples.h"

namespace peerage::sqlite {
namespace {

namespace fs = std::filesystem;

class hostile_mirror : public testing::Test {
 protected:
  std::string file() const { return folder_.file("mirror.db"); }
  /// Makes the file with these statements.
  void prepare(const std::string& sql) const {
    const auto db = database::open(file());
    ASSERT_TRUE(db);
    ASSERT_TRUE((*db)->execute(sql)) << (*db)->last_message();
  }
  /// Opened, empty, fit to be saved to, and the other file is still there to be looked at.
  void expect_put_aside() const {
    const auto opened = open_sqlite_mirror(file());
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_FALSE((*opened)->load().value());
    EXPECT_TRUE((*opened)->save({fakes::sample_gateway("gw-1"), epoch{"e"}, "", {}}, {}, {}));
    EXPECT_TRUE(fs::exists(file() + ".unusable"));
  }

  fakes::own_folder folder_;
};

TEST_F(hostile_mirror, with_other_columns_is_put_aside) {
  prepare("CREATE TABLE head (a); CREATE TABLE peers (b); PRAGMA user_version = 1");
  expect_put_aside();
}

TEST_F(hostile_mirror, with_one_table_alone_is_put_aside) {
  prepare("CREATE TABLE head (a)");
  expect_put_aside();
}

TEST_F(hostile_mirror, with_a_trigger_is_put_aside) {
  ASSERT_TRUE(open_sqlite_mirror(file()));
  prepare("CREATE TRIGGER t AFTER INSERT ON head BEGIN DELETE FROM peers; END");
  expect_put_aside();
}

TEST_F(hostile_mirror, of_a_newer_version_is_put_aside) {
  prepare("PRAGMA user_version = 3");
  expect_put_aside();
}

TEST_F(hostile_mirror, with_a_peer_that_is_none_is_put_aside) {
  {
    const auto made = open_sqlite_mirror(file());
    ASSERT_TRUE(made);
    ASSERT_TRUE((*made)->save({fakes::sample_gateway("gw-1"), epoch{"e"}, "", {}}, {}, {}));
  }
  prepare("INSERT INTO peers VALUES (1, 1, '{}')");
  expect_put_aside();
}

TEST_F(hostile_mirror, with_rows_of_one_peer_or_numbers_that_none_has_is_put_aside) {
  const mirror_head head{fakes::sample_gateway("gw-1"), epoch{"e"}, "", {}};
  const peer one = fakes::sample_peer("acme", "p", 1);
  for (const char* change :
       {"INSERT INTO peers SELECT id + 1, revision, assignment FROM peers",
        "UPDATE peers SET id = 0", "UPDATE peers SET id = 9223372036854775807"}) {
    {
      const auto made = open_sqlite_mirror(file());
      ASSERT_TRUE(made);
      ASSERT_TRUE((*made)->save(head, {{assignment_of(one, {}), revision{1}}}, {}));
    }
    prepare(change);
    expect_put_aside();
    fs::remove(file() + ".unusable");
  }
}

TEST_F(hostile_mirror, that_could_not_be_saved_goes_on_from_what_its_file_has) {
  const auto made = open_sqlite_mirror(file());
  ASSERT_TRUE(made);
  const mirror_head head{fakes::sample_gateway("gw-1"), epoch{"e"}, "", {}};
  const auto row = [](std::uint32_t n) {
    const peer one = fakes::sample_peer("acme", "p" + std::to_string(n), n);
    return stored_assignment{assignment_of(one, {}), revision{n}};
  };
  ASSERT_TRUE((*made)->save(head, {row(1)}, {}));
  prepare("ALTER TABLE head RENAME TO elsewhere");
  EXPECT_FALSE((*made)->save(head, {row(2)}, {row(1).peer.public_key}));
  prepare("ALTER TABLE elsewhere RENAME TO head");
  ASSERT_TRUE((*made)->save(head, {row(1), row(3)}, {}));
  const auto loaded = (*made)->load();
  ASSERT_TRUE(loaded && *loaded);
  EXPECT_EQ((*loaded)->peers.size(), 2U);
}

// Its page is read by no load, but the next save would take it.
TEST_F(hostile_mirror, with_damage_where_nothing_is_read_is_put_aside) {
  {
    const auto made = open_sqlite_mirror(file());
    ASSERT_TRUE(made);
    std::vector<stored_assignment> peers;
    for (std::uint32_t n = 0; n < 50; ++n) {
      const peer one = fakes::sample_peer("acme", "p" + std::to_string(n), n);
      peers.push_back({assignment_of(one, {}), revision{n}});
    }
    const mirror_head head{fakes::sample_gateway("gw-1"), epoch{"e"}, "", {}};
    ASSERT_TRUE((*made)->save(head, peers, {}));
    std::vector<public_key> keys;
    for (const auto& each : peers) keys.push_back(each.peer.public_key);
    ASSERT_TRUE((*made)->save(head, {}, keys));
  }
  // The pages that are free now: their list begins at byte 32 of the file.
  std::fstream out(file(), std::ios::in | std::ios::out | std::ios::binary);
  out.seekp(32).write("\x7f\xff\xff\xff", 4);
  out.close();
  expect_put_aside();
}

}  // namespace
}  // namespace peerage::sqlite
