// `peeraged --check` finds what a start would refuse, and the jobs beside a daemon do what they
// say.
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "tests/live/daemon.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

struct check_of_start : testing::Test {
  daemon_under_test daemon;

  std::string key() const { return daemon.state_dir() + "/gateway.key"; }
  std::string with(const std::string& section, const std::string& line) const {
    std::string text = daemon.config_text();
    if (section == "[store]") return text + "[store]\n" + line + "\n";
    return text.insert(text.find(section) + section.size() + 1, line + "\n");
  }
};

TEST_F(check_of_start, finds_what_a_start_refuses) {
  ASSERT_EQ(::mkdir(daemon.state_dir().c_str(), 0700), 0);
  ASSERT_EQ(run(daemon.command({"--check"})).status, 0) << run(daemon.command({"--check"})).out;
  struct fault {
    std::function<void()> make;
    std::string said;
  };
  const fault table[] = {
      {[&] { ::chmod(daemon.state_dir().c_str(), 0777); }, "chmod 700"},
      {[&] { fs::create_symlink("/etc/passwd", daemon.state_dir() + "/process-id"); },
       "is a symbolic link"},
      {[&] {
         std::ofstream(key()) << "wOmTNWQ2Ckp0PzUdCS7vYnlZ4r6Qz2bSGpQBkFxC5kw=\n";
         ::chmod(key().c_str(), 0644);
       },
       "chmod 600 " + key()},
      {[&] {
         std::ofstream(key()) << "garbage\n";
         ::chmod(key().c_str(), 0600);
       },
       key()},
      {[&] { daemon.write_config(with("[store]", "path = \"/nonexistent/folder/p.db\"")); },
       "/nonexistent/folder"},
      {[&] { daemon.write_config(with("[api]", "audit_dir = \"/proc/version/audit\"")); }, ""},
  };
  for (const auto& [make, said] : table) {
    make();
    const finished looked = run(daemon.command({"--check"}));
    EXPECT_EQ(looked.status, 1) << said << looked.out;
    EXPECT_THAT(looked.out, HasSubstr(said));
    if (!said.empty()) {
      const finished started = run(daemon.command());
      EXPECT_EQ(started.status, 1);
      EXPECT_THAT(started.err, HasSubstr(said));
    }
    daemon.write_config(daemon.config_text());
    fs::remove_all(daemon.state_dir());
    ASSERT_EQ(::mkdir(daemon.state_dir().c_str(), 0700), 0);
  }
}

TEST_F(check_of_start, finds_a_device_that_cannot_be_had_and_an_endpoint_that_nobody_knows) {
  std::string text = daemon.config_text();
  const std::string endpoint = "127.0.0.1:", unknown = "no-such-host.invalid:";
  const auto at = text.rfind(endpoint);
  daemon.write_config(text.replace(at, endpoint.size(), unknown));
  EXPECT_THAT(run(daemon.command({"--check"})).out, HasSubstr("no-such-host.invalid"));
  EXPECT_EQ(run(daemon.command({"--check"})).status, 1);
  text = daemon.config_text();
  const std::string automatic = "\"auto\"";
  daemon.write_config(text.replace(text.find(automatic), automatic.size(), "\"kernel\""));
  const finished looked = run(daemon.command({"--check"}));
  const finished started = run(daemon.command(), seconds(2));
  const bool no_kernel = started.err.contains("this kernel has no WireGuard");
  EXPECT_EQ(looked.status, no_kernel ? 1 : 0) << looked.out;
  EXPECT_EQ(looked.out.contains("this kernel has no WireGuard"), no_kernel);
  daemon.write_config(daemon.config_text());
  program bare = daemon.command({"--check"});
  bare.without_tun = true;
  EXPECT_EQ(run(bare).status, no_kernel ? 1 : 0);
}

TEST_F(check_of_start, is_content_with_a_socket_in_the_state_dir_that_a_start_makes) {
  std::string text = daemon.config_text();
  const auto at = text.find("listen = ");
  text.replace(at, text.find('\n', at) - at, "listen = \"unix:" + daemon.state_dir() + "/s\"");
  daemon.write_config(text);
  const finished looked = run(daemon.command({"--check"}));
  EXPECT_EQ(looked.status, 0) << looked.out;
  EXPECT_THAT(looked.out, HasSubstr("in the state_dir that a start makes"));
  EXPECT_FALSE(fs::exists(daemon.state_dir()));
}

TEST_F(check_of_start, tells_that_consul_is_asked_in_clear) {
  const auto said = [&](const std::string& address) {
    daemon.write_config(
        "state_dir = \"" + daemon.state_dir() +
        "\"\n[api]\nlisten = \"127.0.0.1:0\"\n[store]\nkind = \"consul\"\naddress = \"" + address +
        "\"\n[bus]\nkind = \"nats\"\nservers = [\"nats://127.0.0.1:9\"]\n");
    return run(daemon.command({"--check"}), 60s).out;
  };
  EXPECT_THAT(said("http://192.0.2.1:9"), HasSubstr("asked without TLS"));
  EXPECT_THAT(said("http://127.0.0.1:9"), Not(HasSubstr("without TLS")));
  EXPECT_THAT(said("https://127.0.0.1:9"), Not(HasSubstr("without TLS")));
}

TEST_F(check_of_start, tells_a_folder_and_an_empty_file_from_one_that_is_absent) {
  const auto said = [&] { return run(daemon.command({"--check"})).err; };
  daemon.write_config("");
  EXPECT_THAT(said(), HasSubstr("has neither [api] nor [gateway]"));
  fs::remove(daemon.config_file());
  EXPECT_THAT(said(), HasSubstr("is it the path of a file?"));
  fs::create_directory(daemon.config_file());
  EXPECT_THAT(said(), HasSubstr("is it the path of a file?"));
}

TEST_F(check_of_start, is_one_job_of_several_and_only_one_at_a_time) {
  const std::string file = daemon.folder() + "/b.db";
  for (const std::vector<std::string>& two : {std::vector<std::string>{"--check", "--backup", file},
                                              {"--backup", file, "--restore", file},
                                              {"--new-admin-token", "--check"},
                                              {"--new-nkey", file, "--remove-gateway"}}) {
    const finished end = run(daemon.command(two));
    EXPECT_EQ(end.status, 2) << end.err;
    EXPECT_THAT(end.err, HasSubstr("one at a time"));
    EXPECT_FALSE(fs::exists(file));
  }
}

TEST_F(check_of_start, an_admin_token_that_was_made_before_the_first_start_stays) {
  ASSERT_EQ(::mkdir(daemon.state_dir().c_str(), 0700), 0);
  ASSERT_EQ(run(daemon.command({"--new-admin-token"})).status, 0);
  const std::string token = daemon.admin_token();
  daemon.start();
  EXPECT_EQ(daemon.admin_token(), token);
  EXPECT_EQ(daemon.admin().call("GET", "/v1/tokens")["items"].as_array().size(), 1U);
}

TEST_F(check_of_start, a_restoration_names_only_a_copy_that_is_there) {
  daemon.start();
  const std::string backup = daemon.folder() + "/b.db";
  ASSERT_EQ(run(daemon.command({"--backup", backup})).status, 0);
  EXPECT_EQ(daemon.stop(), 0);
  for (int i = 0; i < 3; ++i) {
    const finished restored = run(daemon.command({"--restore", backup}));
    ASSERT_EQ(restored.status, 0) << restored.err;
    const auto at = restored.out.find("that was there is ");
    ASSERT_NE(at, std::string::npos) << restored.out;
    const std::string rest = restored.out.substr(at + 18);
    EXPECT_TRUE(fs::exists(rest.substr(0, rest.find('\n')))) << rest;
  }
  fs::remove_all(daemon.state_dir());
  const finished restored = run(daemon.command({"--restore", backup}));
  EXPECT_EQ(restored.status, 0) << restored.err;
  EXPECT_THAT(restored.out, Not(HasSubstr("that was there")));
}

TEST_F(check_of_start, a_reload_that_failed_does_not_end_with_reloaded) {
  daemon.start();
  std::ofstream(key()) << "garbage\n";
  daemon.running().signal(SIGHUP);
  daemon.await_log("not everything could be reloaded");
  EXPECT_THAT(daemon.log_since_launch(), Not(HasSubstr(" reloaded\n")));
}

}  // namespace
}  // namespace peerage::live
