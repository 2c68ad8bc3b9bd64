// A backup beside the running daemon, and what a restored one does to the device.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/live/daemon.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

using testing::HasSubstr;

struct backups : testing::Test {
  daemon_under_test daemon;

  finished backup(const std::string& into) { return run(daemon.command({"--backup", into})); }
  finished restore(const std::string& from) { return run(daemon.command({"--restore", from})); }
  std::string file(const std::string& name) const { return daemon.folder() + "/" + name; }
  std::string database() const { return daemon.state_dir() + "/peerage.db"; }
  std::size_t on_device() const { return look_at(daemon.interface()).size(); }
  std::string trouble() {
    const answer found = daemon.admin().call("GET", "/v1/gateways");
    const auto& items = found["items"].as_array();
    return json::serialize(items.at(0));
  }
  void make_peers(int from, int to) {
    auto admin = daemon.admin();
    for (int i = from; i <= to; ++i) {
      EXPECT_EQ(admin.enrol("acme", "p" + std::to_string(i), new_public_key()).word("state"),
                "live");
    }
  }
  /// Stopped, with five peers; copy.db has the first three.
  void stop_with_an_older_copy() {
    daemon.settle();
    daemon.admin().make_network("acme");
    make_peers(1, 3);
    ASSERT_EQ(backup(file("copy.db")).status, 0);
    make_peers(4, 5);
    EXPECT_EQ(daemon.stop(), 0);
  }
};

TEST_F(backups, a_running_daemon_is_copied_whole_and_into_a_new_file_alone) {
  daemon.settle();
  daemon.admin().make_network("acme");
  make_peers(1, 3);
  const finished made = backup(file("copy.db"));
  ASSERT_EQ(made.status, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("3 peers, 1 networks, 1 gateways, 1 tokens"));
  struct stat found{};
  ASSERT_EQ(::stat(file("copy.db").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777U, 0600U);
  for (const char* left : {"copy.db.part", "copy.db-wal", "copy.db-shm", "copy.db-journal"}) {
    EXPECT_FALSE(std::filesystem::exists(file(left))) << left;
  }
  const finished again = backup(file("copy.db"));
  EXPECT_EQ(again.status, 1);
  EXPECT_THAT(again.err, HasSubstr("is there already"));
  std::filesystem::create_symlink(database(), file("link"));
  std::filesystem::create_symlink(file("nowhere"), file("dangling"));
  for (const std::string& own : {database(), database() + "-journal", file("link"),
                                 daemon.state_dir() + "/../state/peerage.db", file("dangling")}) {
    EXPECT_EQ(backup(own).status, 1) << own;
  }
  EXPECT_FALSE(std::filesystem::exists(file("nowhere")));
  const finished running = restore(file("copy.db"));
  EXPECT_EQ(running.status, 1);
  EXPECT_THAT(running.err, HasSubstr("in use by another peeraged"));
  make_peers(4, 4);
}

TEST_F(backups, what_a_restored_store_lacks_stays_on_the_device_until_it_is_accepted) {
  stop_with_an_older_copy();
  EXPECT_EQ(restore(database()).status, 1);
  std::ofstream(file("text")) << "no database";
  EXPECT_EQ(restore(file("text")).status, 1);
  const finished done = restore(file("copy.db"));
  ASSERT_EQ(done.status, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("peerage.db.before-"));
  std::size_t kept = 0;
  for (const auto& each : std::filesystem::directory_iterator(daemon.state_dir())) {
    kept += each.path().string().contains(".before-") ? 1 : 0;
  }
  EXPECT_GE(kept, 1U);
  for (int start = 0; start < 2; ++start) {
    daemon.settle();
    EXPECT_TRUE(eventually(10s, [&] { return trouble().contains("removals held"); })) << trouble();
    EXPECT_THAT(trouble(), HasSubstr("2 peers that this gateway has"));
    EXPECT_EQ(daemon.admin().peers_of("acme").size(), 3U);
    EXPECT_EQ(on_device(), 5U);
    if (start > 0) break;
    EXPECT_EQ(daemon.stop(), 0);
  }
  const answer found = daemon.admin().call("GET", "/v1/gateways");
  const std::string name(found["items"].as_array().at(0).at("name").as_string());
  const finished accepted = run(daemon.peerage({"gateways", "accept-removals", name}), 20s);
  EXPECT_EQ(accepted.status, 0) << accepted.err;
  EXPECT_TRUE(eventually(10s, [&] { return on_device() == 3; }));
  EXPECT_EQ(daemon.stop(), 0);
  daemon.settle();
  EXPECT_THAT(trouble(), testing::Not(HasSubstr("removals held")));
}

TEST_F(backups, what_a_database_that_was_put_back_by_hand_lacks_stays_on_the_device) {
  stop_with_an_older_copy();
  for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(database() + end);
  std::filesystem::copy_file(file("copy.db"), database());
  daemon.settle();
  EXPECT_TRUE(eventually(10s, [&] { return trouble().contains("removals held"); })) << trouble();
  EXPECT_EQ(daemon.admin().peers_of("acme").size(), 3U);
  EXPECT_EQ(on_device(), 5U);
}

TEST(backup, of_a_fleets_store_is_consuls_own_affair) {
  const temporary_folder folder;
  const std::string config = folder.path() + "/peeraged.toml";
  std::ofstream(config) << "state_dir = \"" << folder.path() << "/state\"\n"
                        << "[store]\nkind = \"consul\"\n[bus]\nkind = \"nats\"\nservers = "
                           "[\"nats://127.0.0.1:1\"]\n[api]\n";
  for (const char* mode : {"--backup", "--restore"}) {
    const finished refused = run({.words = {binary("peeraged"), "--config", config, mode, "/tmp/x"},
                                  .environment = {},
                                  .network = {}});
    EXPECT_EQ(refused.status, 1);
    EXPECT_THAT(refused.err, HasSubstr("consul snapshot")) << mode;
  }
}

}  // namespace
}  // namespace peerage::live
