// Whatever others do to the device, the daemon brings it back to what the store says.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include "tests/live/load.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

void make_peers(caller& api, int count) {
  for (int i = 0; i < count; ++i) {
    const answer made = api.enrol("acme", "peer-" + std::to_string(i), new_public_key());
    ASSERT_EQ(made.status, 201) << made.text;
  }
}

// Half a second of grace for a machine with much else to do.
constexpr auto reconciled_within = 1s + 500ms;

TEST(device, is_itself_again_within_reconcile_s_after_changes_by_hand) {
  daemon_under_test daemon({.reconcile_s = 1});
  daemon.settle();
  caller api = daemon.admin();
  api.make_network("acme", "10.20.0.0/24");
  make_peers(api, 4);
  const std::string& interface = daemon.interface();
  const seen_peers wanted = look_at(interface);
  const auto set = [&](const std::string& key, const std::vector<std::string>& how) {
    std::vector<std::string> words{"wg", "set", interface, "peer", key};
    words.insert(words.end(), how.begin(), how.end());
    must_run(std::move(words));
  };
  const auto is_itself = [&] { return look_at(interface) == wanted; };
  const std::string first = wanted.begin()->first;
  const std::string address = *wanted.begin()->second.allowed_ips.begin();

  set(first, {"remove"});
  EXPECT_TRUE(eventually(reconciled_within, is_itself)) << "a peer was removed";
  set(new_public_key(), {"allowed-ips", "192.0.2.7/32"});
  EXPECT_TRUE(eventually(reconciled_within, is_itself)) << "a peer was added";
  set(wanted.rbegin()->first, {"allowed-ips", address});
  EXPECT_TRUE(eventually(reconciled_within, is_itself)) << "an address was taken from a peer";
  set(first, {"preshared-key", "/dev/urandom"});
  EXPECT_TRUE(eventually(reconciled_within, is_itself)) << "a preshared key was set";
}

TEST(device, untouched_peers_keep_their_endpoints_while_others_are_repaired) {
  daemon_under_test daemon({.reconcile_s = 1});
  daemon.settle();
  caller api = daemon.admin();
  api.make_network("acme");
  make_peers(api, 2);
  const std::string& interface = daemon.interface();
  const auto keys = look_at(interface);
  const std::string roaming = keys.begin()->first;
  must_run({"wg", "set", interface, "peer", roaming, "endpoint", "192.0.2.9:4000"});
  const seen_peers wanted = look_at(interface);
  must_run({"wg", "set", interface, "peer", keys.rbegin()->first, "remove"});
  EXPECT_TRUE(eventually(reconciled_within, [&] { return look_at(interface) == wanted; }));
}

/// Creates until told to stop; each answer is held against the device at once.
void create_meanwhile(const daemon_under_test& daemon, const std::atomic<bool>& stop,
                      std::atomic<int>& made) {
  caller api = daemon.admin();
  for (int i = 0; !stop; ++i) {
    const std::string key = new_public_key();
    const answer said = api.enrol("acme", "meanwhile-" + std::to_string(i), key);
    ASSERT_TRUE(said.status == 201 || said.status == 202) << said.text;
    ++made;
    if (said.status == 201) {
      EXPECT_TRUE(look_at(daemon.interface()).contains(key)) << "was said to be live";
    } else {
      EXPECT_EQ(said.word("state"), "pending");
      EXPECT_FALSE(said.word("reason").empty());
    }
  }
}

TEST(device, of_userspace_that_dies_is_back_with_every_peer_within_3_s) {
  daemon_under_test daemon({.device = "userspace"});
  daemon.settle();
  caller api = daemon.admin();
  api.make_network("acme", "10.20.0.0/16");
  make_peers(api, 50);
  const std::string& interface = daemon.interface();
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const seen_peers before = look_at(interface);
    const pid_t victim = userspace_process(interface);
    ASSERT_NE(victim, 0);
    ASSERT_EQ(::kill(victim, SIGKILL), 0);
    const auto back = [&] {
      const pid_t now = userspace_process(interface);
      return now != 0 && now != victim && look_at(interface) == before;
    };
    EXPECT_TRUE(eventually(3s, back));
    EXPECT_EQ(api.call("GET", "/v1/networks/acme/peers/peer-0").word("state"), "live");
  }
}

TEST(device, of_userspace_that_dies_is_never_said_to_have_what_it_has_not) {
  daemon_under_test daemon({.device = "userspace"});
  daemon.settle();
  caller api = daemon.admin();
  api.make_network("acme", "10.20.0.0/16");
  std::atomic<bool> stop = false;
  std::atomic<int> made = 0;
  std::thread client([&] { create_meanwhile(daemon, stop, made); });
  const auto some_more = [&] {
    const int enough = made + 20;
    return eventually(10s, [&] { return made >= enough; });
  };
  EXPECT_TRUE(some_more());
  // No 201 is to be on its way while the device dies: one that was true may be so no longer.
  ::kill(userspace_process(daemon.interface()), SIGSTOP);
  const int stalled = made;
  ::kill(userspace_process(daemon.interface()), SIGKILL);
  EXPECT_TRUE(some_more());
  stop = true;
  client.join();
  EXPECT_GT(made, stalled);
  // Those that were pending have become live.
  const auto settled = [&] {
    return look_at(daemon.interface()).size() == static_cast<std::size_t>(made);
  };
  EXPECT_TRUE(eventually(3s, settled));
  expect_device_is_store(daemon.interface(), api.peers_of("acme"));
}

}  // namespace
}  // namespace peerage::live
