#include "sqlite/database.h"

#include <gtest/gtest.h>

#include "sqlite/checkpointer.h"
#include "testing/own_folder.h"

namespace peerage::sqlite {
namespace {

class database_test : public testing::Test {
 protected:
  std::unique_ptr<database> open() {
    auto opened = database::open(folder_.file("db"));
    EXPECT_TRUE(opened);
    return *std::move(opened);
  }

 private:
  fakes::own_folder folder_;
};

TEST_F(database_test, a_commit_waits_for_the_disk) {
  const auto db = open();
  run mode = db->prepare("PRAGMA journal_mode");
  ASSERT_EQ(mode.next(), run::step::row);
  EXPECT_EQ(mode.text(0), "wal");
  run flush = db->prepare("PRAGMA synchronous");
  ASSERT_EQ(flush.next(), run::step::row);
  EXPECT_EQ(flush.number(0), 2) << "FULL: what is confirmed survives a power cut";
}

TEST_F(database_test, a_log_that_was_moved_beside_the_commits_starts_anew) {
  const auto db = open();
  ASSERT_TRUE(db->execute("CREATE TABLE some (value INTEGER)"));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(db->repeat("INSERT INTO some VALUES (1)"));
  const int grown = db->log_pages();
  EXPECT_GE(grown, 20);
  { checkpointer(open()).wake(); }
  ASSERT_TRUE(db->repeat("INSERT INTO some VALUES (1)"));
  EXPECT_LT(db->log_pages(), grown / 2);
}

}  // namespace
}  // namespace peerage::sqlite
