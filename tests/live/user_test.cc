// A daemon that root starts goes on as a user of its own, where it can.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/live/daemon.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

// Debian's, and nobody's on this host.
constexpr const char* user = "games";
constexpr uid_t user_id = 5;
constexpr gid_t group_id = 60;

struct stat about(const std::string& path) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) throw std::runtime_error(path + " is not there");
  return found;
}

/// The four user ids of a process, as /proc tells them.
std::string ids_of(pid_t process) {
  const std::string text = text_of_file("/proc/" + std::to_string(process) + "/status");
  const auto at = text.find("\nUid:\t") + 6;
  return text.substr(at, text.find('\n', at) - at);
}

constexpr const char* the_users = "5\t5\t5\t5";
constexpr const char* roots = "0\t0\t0\t0";

struct own_user : testing::Test {
  own_user() : tun_(about("/dev/net/tun")) {
    fs::permissions(daemon.folder(), fs::perms::others_exec, fs::perm_options::add);
    set_user(user);
  }
  ~own_user() override {
    // Which this program's namespaces share with the host.
    ::chown("/dev/net/tun", tun_.st_uid, tun_.st_gid);
    ::chmod("/dev/net/tun", tun_.st_mode & 07777U);
  }
  void set_user(const std::string& name, const std::string& more = {}) {
    daemon.write_config("user = \"" + name + "\"\n" + daemon.config_text() + more);
  }
  std::string ids() { return ids_of(daemon.running().pid()); }
  std::string enrol(const std::string& name) {
    return daemon.admin().enrol("acme", name, new_public_key()).word("state");
  }

  daemon_under_test daemon;

 private:
  struct stat tun_;
};

TEST_F(own_user, is_what_a_daemon_that_root_starts_goes_on_as) {
  daemon.start();
  EXPECT_EQ(ids(), the_users) << daemon.log_since_launch();
  EXPECT_THAT(daemon.log_since_launch(), Not(HasSubstr("stays root")));
  for (const auto& each : fs::recursive_directory_iterator(daemon.state_dir())) {
    EXPECT_EQ(about(each.path()).st_uid, user_id) << each.path();
  }
  EXPECT_EQ(about(daemon.state_dir()).st_gid, group_id);
  daemon.admin().make_network("acme");
  EXPECT_EQ(enrol("first"), "live");
  const pid_t wireguard = userspace_process(daemon.interface());
  if (wireguard != 0) {
    EXPECT_EQ(ids_of(wireguard), the_users);
    ASSERT_EQ(::kill(wireguard, SIGKILL), 0);
    daemon.await_log("device ready");
  }
  EXPECT_EQ(enrol("second"), "live");
  EXPECT_EQ(daemon.stop(), 0);
  daemon.start();
  EXPECT_EQ(ids(), the_users);
  EXPECT_EQ(enrol("third"), "live");
}

TEST_F(own_user, takes_over_what_a_daemon_of_root_has_left_and_gives_it_back) {
  set_user("root");
  daemon.start();
  EXPECT_EQ(ids(), roots);
  EXPECT_THAT(daemon.log_since_launch(), Not(HasSubstr("stays root")));
  daemon.admin().make_network("acme");
  EXPECT_EQ(enrol("of-root"), "live");
  EXPECT_EQ(daemon.stop(), 0);

  set_user(user);
  if (userspace_process(daemon.interface()) != 0) {
    // It goes on with its peers' sessions, and its socket is root's.
    daemon.settle();
    EXPECT_EQ(ids(), roots);
    EXPECT_THAT(daemon.log_since_launch(), HasSubstr("ip link delete " + daemon.interface()));
    EXPECT_EQ(daemon.stop(), 0);
    remove_device(daemon.interface());
  }
  daemon.settle();
  EXPECT_EQ(ids(), the_users) << daemon.log_since_launch();
  EXPECT_EQ(enrol("of-its-user"), "live");
  EXPECT_EQ(daemon.admin().peers_of("acme").size(), 2);
  EXPECT_EQ(daemon.stop(), 0);

  // A key that root alone reads keeps it root, and then root has its files again.
  const std::string key = daemon.folder() + "/roots.key";
  fs::copy_file(daemon.state_dir() + "/gateway.key", key);
  ASSERT_EQ(::chmod(key.c_str(), 0600), 0);
  set_user(user, "private_key_file = \"" + key + "\"\n");
  daemon.settle();
  EXPECT_EQ(ids(), roots);
  EXPECT_THAT(daemon.log_since_launch(), HasSubstr("stays root"));
  EXPECT_THAT(daemon.log_since_launch(), HasSubstr("chmod 640 " + key));
  EXPECT_EQ(about(daemon.state_dir() + "/peerage.db").st_uid, 0);
  EXPECT_EQ(enrol("of-root-again"), "live");
  EXPECT_EQ(daemon.stop(), 0);

  // As the log says.
  ASSERT_EQ(::chown(key.c_str(), 0, group_id), 0);
  ASSERT_EQ(::chmod(key.c_str(), 0640), 0);
  remove_device(daemon.interface());
  daemon.settle();
  EXPECT_EQ(ids(), the_users) << daemon.log_since_launch();
  daemon.running().signal(SIGHUP);
  daemon.await_log("reloaded");
  EXPECT_THAT(daemon.log_since_launch(), Not(HasSubstr("stays as it was")));
}

TEST_F(own_user, does_not_get_a_file_that_another_name_leads_to) {
  ASSERT_EQ(::mkdir(daemon.state_dir().c_str(), 0700), 0);
  const std::string victim = daemon.folder() + "/roots-own";
  std::ofstream(victim) << "precious";
  fs::create_hard_link(victim, daemon.state_dir() + "/process-id");
  run(daemon.command(), seconds(2));
  EXPECT_EQ(about(victim).st_uid, 0);
  EXPECT_EQ(about(daemon.state_dir()).st_uid, 0);
  fs::remove(daemon.state_dir() + "/process-id");

  fs::create_directory(daemon.state_dir() + "/backups");
  std::ofstream(daemon.state_dir() + "/backups/mine") << "precious";
  daemon.start();
  EXPECT_EQ(ids(), the_users);
  EXPECT_EQ(about(daemon.state_dir() + "/backups/mine").st_uid, 0);
}

TEST_F(own_user, is_served_by_what_root_does_beside_the_daemon) {
  daemon.start();
  daemon.admin().make_network("acme");
  EXPECT_EQ(run(daemon.command({"--check"})).status, 0) << run(daemon.command({"--check"})).out;
  EXPECT_EQ(run(daemon.command({"--new-admin-token"})).status, 0);
  EXPECT_EQ(about(daemon.state_dir() + "/admin-token").st_uid, user_id);
  const std::string backup = daemon.folder() + "/backup.db";
  EXPECT_EQ(run(daemon.command({"--backup", backup})).status, 0);
  EXPECT_EQ(daemon.stop(), 0);
  const finished restored = run(daemon.command({"--restore", backup}));
  EXPECT_EQ(restored.status, 0) << restored.err;
  for (const auto& each : fs::recursive_directory_iterator(daemon.state_dir())) {
    EXPECT_EQ(about(each.path()).st_uid, user_id) << each.path();
  }
  daemon.start();
  EXPECT_EQ(ids(), the_users);
  EXPECT_EQ(enrol("later"), "live");
  EXPECT_EQ(daemon.stop(), 0);
  EXPECT_EQ(run(daemon.command({"--remove-gateway"})).status, 0);
}

TEST_F(own_user, is_none_that_is_not_there_or_shared) {
  set_user("no-such-user");
  EXPECT_THAT(run(daemon.command()).err, HasSubstr("useradd --system"));
  set_user("nobody");
  EXPECT_THAT(run(daemon.command()).err, HasSubstr("whom other services share"));
}

}  // namespace
}  // namespace peerage::live
