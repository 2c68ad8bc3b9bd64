// What a daemon's end, of whatever kind, leaves behind: every promise kept, and traffic
// undisturbed.
#include <gtest/gtest.h>
#include <signal.h>

#include <random>
#include <thread>

#include "tests/live/load.h"
#include "tests/live/tunnel_flow.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

constexpr unsigned seed = 4711;

void expect_all_is_well(daemon_under_test& daemon, load& clients) {
  const auto store = daemon.admin().peers_of("acme");
  expect_promises_kept(clients.told(), store);
  expect_device_is_store(daemon.interface(), store);
  clients.learn(store);
}

// The moment of the kill is the point of these waits: nothing is waited for.
void let_pass(milliseconds time) {
  std::this_thread::sleep_for(time);
}

TEST(restart, after_a_kill_at_any_moment_keeps_every_promise) {
  std::mt19937 chance(seed);
  daemon_under_test daemon;
  daemon.start();
  daemon.admin().make_network("acme", "10.20.0.0/16");
  load clients(daemon, 8, seed);
  for (int round = 0; round < 10; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    clients.start();
    let_pass(milliseconds(20 + chance() % 300));
    daemon.kill();
    clients.join();
    if (chance() % 2 == 0) {
      daemon.launch();
      let_pass(milliseconds(chance() % 60));
      daemon.kill();
    }
    daemon.settle();
    expect_all_is_well(daemon, clients);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(clients.done(), 20U) << "there was a load";
}

void expect_starts_as_if_for_the_first_time(daemon_under_test& daemon) {
  daemon.settle();
  caller api = daemon.admin();
  api.make_network("acme");
  EXPECT_EQ(api.enrol("acme", "first", new_public_key()).status, 201);
}

TEST(restart, after_a_kill_during_the_first_start_is_a_first_start_again) {
  for (int delay = 0; delay < 50; delay += 2) {
    SCOPED_TRACE("killed after " + std::to_string(delay) + " ms");
    daemon_under_test daemon;
    daemon.launch();
    let_pass(milliseconds(delay));
    daemon.kill();
    expect_starts_as_if_for_the_first_time(daemon);
  }
}

TEST(restart, after_a_kill_before_the_interface_was_marked_still_knows_it) {
  for (int round = 0; round < 5; ++round) {
    daemon_under_test daemon;
    daemon.launch();
    // Without a pause, to be quicker than the mark.
    const auto limit = std::chrono::steady_clock::now() + 10s;
    while (index_of(daemon.interface()) == 0 && std::chrono::steady_clock::now() < limit) {
      std::this_thread::yield();
    }
    daemon.kill();
    expect_starts_as_if_for_the_first_time(daemon);
  }
}

TEST(restart, sigterm_under_load_answers_every_request_that_was_sent) {
  daemon_under_test daemon;
  daemon.start();
  daemon.admin().make_network("acme", "10.20.0.0/16");
  load clients(daemon, 8, seed);
  for (int round = 0; round < 5; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    clients.start();
    let_pass(milliseconds(150));
    EXPECT_EQ(daemon.stop(), 0);
    clients.join();
    EXPECT_EQ(clients.lost(), 0U) << "requests were sent and never answered";
    // The device keeps its peers while nobody drives it.
    const seen_peers kept = look_at(daemon.interface());
    for (const auto& [name, mine] : clients.told()) {
      if (mine.what == known::unsure) continue;
      EXPECT_EQ(kept.contains(mine.public_key), mine.what == known::there) << name;
    }
    daemon.settle();
    expect_all_is_well(daemon, clients);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(clients.done(), 20U) << "there was a load";
}

/// A wg-quick file of the command's.
std::string create_with_command(const daemon_under_test& daemon, const std::string& name) {
  const std::string file = daemon.folder() + "/" + name + ".conf";
  const finished made = run(daemon.peerage({"create", name, "--file", file}));
  if (made.status != 0) throw std::runtime_error("peerage create: " + made.err);
  return file;
}

TEST(restart, of_the_daemon_loses_no_packet_of_a_tunnel_and_renews_no_handshake) {
  const std::string gateway = "fd00:aa:bb:1::1";
  client_host host;
  daemon_under_test daemon({.endpoint_address = host.gateway_address()});
  daemon.settle();
  caller api = daemon.admin();
  api.make_network("acme", "10.40.0.0/24", "fd00:aa:bb::/48");
  host.connect(create_with_command(daemon, "laptop"));
  const std::string key = api.call("GET", "/v1/networks/acme/peers/laptop").word("public_key");

  // The first packet's handshake is answered at once: live means live.
  must_run({"ping", "-n", "-c", "1", "-W", "3", gateway}, host.network());
  const seen_peer before = look_at(daemon.interface()).at(key);
  const pid_t wireguard = userspace_process(daemon.interface());
  const unsigned index = index_of(daemon.interface());
  EXPECT_NE(before.last_handshake, 0);
  tunnel_flow ping(host, gateway, host.folder() + "/ping.log");
  ping.go_on_for(50);
  daemon.kill();
  ping.go_on_for(50);
  daemon.settle();
  ping.go_on_for(50);
  EXPECT_EQ(daemon.stop(), 0);
  ping.go_on_for(50);
  daemon.settle();
  ping.go_on_for(50);
  ping.expect_nothing_lost();

  EXPECT_TRUE(look_at(daemon.interface()).at(key) == before) << "endpoint and handshake stay";
  EXPECT_EQ(userspace_process(daemon.interface()), wireguard);
  EXPECT_EQ(index_of(daemon.interface()), index);
}

}  // namespace
}  // namespace peerage::live
