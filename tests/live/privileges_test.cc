// What a daemon that root started may still do.
#include <gtest/gtest.h>

#include "tests/live/fleet.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

/// A line of /proc/PID/status.
std::string status_of(pid_t process, const std::string& name) {
  const std::string text = text_of_file("/proc/" + std::to_string(process) + "/status");
  const auto at = text.find("\n" + name + ":\t");
  if (at == std::string::npos) throw std::runtime_error(name + " is not in " + text);
  const auto begin = at + name.size() + 3;
  return text.substr(begin, text.find('\n', begin) - begin);
}

constexpr const char* nothing = "0000000000000000";
constexpr const char* net_admin = "0000000000001000";

void expect_only(pid_t process, const std::string& capabilities) {
  for (const char* set : {"CapPrm", "CapEff", "CapBnd"}) {
    EXPECT_EQ(status_of(process, set), capabilities) << set;
  }
  EXPECT_EQ(status_of(process, "CapAmb"), nothing);
  EXPECT_EQ(status_of(process, "NoNewPrivs"), "1");
  const std::string limits = text_of_file("/proc/" + std::to_string(process) + "/limits");
  EXPECT_NE(limits.find("Max core file size        0 "), std::string::npos) << limits;
}

/// What root without capabilities, but for a gateway's, sees of a process's memory.
finished look_into(pid_t process) {
  return run({.words = {"setpriv", "--bounding-set=-all,+net_admin", "cat",
                        "/proc/" + std::to_string(process) + "/environ"},
              .environment = {},
              .network = {}});
}

TEST(privileges, no_process_of_the_same_user_looks_into_a_daemon) {
  const temporary_folder folder;
  const process plain({.words = {"setpriv", "--bounding-set=-all,+net_admin", "sleep", "60"},
                       .environment = {},
                       .network = {}},
                      folder.path() + "/log");
  // Before it has given its rights away, it has more than who looks.
  EXPECT_TRUE(eventually(std::chrono::seconds(5), [&] {
    return look_into(plain.pid()).status == 0;
  })) << "it is no rule of this host's";
  daemon_under_test both;
  both.start();
  fleet all;
  api_node& api = all.add_api();
  api.start();
  for (const pid_t process : {both.running().pid(), api.running().pid()}) {
    const finished look = look_into(process);
    EXPECT_NE(look.status, 0) << look.out;
    EXPECT_NE(look.err.find("Permission denied"), std::string::npos) << look.err;
  }
}

TEST(privileges, a_gateway_keeps_the_right_to_its_network_and_an_api_process_none) {
  daemon_under_test both;
  both.start();
  expect_only(both.running().pid(), net_admin);
  both.admin().make_network("acme");
  EXPECT_EQ(both.admin().enrol("acme", "p", new_public_key()).word("state"), "live");
  const pid_t wireguard = userspace_process(both.interface());
  if (wireguard != 0) expect_only(wireguard, net_admin);

  fleet all;
  api_node& api = all.add_api();
  api.start();
  expect_only(api.running().pid(), nothing);
}

}  // namespace
}  // namespace peerage::live
