// What can be wrong at the start: each fault is one clear line and an exit status that is not 0.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/live/daemon.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

/// The one line that is not the log's.
std::string complaint_of(const finished& end) {
  EXPECT_EQ(end.status, 1) << end.err;
  std::istringstream in(end.err);
  std::string complaint;
  int count = 0;
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("peeraged: ")) continue;
    complaint = line;
    ++count;
  }
  EXPECT_EQ(count, 1) << end.err;
  EXPECT_TRUE(end.err.ends_with(complaint + "\n")) << "it is the last word:\n" << end.err;
  return complaint;
}

void expect_says(const finished& end, const std::vector<std::string>& words) {
  const std::string complaint = complaint_of(end);
  for (const std::string& each : words) {
    EXPECT_NE(complaint.find(each), std::string::npos) << "\"" << each << "\" in: " << complaint;
  }
}

TEST(start, with_its_port_in_use_says_so_and_touches_no_device) {
  daemon_under_test first;
  first.start();
  daemon_under_test second;
  std::string config = second.config_text();
  const std::string own = std::to_string(second.api_port());
  config.replace(config.find(own), own.size(), std::to_string(first.api_port()));
  second.write_config(config);
  expect_says(run(second.command()), {"127.0.0.1:" + std::to_string(first.api_port()), "in use"});
  EXPECT_EQ(index_of(second.interface()), 0U);
}

TEST(start, with_a_state_dir_in_use_says_so) {
  daemon_under_test daemon;
  daemon.start();
  expect_says(run(daemon.command()), {daemon.state_dir(), "in use by another peeraged"});
  EXPECT_EQ(daemon.admin().call("GET", "/healthz").status, 200) << "the first goes on";
}

TEST(start, of_userspace_without_dev_net_tun_says_so) {
  daemon_under_test daemon({.device = "userspace"});
  program command = daemon.command();
  command.without_tun = true;
  expect_says(run(command), {"/dev/net/tun", daemon.interface()});
}

TEST(start, without_root_says_so) {
  daemon_under_test daemon;
  // Where another user may reach both.
  const std::string copy = daemon.folder() + "/peeraged";
  std::filesystem::copy_file(binary("peeraged"), copy);
  ASSERT_EQ(::chmod(copy.c_str(), 0755), 0);
  ASSERT_EQ(::chmod(daemon.config_file().c_str(), 0644), 0);
  ASSERT_EQ(::mkdir(daemon.state_dir().c_str(), 0700), 0);
  ASSERT_EQ(::chown(daemon.state_dir().c_str(), 65'534, 65'534), 0);
  program command = daemon.command();
  command.words[0] = copy;
  command.as_nobody = true;
  expect_says(run(command), {"root", "CAP_NET_ADMIN"});
  command.words.emplace_back("--check");
  const finished check = run(command);
  EXPECT_EQ(check.status, 1);
  EXPECT_NE(check.out.find("FAILED   device"), std::string::npos) << check.out;
}

TEST(start, with_a_database_of_a_newer_version_says_so_and_leaves_it_alone) {
  daemon_under_test daemon;
  daemon.start();
  ASSERT_EQ(daemon.stop(), 0);
  // The file format of SQLite, section 1.3.13: the user version, big-endian, at offset 60.
  const std::string database = daemon.state_dir() + "/peerage.db";
  {
    std::fstream file(database, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(60);
    file.write("\0\0\0\x63", 4);
    ASSERT_TRUE(file);
  }
  const std::string before = text_of_file(database);
  expect_says(run(daemon.command()), {database, "newer version", "99"});
  EXPECT_TRUE(text_of_file(database) == before);
}

TEST(start, with_an_unknown_key_in_its_config_names_it) {
  daemon_under_test daemon;
  daemon.write_config(daemon.config_text() + "reconcile = 3\n");
  expect_says(run(daemon.command()), {daemon.config_file() + ":", "gateway.reconcile"});
  expect_says(run(daemon.command({"--check"})), {"gateway.reconcile"});
}

TEST(start, without_its_config_file_names_it) {
  daemon_under_test daemon;
  std::filesystem::remove(daemon.config_file());
  expect_says(run(daemon.command()), {daemon.config_file(), "can't be read"});
}

TEST(start, refuses_an_interface_that_is_not_its_own) {
  daemon_under_test daemon;
  must_run({"ip", "link", "add", daemon.interface(), "type", "veth", "peer", "name", "other-end"});
  expect_says(run(daemon.command()),
              {daemon.interface(), "no WireGuard interface", "gateway.interface"});
  const finished check = run(daemon.command({"--check"}));
  EXPECT_EQ(check.status, 1);
  EXPECT_NE(check.out.find(daemon.interface()), std::string::npos) << check.out;
  EXPECT_NE(index_of(daemon.interface()), 0U) << "it is left alone";
}

TEST(start, check_finds_nothing_wrong_with_what_is_right_and_changes_nothing) {
  daemon_under_test daemon;
  const finished check = run(daemon.command({"--check"}));
  EXPECT_EQ(check.status, 0) << check.out << check.err;
  EXPECT_EQ(check.out.find("FAILED"), std::string::npos) << check.out;
  EXPECT_EQ(index_of(daemon.interface()), 0U);
  EXPECT_FALSE(std::filesystem::exists(daemon.state_dir()));
}

finished peeraged(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), binary("peeraged"));
  return run({.words = std::move(arguments), .environment = {}, .network = {}});
}

TEST(start, help_and_version_are_printed) {
  const finished help = peeraged({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_NE(help.out.find("--config FILE"), std::string::npos) << help.out;
  const finished config = peeraged({"--help-config"});
  EXPECT_EQ(config.status, 0);
  EXPECT_NE(config.out.find("gateway.reconcile_s"), std::string::npos) << config.out;
  const finished page = peeraged({"--help-config=markdown"});
  EXPECT_EQ(page.status, 0);
  EXPECT_TRUE(page.out.starts_with("# Configuration reference")) << page.out;
  const finished version = peeraged({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_TRUE(version.out.starts_with("peeraged ")) << version.out;
}

TEST(start, wrong_usage_is_status_2) {
  for (const auto& wrong : std::vector<std::vector<std::string>>{{"--confg", "x"},
                                                                 {"--config"},
                                                                 {"--log-level", "loud"},
                                                                 {"--help-config=html"},
                                                                 {"serve"}}) {
    const finished end = peeraged(wrong);
    EXPECT_EQ(end.status, 2) << wrong[0];
    EXPECT_NE(end.err.find("peeraged"), std::string::npos) << end.err;
    EXPECT_TRUE(end.out.empty()) << end.out;
  }
}

}  // namespace
}  // namespace peerage::live
