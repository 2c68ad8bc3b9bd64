#include "sqlite/database.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace peerage::sqlite {
namespace {

TEST(database, a_commit_waits_for_the_disk) {
  std::string folder = (std::filesystem::temp_directory_path() / "peerage-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  {
    const auto db = database::open(folder + "/db");
    ASSERT_TRUE(db);
    run mode = (*db)->prepare("PRAGMA journal_mode");
    ASSERT_EQ(mode.next(), run::step::row);
    EXPECT_EQ(mode.text(0), "wal");
    run flush = (*db)->prepare("PRAGMA synchronous");
    ASSERT_EQ(flush.next(), run::step::row);
    EXPECT_EQ(flush.number(0), 2) << "FULL: what is confirmed survives a power cut";
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace peerage::sqlite
