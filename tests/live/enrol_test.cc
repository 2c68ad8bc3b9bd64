// What an answer to an enrolment or a removal says is so: `wg` is asked at the same instant.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/live/load.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

std::set<std::string> addresses_of(const answer& peer) {
  std::set<std::string> addresses;
  for (const json::value& each : peer["addresses"].as_array()) {
    addresses.insert(each.as_string().c_str());
  }
  return addresses;
}

/// One peer, made and removed, and looked at once each time.
void make_look_and_remove(caller& api, const std::string& interface, const std::string& name) {
  const std::string key = new_public_key();
  const answer made = api.enrol("acme", name, key);
  const seen_peers with = look_at(interface);
  ASSERT_EQ(made.status, 201) << made.text;
  ASSERT_EQ(made.word("state"), "live") << made.text;
  ASSERT_TRUE(with.contains(key)) << name << " was live and not on the device";
  ASSERT_EQ(with.at(key).allowed_ips, addresses_of(made)) << name;
  ASSERT_EQ(with.at(key).allowed_ips.size(), 2U) << "IPv6 and IPv4";
  const answer removed = api.call("DELETE", "/v1/networks/acme/peers/" + name);
  const seen_peers without = look_at(interface);
  ASSERT_EQ(removed.status, 204) << removed.text;
  ASSERT_FALSE(without.contains(key)) << name << " was gone and still on the device";
}

TEST(enrolment, is_live_the_instant_it_is_answered_and_gone_the_instant_it_is_removed) {
  daemon_under_test daemon;
  daemon.start();
  daemon.admin().make_network("acme", "10.20.0.0/16");
  std::atomic<int> next = 0;
  const auto work = [&] {
    caller api = daemon.admin();
    for (int number = ++next; number <= 1'000; number = ++next) {
      make_look_and_remove(api, daemon.interface(), "ci-" + std::to_string(number));
      if (testing::Test::HasFatalFailure()) return;
    }
  };
  std::vector<std::thread> clients;
  for (int i = 0; i < 16; ++i) clients.push_back(beside(work));
  for (std::thread& each : clients) each.join();
  EXPECT_TRUE(look_at(daemon.interface()).empty());
}

void expect_conflict(const answer& said, const std::string& field) {
  EXPECT_EQ(said.status, 409) << said.text;
  EXPECT_EQ(said.word("field"), field) << said.text;
}

TEST(enrolment, of_a_taken_name_or_key_is_refused_and_changes_nothing) {
  daemon_under_test daemon;
  daemon.start();
  caller api = daemon.admin();
  api.make_network("acme");
  api.make_network("other");
  const std::string key = new_public_key();
  ASSERT_EQ(api.enrol("acme", "first", key).status, 201);
  ASSERT_EQ(api.enrol("acme", "second", new_public_key()).status, 201);
  const seen_peers before = look_at(daemon.interface());

  expect_conflict(api.enrol("acme", "first", new_public_key()), "name");
  expect_conflict(api.enrol("acme", "third", key), "public_key");
  expect_conflict(api.enrol("other", "first", key), "public_key");
  const json::object steal{{"public_key", key}};
  expect_conflict(api.call("PUT", "/v1/networks/acme/peers/second", steal), "public_key");

  EXPECT_TRUE(look_at(daemon.interface()) == before);
  EXPECT_EQ(api.peers_of("acme").size(), 2U);
  EXPECT_TRUE(api.peers_of("other").empty());
}

TEST(enrolment, never_gives_one_address_to_two_however_many_ask_at_once) {
  daemon_under_test daemon;
  daemon.start();
  caller api = daemon.admin();
  api.make_network("acme", "10.30.0.0/27");
  std::atomic<int> made = 0;
  std::atomic<int> full = 0;
  const auto ask = [&](int client) {
    caller mine = daemon.admin();
    for (int i = 0; i < 5; ++i) {
      const auto name = "ci-" + std::to_string(client) + "-" + std::to_string(i);
      const answer said = mine.enrol("acme", name, new_public_key());
      EXPECT_TRUE(said.status == 201 || said.status == 409) << said.text;
      ++(said.status == 201 ? made : full);
    }
  };
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(beside([&, i] { ask(i); }));
  for (std::thread& each : clients) each.join();
  EXPECT_GE(full, 8) << "more were asked for than the range has";
  EXPECT_GE(made, 28) << "and nearly all of it was given";
  const auto store = api.peers_of("acme");
  EXPECT_EQ(store.size(), static_cast<std::size_t>(made));
  // An address that was given twice would have been taken from the first on the device.
  expect_device_is_store(daemon.interface(), store);
}

TEST(enrolment, gives_the_last_address_too_however_many_ask_at_once) {
  daemon_under_test daemon;
  daemon.start();
  caller api = daemon.admin();
  api.make_network("acme", "10.31.0.0/27");
  constexpr int room = 30;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::thread> clients;
    for (int i = 0; i < room; ++i) {
      clients.push_back(beside([&, i] {
        caller mine = daemon.admin();
        const auto said = mine.enrol("acme", "ci-" + std::to_string(i), new_public_key());
        EXPECT_EQ(said.status, 201) << "there are as many addresses as callers: " << said.text;
      }));
    }
    for (std::thread& each : clients) each.join();
    EXPECT_EQ(api.enrol("acme", "one-more", new_public_key()).status, 409);
    EXPECT_EQ(api.enrol("acme", "one-more", new_public_key()).status, 409) << "and again";
    for (int i = 0; i < room; ++i) {
      EXPECT_EQ(api.call("DELETE", "/v1/networks/acme/peers/ci-" + std::to_string(i)).status, 204);
    }
  }
}

TEST(enrolment, and_every_list_agree_on_when_it_became_live) {
  daemon_under_test daemon;
  daemon.start();
  caller api = daemon.admin();
  api.make_network("acme");
  for (int i = 0; i < 5; ++i) {
    const std::string name = "ci-" + std::to_string(i);
    const std::string made = api.enrol("acme", name, new_public_key()).word("live_at");
    const std::string path = "/v1/networks/acme/peers/" + name;
    EXPECT_EQ(api.call("GET", path).word("live_at"), made);
    EXPECT_EQ(api.peers_of("acme").at(name).at("live_at").as_string(), made);
    const json::object renewal{{"ttl_s", 3'600}};
    EXPECT_EQ(api.call("PUT", path, renewal).word("live_at"), made) << "it stayed live";
    EXPECT_EQ(api.peers_of("acme").at(name).at("live_at").as_string(), made);
  }
}

TEST(enrolment, ends_at_its_time_and_not_before) {
  daemon_under_test daemon;
  daemon.start();
  caller api = daemon.admin();
  api.make_network("acme");
  const auto enrol = [&](const std::string& name) {
    const json::object body{{"name", name}, {"public_key", new_public_key()}, {"ttl_s", 2}};
    return api.call("POST", "/v1/networks/acme/peers", body);
  };
  const answer renewed = enrol("renewed");
  const auto begun = std::chrono::steady_clock::now();
  const answer brief = enrol("brief");
  const auto made = std::chrono::steady_clock::now();
  const answer longer =
      api.call("PUT", "/v1/networks/acme/peers/renewed", json::object{{"ttl_s", 600}});
  ASSERT_EQ(renewed.status, 201) << renewed.text;
  ASSERT_EQ(brief.status, 201) << brief.text;
  ASSERT_EQ(longer.status, 200) << longer.text;

  const std::string key = brief.word("public_key");
  const auto on_device = [&] { return look_at(daemon.interface()).contains(key); };
  ASSERT_TRUE(eventually(6s, [&] { return !on_device(); }));
  const auto gone = std::chrono::steady_clock::now();
  EXPECT_GE(gone - begun, 1'999ms) << "the store's times are whole milliseconds";
  EXPECT_LE(gone - made, 4s);
  EXPECT_EQ(api.call("GET", "/v1/networks/acme/peers/brief").status, 404);
  EXPECT_EQ(api.call("GET", "/v1/networks/acme/peers/renewed").word("state"), "live");
  EXPECT_TRUE(look_at(daemon.interface()).contains(renewed.word("public_key")));
}

}  // namespace
}  // namespace peerage::live
