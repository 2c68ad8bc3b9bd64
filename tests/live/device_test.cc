// Whatever others do to the device, the daemon brings it back to what the store says.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <fstream>
#include <optional>
#include <thread>

#include "base/base64.h"
#include "crypto/x25519.h"
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

// The second of reconcile_s, and grace for an emulated machine with much else to do; where nothing
// is set it takes half a minute.
constexpr auto reconciled_within = 1s + 14s;

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
  const std::string secret = daemon.folder() + "/preshared.key";
  std::ofstream(secret) << base64_encode(make_preshared_key().reveal()) << "\n";
  set(first, {"preshared-key", secret});
  EXPECT_TRUE(eventually(reconciled_within, is_itself)) << "a preshared key was set";
}

std::string own_public_key(const std::string& interface) {
  return must_run({"wg", "show", interface, "public-key"});
}
std::string own_port(const std::string& interface) {
  return must_run({"wg", "show", interface, "listen-port"});
}

TEST(device, whose_own_key_or_port_or_state_was_changed_by_hand_is_put_right_and_it_is_said) {
  daemon_under_test daemon({.reconcile_s = 1});
  daemon.settle();
  caller api = daemon.admin();
  api.make_network("acme", "10.20.0.0/24");
  make_peers(api, 2);
  const std::string& interface = daemon.interface();
  const seen_peers wanted = look_at(interface);
  const std::string key = own_public_key(interface), port = own_port(interface);
  const std::string routes = must_run({"ip", "-6", "route", "show", "dev", interface});
  const std::string other_key = daemon.folder() + "/other.key";
  std::ofstream(other_key) << base64_encode(make_private_key().reveal()) << "\n";

  must_run({"wg", "set", interface, "private-key", other_key});
  ASSERT_NE(own_public_key(interface), key);
  EXPECT_TRUE(eventually(reconciled_within, [&] { return own_public_key(interface) == key; }));
  must_run({"wg", "set", interface, "listen-port", "47111"});
  EXPECT_TRUE(eventually(reconciled_within, [&] { return own_port(interface) == port; }));
  EXPECT_TRUE(daemon.log_since_launch().contains("changed=\"its private key or UDP port\""));
  must_run({"ip", "link", "set", interface, "down"});
  EXPECT_TRUE(eventually(reconciled_within, [&] {
    return must_run({"ip", "-6", "route", "show", "dev", interface}) == routes;
  }));
  EXPECT_TRUE(daemon.log_since_launch().contains("changed=\"it was set down\""));
  EXPECT_TRUE(look_at(interface) == wanted);
}

TEST(device, that_was_removed_or_made_anew_by_somebody_is_filled_again) {
  daemon_under_test daemon({.reconcile_s = 1});
  daemon.settle();
  caller api = daemon.admin();
  api.make_network("acme", "10.20.0.0/24");
  make_peers(api, 50);
  const std::string& interface = daemon.interface();
  const seen_peers wanted = look_at(interface);
  const std::string key = own_public_key(interface);
  const auto whole = [&] {
    return index_of(interface) != 0 && look_at(interface) == wanted &&
           own_public_key(interface) == key;
  };
  const bool kernel = userspace_process(interface) == 0;
  for (const bool made_anew : {false, true}) {
    SCOPED_TRACE(made_anew ? "made anew" : "removed");
    must_run({"ip", "link", "delete", interface});
    // Unless the daemon has been quicker.
    if (made_anew && kernel) {
      run({.words = {"ip", "link", "add", interface, "type", "wireguard"},
           .environment = {},
           .network = {}});
    }
    EXPECT_TRUE(eventually(5s, [&] {
      try {
        return whole();
      } catch (const std::exception&) {
        return false;  // it is being made
      }
    }));
    EXPECT_EQ(api.enrol("acme", made_anew ? "b" : "a", new_public_key()).status, 201);
    const auto after = look_at(interface);
    EXPECT_EQ(after.size(), wanted.size() + 1);
    EXPECT_EQ(api.call("DELETE", std::string("/v1/networks/acme/peers/") + (made_anew ? "b" : "a"))
                  .status,
              204);
  }
  EXPECT_TRUE(daemon.log_since_launch().contains(" device lost"));
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

struct meanwhile {
  std::atomic<bool> stop = false;
  std::atomic<int> made = 0;
  std::atomic<int> kills = 0;  // counted before each
};

/// Whether a peer that was said to be live is on the device; nothing where the device was killed
/// since, and all that was true of it may be so no longer.
std::optional<bool> found_live(const std::string& interface, const std::string& key,
                               const meanwhile& now, int kills_before) {
  bool found = false;
  try {
    found = look_at(interface).contains(key);
  } catch (const std::exception&) {
    if (now.kills == kills_before) throw;
  }
  if (now.kills != kills_before) return {};
  return found;
}

/// Creates until told to stop; each answer is held against the device at once.
void create_meanwhile(const daemon_under_test& daemon, meanwhile& now) {
  caller api = daemon.admin();
  for (int i = 0; !now.stop; ++i) {
    const std::string key = new_public_key();
    const int kills_before = now.kills;
    const answer said = api.enrol("acme", "meanwhile-" + std::to_string(i), key);
    ASSERT_TRUE(said.status == 201 || said.status == 202) << said.text;
    ++now.made;
    if (said.status == 201) {
      EXPECT_TRUE(found_live(daemon.interface(), key, now, kills_before).value_or(true)) << i;
    } else {
      EXPECT_EQ(said.word("state"), "pending");
      EXPECT_FALSE(said.word("reason").empty());
    }
  }
}

void kill_again_and_again(const daemon_under_test& daemon, meanwhile& now) {
  const auto some_more = [&] {
    const int enough = now.made + 20;
    return eventually(10s, [&] { return now.made >= enough; });
  };
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(some_more());
    const pid_t victim = userspace_process(daemon.interface());
    ASSERT_NE(victim, 0);
    ++now.kills;
    ASSERT_EQ(::kill(victim, SIGKILL), 0);
  }
  ASSERT_TRUE(some_more());
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
    const auto is_live = [&] {
      return api.call("GET", "/v1/networks/acme/peers/peer-0").word("state") == "live";
    };
    EXPECT_TRUE(eventually(3s, is_live));
  }
}

TEST(device, of_userspace_that_dies_is_never_said_to_have_what_it_has_not) {
  daemon_under_test daemon({.device = "userspace"});
  daemon.settle();
  caller api = daemon.admin();
  api.make_network("acme", "10.20.0.0/16");
  meanwhile now;
  std::thread client = beside([&] { create_meanwhile(daemon, now); });
  kill_again_and_again(daemon, now);
  now.stop = true;
  client.join();
  // Those that were pending have become live.
  const auto settled = [&] {
    return look_at(daemon.interface()).size() == static_cast<std::size_t>(now.made);
  };
  EXPECT_TRUE(eventually(3s, settled));
  expect_device_is_store(daemon.interface(), api.peers_of("acme"));
}

}  // namespace
}  // namespace peerage::live
