// A state_dir that somebody else could write in, or has prepared.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/live/daemon.h"

namespace peerage::live {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

struct state_dir : testing::Test {
  daemon_under_test daemon;

  std::string path() const { return daemon.state_dir(); }
  void expect_refused(const std::string& because) {
    const finished start = run(daemon.command());
    EXPECT_EQ(start.status, 1) << start.out;
    EXPECT_THAT(start.err, HasSubstr(because));
  }
};

TEST_F(state_dir, that_others_can_write_or_own_is_refused_with_what_mends_it) {
  ASSERT_EQ(::mkdir(path().c_str(), 0700), 0);
  for (const mode_t wide : {0777U, 0770U, 01777U, 0720U}) {
    ASSERT_EQ(::chmod(path().c_str(), wide), 0);
    expect_refused("chmod 700 " + path());
    EXPECT_THAT(run(daemon.command({"--new-admin-token"})).err, HasSubstr("chmod 700"));
  }
  ASSERT_EQ(::chmod(path().c_str(), 0700), 0);
  ASSERT_EQ(::chown(path().c_str(), 12'345, 0), 0);
  expect_refused("chown");
  ASSERT_EQ(::chown(path().c_str(), 0, 0), 0);
  daemon.start();
}

TEST_F(state_dir, with_a_symbolic_link_in_the_place_of_a_file_is_refused_and_the_file_stays) {
  const std::string victim = daemon.folder() + "/roots-own";
  for (const char* name :
       {"peerage.db",       "peerage.db-wal",     "peerage.db-shm", "peerage.db-reserve",
        "admin-token",      "admin-token.new",    "gateway.key",    "gateway.key.new",
        "process-id",       "process-id.new",     "lock",           "wall",
        "wall.new",         "unmarked-interface", "sightings.db",   "sightings.db-wal",
        "wireguard-go.log", "store-epoch",        "audit",          "audit/2026-11-29.jsonl"}) {
    fs::remove_all(path());
    ASSERT_EQ(::mkdir(path().c_str(), 0700), 0);
    if (std::string_view(name).contains('/')) fs::create_directory(path() + "/audit");
    std::ofstream(victim) << "precious";
    ASSERT_EQ(::chmod(victim.c_str(), 0640), 0);
    fs::create_symlink(victim, path() + "/" + name);
    expect_refused(path() + "/" + name + " is a symbolic link");
    EXPECT_EQ(text_of_file(victim), "precious") << name;
    struct stat found{};
    ASSERT_EQ(::stat(victim.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777U, 0640U) << name;
  }
}

TEST_F(state_dir, with_a_key_that_others_read_is_refused_with_what_mends_it) {
  daemon.start();
  EXPECT_EQ(daemon.stop(), 0);
  const std::string key = path() + "/gateway.key";
  ASSERT_EQ(::chmod(key.c_str(), 0644), 0);
  expect_refused("chmod 600 " + key);
  ASSERT_EQ(::chmod(key.c_str(), 0600), 0);
  ASSERT_EQ(::chown(key.c_str(), 12'345, 0), 0);
  expect_refused("chown");
}

}  // namespace
}  // namespace peerage::live
