// A start, or a check, that is refused: it says what and why, and leaves the host as it was.
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/live/daemon.h"

namespace peerage::live {
namespace {

using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

struct refused_start : testing::Test {
  daemon_under_test daemon;

  std::string replaced(std::string text, const std::string& what, const std::string& by) const {
    const auto at = text.find(what);
    return text.replace(at, what.size(), by);
  }
  std::string port_line() const {
    const std::string text = daemon.config_text();
    const auto at = text.find("listen_port = ");
    return text.substr(at, text.find('\n', at) - at);
  }
  static bool exists(const std::string& interface) {
    return run({.words = {"ip", "link", "show", interface}, .environment = {}, .network = {}})
               .status == 0;
  }
};

/// A UDP port that this process has.
struct taken_port {
  int file = ::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  std::uint16_t number = 0;
  taken_port() {
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    socklen_t size = sizeof any;
    auto* const address = reinterpret_cast<sockaddr*>(&any);
    if (::bind(file, address, size) == 0 && ::getsockname(file, address, &size) == 0) {
      number = ntohs(any.sin6_port);
    }
  }
  ~taken_port() { ::close(file); }
  taken_port(const taken_port&) = delete;
  taken_port& operator=(const taken_port&) = delete;
};

TEST_F(refused_start, takes_away_the_interface_that_it_made_and_names_the_port) {
  const taken_port taken;
  ASSERT_NE(taken.number, 0);
  const std::string port = std::to_string(taken.number);
  daemon.write_config(replaced(daemon.config_text(), port_line(), "listen_port = " + port));
  const finished looked = run(daemon.command({"--check"}));
  EXPECT_EQ(looked.status, 1);
  const std::string said = "UDP port " + port + " of gateway.listen_port is in use by process " +
                           std::to_string(::getpid());
  EXPECT_THAT(looked.out, HasSubstr(said));
  const finished started = run(daemon.command());
  EXPECT_EQ(started.status, 1);
  EXPECT_THAT(started.err, HasSubstr("UDP port " + port + " of gateway.listen_port is in use"));
  EXPECT_FALSE(exists(daemon.interface())) << started.err;
  EXPECT_TRUE(eventually(
      5s, [&] { return !fs::exists("/var/run/wireguard/" + daemon.interface() + ".sock"); }));
}

TEST_F(refused_start, leaves_what_was_there_before) {
  daemon.start();
  daemon.kill();
  const taken_port taken;
  daemon.write_config(
      replaced(daemon.config_text(), port_line(), "listen_port = " + std::to_string(taken.number)));
  EXPECT_EQ(run(daemon.command()).status, 1);
  EXPECT_TRUE(exists(daemon.interface()));
}

TEST_F(refused_start, has_no_interest_in_an_interface_that_is_no_wireguards) {
  const std::string name = "prgdummy0";
  if (run({.words = {"ip", "link", "add", name, "type", "dummy"}, .environment = {}, .network = {}})
          .status != 0) {
    must_run({"ip", "link", "add", name, "type", "bridge"});
  }
  const std::string own = "interface = \"" + daemon.interface() + "\"";
  for (const std::string& other : {name, std::string("lo")}) {
    for (const char* adopt : {"", "\nadopt = true"}) {
      daemon.write_config(
          replaced(daemon.config_text(), own, "interface = \"" + other + "\"" + adopt));
      const finished looked = run(daemon.command({"--check"}));
      const finished started = run(daemon.command());
      EXPECT_EQ(looked.status, 1) << looked.out;
      EXPECT_EQ(started.status, 1) << started.err;
      for (const std::string& each : {looked.out, started.err}) {
        EXPECT_THAT(each, HasSubstr(other + " is no WireGuard interface"));
        EXPECT_THAT(each, HasSubstr("gateway.interface"));
        EXPECT_THAT(each, Not(HasSubstr("adopt = true")));
        EXPECT_THAT(each, Not(HasSubstr("ip link delete")));
        EXPECT_THAT(each, Not(HasSubstr("ok       device")));
      }
    }
  }
  EXPECT_TRUE(exists(name));
  must_run({"ip", "link", "del", name});
}

TEST_F(refused_start, an_option_whose_value_is_empty_is_no_default) {
  for (const char* option : {"--config", "--backup", "--restore", "--new-nkey", "--log-level"}) {
    const finished end =
        run({.words = {binary("peeraged"), option, ""}, .environment = {}, .network = {}});
    EXPECT_EQ(end.status, 2) << option;
    EXPECT_THAT(end.err, HasSubstr("value is empty"));
  }
}

TEST_F(refused_start, a_restoration_of_something_else_says_what_it_takes) {
  const finished end = run(daemon.command({"--restore", "/bin/ls"}));
  EXPECT_EQ(end.status, 1);
  EXPECT_THAT(end.err, HasSubstr("/bin/ls is no copy of a database"));
  EXPECT_THAT(end.err, HasSubstr("peeraged --backup"));
}

TEST_F(refused_start, a_removal_says_what_it_removed) {
  daemon.start();
  EXPECT_EQ(daemon.stop(), 0);
  EXPECT_THAT(run(daemon.command({"--remove-gateway"})).out,
              HasSubstr("removed the interface " + daemon.interface()));
  EXPECT_THAT(run(daemon.command({"--remove-gateway"})).out,
              HasSubstr("there was no interface " + daemon.interface()));
}

TEST_F(refused_start, a_start_without_its_admin_token_says_which_command_makes_one) {
  daemon.start();
  EXPECT_EQ(daemon.stop(), 0);
  fs::remove(daemon.state_dir() + "/admin-token");
  daemon.start();
  EXPECT_THAT(daemon.log_since_launch(), HasSubstr("peeraged --new-admin-token"));
  EXPECT_THAT(daemon.log_since_launch(), Not(HasSubstr("admin_token=" + daemon.state_dir())));
}

TEST_F(refused_start, another_user_is_told_to_be_root_once) {
  daemon.start();
  program other = daemon.command({"--check"});
  other.as_nobody = true;
  fs::permissions(daemon.config_file(), fs::perms(0644));
  const finished looked = run(other);
  EXPECT_EQ(looked.status, 1);
  const std::string advice =
      "run it as root (or as the daemon's user): this user can't read " + daemon.state_dir();
  EXPECT_THAT(looked.err + looked.out, HasSubstr(advice));
  for (const char* wrong : {"another process", "another state_dir", "must be root"}) {
    EXPECT_THAT(looked.out + looked.err, Not(HasSubstr(wrong)));
  }
  program start = daemon.command();
  start.as_nobody = true;
  EXPECT_THAT(run(start).err, HasSubstr(advice));
}

}  // namespace
}  // namespace peerage::live
