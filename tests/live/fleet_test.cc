// What a fleet promises, on real Consul, NATS and WireGuard: F1, F3, F4, F6, F7, F8 and F10 of the
// promises in tests/prove, and who owns a gateway's name.
#include <gtest/gtest.h>
#include <signal.h>

#include <gmock/gmock.h>
#include <array>
#include <atomic>
#include <barrier>
#include <mutex>
#include <set>

#include <thread>

#include "tests/live/fleet.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

using clock_type = std::chrono::steady_clock;

const std::string peers = "/v1/networks/acme/peers";

json::value wish(const std::string& name, const std::string& key, const std::string& gateway = {},
                 int wait_ms = 5'000) {
  json::object made{{"name", name}, {"public_key", key}, {"wait_ms", wait_ms}};
  if (!gateway.empty()) made["gateway"] = gateway;
  return made;
}

std::string gateway_of(const answer& peer) {
  return peer["gateway"].as_object().at("name").as_string().c_str();
}

void in_threads(int count, const std::function<void(int)>& work) {
  std::vector<std::thread> all;
  for (int i = 0; i < count; ++i) all.push_back(beside([&work, i] { work(i); }));
  for (auto& each : all) each.join();
}

TEST(fleet, F1_live_means_live) {
  fleet all;
  all.start_usual();
  constexpr int callers = 16, rounds = 63;
  std::atomic<int> live = 0, removed = 0;
  in_threads(callers, [&](int mine) {
    caller api = all.call(static_cast<std::size_t>(mine) % 2);
    for (int i = 0; i < rounds; ++i) {
      const std::string name = "p" + std::to_string(mine) + "-" + std::to_string(i);
      const std::string key = new_public_key();
      const answer made = api.call("POST", peers, wish(name, key));
      ASSERT_EQ(made.status, 201) << made.text;
      gateway_node& on = all.gateway(gateway_of(made) == "gw-1" ? 0 : 1);
      const auto device = look_at(on.interface());
      const auto found = device.find(key);
      ASSERT_TRUE(found != device.end()) << name << " was said to be live";
      EXPECT_EQ(found->second.allowed_ips.size(), 1U);
      ++live;
      const answer gone = api.call("DELETE", peers + "/" + name);
      ASSERT_EQ(gone.status, 204) << gone.text;
      ASSERT_FALSE(on.has(key)) << name << " was said to be gone";
      ++removed;
    }
  });
  EXPECT_GE(live, 1'000);
  EXPECT_GE(removed, 1'000);
}

TEST(fleet, F3_without_nats_creation_is_pending_and_comes_by_the_store) {
  fleet all;
  all.start_usual();
  caller api = all.call();
  all.nats.kill();
  for (int i = 0; i < 5; ++i) {
    const std::string key = new_public_key();
    const auto begun = clock_type::now();
    const answer made =
        api.call("POST", peers, wish("away-" + std::to_string(i), key, "gw-1", 2'000));
    EXPECT_LE(clock_type::now() - begun, 2'500ms);
    ASSERT_EQ(made.status, 202) << made.text;
    EXPECT_EQ(made.word("state"), "pending");
    EXPECT_TRUE(eventually(2s, [&] { return all.gateway(0).has(key); })) << "by the store alone";
  }
  all.nats.start();
  const auto back = clock_type::now();
  int tries = 0;
  const bool live = eventually(10s, [&] {
    const std::string name = "back-" + std::to_string(++tries);
    return api.call("POST", peers, wish(name, new_public_key(), "gw-1", 1'000)).status == 201;
  });
  EXPECT_TRUE(live);
  EXPECT_LE(clock_type::now() - back, 2s) << "live again, and nobody was restarted";
}

TEST(fleet, F4_without_consul_nothing_is_lost_and_nothing_is_claimed) {
  fleet all;
  client_host laptop;
  node_options options;
  options.endpoint_address = laptop.gateway_address();
  all.start_usual(options);
  caller api = all.call();
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(
        api.call("POST", peers, wish("p" + std::to_string(i), new_public_key(), "gw-1")).status,
        201);
  }
  const std::string file = laptop.folder() + "/laptop.conf";
  const finished made = run(
      all.peerage({"create", "laptop", "--network", "acme", "--gateway", "gw-1", "--file", file}));
  ASSERT_EQ(made.status, 0) << made.err;
  laptop.connect(file);
  const auto before = all.consul.indexes();
  all.consul.kill();

  const answer refused = api.call("POST", peers, wish("nobody", new_public_key(), "gw-1"));
  EXPECT_EQ(refused.status, 503) << refused.text;
  const std::string inside = all.gateway(0).inside();
  EXPECT_EQ(run({.words = {"ping", "-c", "3", "-i", "0.2", "-W", "6", inside},
                 .environment = {},
                 .network = laptop.network()})
                .status,
            0)
      << "traffic passes";
  // The daemon starts on an empty device, and Consul is not there.
  all.gateway(0).kill();
  all.gateway(0).lose_device();
  all.gateway(0).settle();
  EXPECT_EQ(all.gateway(0).peers(), 51U) << "from the mirror";
  EXPECT_EQ(ask(all.gateway(0).admin_url(), "GET", "/readyz").status, 200);
  EXPECT_NE(ask(all.gateway(0).admin_url(), "GET", "/readyz").body.find("\"degraded\""),
            std::string::npos);
  all.consul.start();
  EXPECT_TRUE(eventually(10s, [&] {
    return ask(all.gateway(0).admin_url(), "GET", "/readyz").body.find("\"ok\"") !=
           std::string::npos;
  }));
  EXPECT_TRUE(eventually(10s, [&] {
    return api.call("POST", peers, wish("after", new_public_key(), "gw-1")).status == 201;
  }));
  EXPECT_EQ(api.call("GET", peers + "/nobody").status, 404) << "a refused creation stored nothing";
  expect_gateway_is_store(all, all.gateway(0));
  // Which keys are written: what the restart registers, and what the creation made.
  for (const auto& [key, index] : all.consul.indexes()) {
    const auto old = before.find(key);
    if (old == before.end() || old->second == index) continue;
    const bool expected =
        key.find("gateways/gw-1") != std::string::npos || key.find("rings/") != std::string::npos ||
        key.find("tokens/") != std::string::npos || key.find("numbers/") != std::string::npos;
    EXPECT_TRUE(expected) << key << " was written without need";
  }
}

TEST(fleet, F6_a_gateway_killed_under_load_has_every_live_peer_again) {
  fleet all;
  all.start_usual();
  for (const bool device_too : {false, true}) {
    SCOPED_TRACE(device_too ? "with its device" : "alone");
    std::mutex mutex;
    std::vector<std::string> live;
    std::atomic<bool> stopping = false;
    std::vector<std::thread> load;
    for (int mine = 0; mine < 8; ++mine) {
      load.push_back(beside([&, mine] {
        caller api = all.call(static_cast<std::size_t>(mine) % 2);
        for (int i = 0; !stopping; ++i) {
          const std::string key = new_public_key();
          const std::string name = "l" + std::to_string(device_too) + "-" + std::to_string(mine) +
                                   "-" + std::to_string(i);
          const answer made = api.call("POST", peers, wish(name, key, "gw-1", 200));
          if (made.status != 201) continue;
          const std::lock_guard lock(mutex);
          live.push_back(key);
        }
      }));
    }
    ASSERT_TRUE(eventually(20s, [&] {
      const std::lock_guard lock(mutex);
      return live.size() >= 200;
    }));
    all.gateway(0).kill();
    if (device_too) all.gateway(0).lose_device();
    stopping = true;
    for (auto& each : load) each.join();
    all.gateway(0).launch();
    const auto missing = [&] {
      std::size_t count = 0;
      if (index_of(all.gateway(0).interface()) == 0) return live.size();
      try {
        const auto device = look_at(all.gateway(0).interface());
        for (const auto& key : live) count += device.contains(key) ? 0 : 1;
      } catch (const std::exception&) {
        return live.size();  // it is being made
      }
      return count;
    };
    EXPECT_TRUE(eventually(3s, [&] { return missing() == 0; }))
        << missing() << " of " << live.size() << " are missing";
    all.gateway(0).running().await_log(" gateway settled");
    all.await_live(0, 2);
    all.await_live(1, 2);
  }
}

TEST(fleet, F7_an_api_killed_before_its_announcement_leaves_no_doubt) {
  fleet all;
  all.start_usual();
  const std::string key = new_public_key();
  const json::value body = wish("ci-1", key, "gw-1", 10'000);
  all.nats.freeze();  // the announcement goes nowhere
  std::thread asking = beside([&] {
    caller api = all.call(0);
    (void)api.attempt("PUT", peers + "/ci-1", body);
  });
  ASSERT_TRUE(eventually(5s, [&] { return all.consul.has("peers/acme/ci-1"); }));
  all.api(0).kill();
  asking.join();
  EXPECT_TRUE(eventually(2s, [&] { return all.gateway(0).has(key); })) << "by the store";
  all.nats.thaw();
  all.await_live(1, 2);
  caller other = all.call(1);
  const answer stored = other.call("GET", peers + "/ci-1");
  const answer again = other.call("PUT", peers + "/ci-1", body);
  EXPECT_EQ(again.status, 200) << again.text;
  EXPECT_EQ(again.word("state"), "live");
  EXPECT_EQ(again["addresses"], stored["addresses"]);
  EXPECT_EQ(again["created_at"], stored["created_at"]);
}

TEST(fleet, F8_one_of_two_at_once_wins) {
  fleet all;
  all.start_usual();
  std::barrier together(2);
  std::array<std::vector<answer>, 2> said;
  std::vector<std::string> keys;
  constexpr int rounds = 500;
  for (int i = 0; i < rounds; ++i) keys.push_back(new_public_key());
  in_threads(2, [&](int mine) {
    caller api = all.call(static_cast<std::size_t>(mine));
    for (int i = 0; i < rounds; ++i) {
      const std::string round = std::to_string(i);
      together.arrive_and_wait();
      // In turn: one name for two keys, and one key of one gateway for two names.
      const bool same_name = i % 2 == 0;
      const std::string name = same_name ? "n" + round : "k" + round + "-" + std::to_string(mine);
      const std::string key = same_name ? new_public_key() : keys[static_cast<std::size_t>(i)];
      said[static_cast<std::size_t>(mine)].push_back(
          api.call("POST", peers, wish(name, key, "gw-1")));
    }
  });
  std::set<std::string> addresses;
  for (int i = 0; i < rounds; ++i) {
    const answer& a = said[0][static_cast<std::size_t>(i)];
    const answer& b = said[1][static_cast<std::size_t>(i)];
    const answer& won = a.status == 201 ? a : b;
    const answer& lost = a.status == 201 ? b : a;
    ASSERT_EQ(won.status, 201) << i << ": " << won.text;
    ASSERT_EQ(lost.status, 409) << i << ": " << lost.text;
    addresses.insert(won["addresses"].as_array().at(0).as_string().c_str());
  }
  EXPECT_EQ(addresses.size(), static_cast<std::size_t>(rounds)) << "one address each";
  expect_gateway_is_store(all, all.gateway(0));
}

TEST(fleet, F10_changes_by_hand_are_put_right_and_others_feel_nothing) {
  fleet all;
  client_host laptop;
  node_options options;
  options.reconcile_s = 2;
  options.endpoint_address = laptop.gateway_address();
  all.start_usual(options);
  caller api = all.call();
  const std::string file = laptop.folder() + "/laptop.conf";
  const finished made = run(
      all.peerage({"create", "laptop", "--network", "acme", "--gateway", "gw-1", "--file", file}));
  ASSERT_EQ(made.status, 0) << made.err;
  laptop.connect(file);
  const std::string key = new_public_key();
  ASSERT_EQ(api.call("POST", peers, wish("ci-1", key, "gw-1")).status, 201);
  const std::string inside = all.gateway(0).inside();
  must_run({"ping", "-c", "1", "-W", "6", inside}, laptop.network());
  const auto before = look_at(all.gateway(0).interface());

  std::string pings;
  std::thread flow = beside([&] {
    const program ping{.words = {"ping", "-c", "120", "-i", "0.05", "-W", "2", inside},
                       .environment = {},
                       .network = laptop.network()};
    pings = run(ping, 30s).out;
  });
  const std::string stranger = new_public_key();
  const std::string interface = all.gateway(0).interface();
  must_run({"wg", "set", interface, "peer", key, "remove"});
  must_run({"wg", "set", interface, "peer", stranger, "allowed-ips", "fd99::1/128"});
  EXPECT_TRUE(eventually(4s, [&] {
    const auto now = look_at(interface);
    return now.contains(key) && !now.contains(stranger);
  }));
  flow.join();
  EXPECT_NE(pings.find(" 0% packet loss"), std::string::npos) << pings;
  for (const auto& [peer, now] : look_at(interface)) {
    const auto old = before.find(peer);
    if (old == before.end() || old->second.endpoint == "(none)") continue;
    EXPECT_EQ(now.endpoint, old->second.endpoint);
  }
}

TEST(fleet, a_second_process_of_a_gateways_name_refuses_to_run) {
  fleet all;
  all.start_usual();
  gateway_node& second = all.add_gateway("gw-1", "fra");
  const auto check = [&second] {
    return run({.words = {binary("peeraged"), "--config", second.folder() + "/peeraged.toml",
                          "--check"},
                .environment = {},
                .network = {}})
        .out;
  };
  const std::string first = "gw-1 is registered with another key, by process " +
                            std::to_string(all.gateway(0).running().pid());
  EXPECT_THAT(check(), testing::HasSubstr(first));
  all.nats.kill();
  EXPECT_THAT(check(), testing::ContainsRegex("FAILED   bus .*can't connect to NATS"))
      << "the cause, and at once";
  all.nats.start();
  second.launch();
  ASSERT_TRUE(eventually(15s, [&] { return second.running().ended().has_value(); }));
  EXPECT_NE(*second.running().ended(), 0);
  EXPECT_NE(second.running().log().find("is run by process"), std::string::npos)
      << second.running().log();
  EXPECT_EQ(index_of(second.interface()), 0U) << "it has touched nothing";
  // Where the first is dead, the name is free after a question that nobody answers.
  all.gateway(0).kill();
  second.start();
  // And the first, started again, finds it taken.
  all.gateway(0).launch();
  ASSERT_TRUE(eventually(15s, [&] { return all.gateway(0).running().ended().has_value(); }));
  EXPECT_NE(all.gateway(0).running().log().find("is run by process"), std::string::npos);
}

}  // namespace
}  // namespace peerage::live
