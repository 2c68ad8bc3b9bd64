// What a fleet promises when its parts misbehave: F2, F5, F9, F11 and F12, and hostile input.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "base/base64.h"
#include "json/json.h"
#include "model/ip.h"
#include "model/key.h"
#include "tests/live/fleet.h"
#include "tests/live/load.h"
#include "tests/live/proxy.h"
#include "tests/live/wireguard.h"
#include "wire/records.h"

namespace peerage::live {
namespace {

using clock_type = std::chrono::steady_clock;

const std::string peers = "/v1/networks/acme/peers";

json::value wish(const std::string& name, const std::string& key, int wait_ms = 5'000) {
  return json::object{
      {"name", name}, {"public_key", key}, {"gateway", "gw-1"}, {"wait_ms", wait_ms}};
}

std::string hex_of(const std::string& key) {
  return hex_encode(public_key::parse(key)->bytes());
}

/// One that lies in the first part of a gateway's keys in Consul.
std::string early_key() {
  for (;;) {
    std::string key = new_public_key();
    if (hex_of(key).starts_with("00")) return key;
  }
}

TEST(fleet, F2_the_stores_old_word_never_undoes_the_buss_new_one) {
  fleet all;
  all.add_api().start();
  holding_proxy slow(all.consul.port());
  node_options through;
  through.consul_url = slow.url();
  gateway_node& gateway = all.add_gateway("gw-1", "fra", through);
  gateway.settle();
  all.await_live(0, 1);
  caller api = all.call();
  api.make_network("acme");
  const std::string old = early_key();
  ASSERT_EQ(api.call("POST", peers, wish("old", old)).status, 201);
  // It reads everything again, and the first part's answer, made before what follows, is late.
  gateway.kill();
  gateway.forget();
  slow.hold("/at/gw-1/00");
  gateway.start();
  ASSERT_TRUE(slow.await_held());
  all.await_live(0, 1);
  const std::string fresh = early_key();
  ASSERT_EQ(api.call("POST", peers, wish("new", fresh)).status, 201);
  ASSERT_EQ(api.call("DELETE", peers + "/old").status, 204);
  ASSERT_TRUE(gateway.has(fresh));
  ASSERT_FALSE(gateway.has(old));
  std::atomic<bool> stopping = false;
  std::atomic<int> undone = 0, looks = 0;
  std::thread watching = beside([&] {
    while (!stopping) {
      const auto device = look_at(gateway.interface());
      undone += device.contains(fresh) && !device.contains(old) ? 0 : 1;
      ++looks;
    }
  });
  slow.release();
  gateway.running().await_log(" gateway settled");
  eventually(10s, [&, more = looks + 20] { return looks >= more; });
  stopping = true;
  watching.join();
  EXPECT_EQ(undone, 0) << "of " << looks << " looks";
  expect_gateway_is_store(all, gateway);
}

/// Three Consul servers, and an agent that is none.
struct consul_cluster {
  consul_cluster() {
    const std::vector<std::string> addresses{"127.0.0.11", "127.0.0.12", "127.0.0.13"};
    for (std::size_t i = 0; i < 3; ++i) {
      std::vector<std::string> mine = addresses;
      std::swap(mine[0], mine[i]);
      servers.push_back(std::make_unique<consul_node>(mine));
      servers.back()->start();
    }
    std::vector<std::string> agent = addresses;
    agent.insert(agent.begin(), "127.0.0.14");
    local = std::make_unique<consul_node>(agent, true);
    local->start();
    local->await_ready();
  }
  void kill_leader() {
    const auto leader =
        std::ranges::find_if(servers, [](const auto& each) { return each->leads(); });
    ASSERT_NE(leader, servers.end());
    (*leader)->kill();
  }
  std::vector<std::unique_ptr<consul_node>> servers;
  std::unique_ptr<consul_node> local;
};

/// Four clients that create peers on gw-1 as fast as they are answered, and what they were told.
class creators {
 public:
  explicit creators(fleet& all) {
    for (int mine = 0; mine < 4; ++mine) {
      threads_.push_back(beside([this, &all, mine] { work(all.call(), mine); }));
    }
  }
  ~creators() { stop(); }
  void stop() {
    stopping_ = true;
    for (auto& each : threads_) each.join();
    threads_.clear();
  }
  std::size_t answered() {
    const std::lock_guard lock(mutex_);
    return answered_for.size();
  }
  std::map<std::string, std::string> answered_for;  // keys by name: 201 or 202
  std::map<std::string, std::string> doubtful;      // 504

 private:
  void work(caller api, int mine) {
    for (int i = 0; !stopping_; ++i) {
      const std::string name = "p" + std::to_string(mine) + "-" + std::to_string(i);
      const std::string key = new_public_key();
      const answer made = i % 2 == 0 ? api.call("PUT", peers + "/" + name, wish(name, key, 2'000))
                                     : api.call("POST", peers, wish(name, key, 2'000));
      const std::set<int> honest{201, 202, 503, 504};
      EXPECT_TRUE(honest.contains(made.status)) << made.text;
      const std::lock_guard lock(mutex_);
      if (made.status == 201 || made.status == 202) answered_for[name] = key;
      if (made.status == 504) doubtful[name] = key;
    }
  }
  std::mutex mutex_;
  std::atomic<bool> stopping_ = false;
  std::vector<std::thread> threads_;
};

TEST(fleet, F5_when_consuls_leader_dies_no_live_creation_is_lost) {
  fleet all;  // its own Consul is not used
  consul_cluster consul;
  node_options options;
  options.consul_url = consul.local->url();
  all.add_api(options).start();
  all.add_gateway("gw-1", "fra", options).settle();
  all.await_live(0, 1);
  all.call().make_network("acme");
  creators told(all);
  EXPECT_TRUE(eventually(20s, [&] { return told.answered() >= 50; }));
  consul.kill_leader();
  const std::size_t before = told.answered();
  EXPECT_TRUE(eventually(30s, [&] { return told.answered() >= before + 50; })) << "it goes on";
  told.stop();
  caller api = all.call();
  for (const auto& [name, key] : told.doubtful) {
    const answer again = api.call("PUT", peers + "/" + name, wish(name, key));
    EXPECT_TRUE(again.status == 200 || again.status == 201) << again.text;
    told.answered_for[name] = key;
  }
  const auto store = api.peers_of("acme");
  EXPECT_TRUE(eventually(10s, [&] {
    const auto device = look_at(all.gateway(0).interface());
    return std::ranges::all_of(told.answered_for,
                               [&](const auto& each) { return device.contains(each.second); });
  }));
  for (const auto& [name, key] : told.answered_for) {
    ASSERT_TRUE(store.contains(name)) << name << " was answered for, and is lost";
    EXPECT_EQ(store.at(name).at("public_key").as_string(), key);
  }
  all.gateway(0).kill();  // before its Consul goes
  all.api(0).kill();
}

TEST(fleet, F9_messages_doubled_late_and_out_of_order_end_in_the_stores_state) {
  fleet all;
  all.add_api().start();
  chaotic_nats chaos(all.nats.port(), 4711);
  node_options through;
  through.nats_port = chaos.port();
  gateway_node& gateway = all.add_gateway("gw-1", "fra", through);
  gateway.settle();
  all.await_live(0, 1);
  all.call().make_network("acme");
  std::vector<std::thread> load;
  for (int mine = 0; mine < 4; ++mine) {
    load.push_back(beside([&, mine] {
      std::mt19937 chance(static_cast<unsigned>(mine));
      caller api = all.call();
      for (int i = 0; i < 150; ++i) {
        // Few names, so that old words meet new ones.
        const std::string name = "p" + std::to_string(mine) + "-" + std::to_string(chance() % 8);
        if (chance() % 3 == 0) {
          const int status = api.call("DELETE", peers + "/" + name + "?wait_ms=100").status;
          EXPECT_TRUE(status == 204 || status == 202 || status == 404 || status == 400) << status;
        } else {
          const answer made =
              api.call("PUT", peers + "/" + name, wish(name, new_public_key(), 100));
          EXPECT_LT(made.status, 300) << made.text;
        }
      }
    }));
  }
  for (auto& each : load) each.join();
  EXPECT_GT(chaos.disturbed(), 100U);
  EXPECT_TRUE(eventually(10s, [&] {
    std::set<std::string> wanted, found;
    for (const auto& [name, peer] : all.call().peers_of("acme")) {
      wanted.insert(peer.at("public_key").as_string().c_str());
    }
    for (const auto& [key, peer] : look_at(gateway.interface())) found.insert(key);
    return wanted == found;
  }));
  expect_gateway_is_store(all, gateway);
}

TEST(fleet, F11_a_store_that_lost_everything_is_not_believed) {
  fleet all;
  all.start_usual();
  std::vector<std::thread> load;
  for (int mine = 0; mine < 8; ++mine) {
    load.push_back(beside([&, mine] {
      caller api = all.call();
      for (int i = 0; i < 125; ++i) {
        const std::string name = "p" + std::to_string(mine) + "-" + std::to_string(i);
        ASSERT_EQ(api.call("POST", peers, wish(name, new_public_key())).status, 201);
      }
    }));
  }
  for (auto& each : load) each.join();
  gateway_node& gateway = all.gateway(0);
  ASSERT_EQ(gateway.peers(), 1'000U);
  // One whose creation the gateway has not read yet would be looked up, and believed to be gone.
  std::uint64_t last = 0;
  for (const auto& [name, one] : all.call().peers_of("acme")) {
    last = std::max(last, one.at("revision").to_number<std::uint64_t>());
  }
  ASSERT_TRUE(eventually(5s, [&] { return gateway.revision() >= last; }));
  for (const char* folder : {"at/gw-1/", "placed/gw-1/", "peers/acme/", "rings/gw-1/"}) {
    all.consul.remove_folder(folder);
  }
  gateway.running().await_log("suddenly lost many peers");
  const auto says_so = [&](const std::string& url) {
    return ask(url, "GET", "/readyz").body.find("removals held") != std::string::npos;
  };
  EXPECT_TRUE(eventually(5s, [&] { return says_so(gateway.admin_url()); }));
  EXPECT_TRUE(eventually(5s, [&] { return says_so(all.api().url()); }));
  EXPECT_EQ(gateway.peers(), 1'000U) << "nothing is removed";
  gateway.kill();
  gateway.settle();
  gateway.running().await_log("suddenly lost many peers");
  EXPECT_EQ(gateway.peers(), 1'000U) << "nor by a restart";
  all.await_live(0, 2);
  const std::string late = new_public_key();
  // The loss of its own change log made one API process renew the epoch; the others see that within
  // two seconds, and their creations are pending until then.
  EXPECT_TRUE(eventually(5s, [&] {
    const int status = all.call().call("PUT", peers + "/late", wish("late", late)).status;
    return status == 200 || status == 201;
  })) << "work goes on";

  const finished released = run(all.peerage({"gateways", "accept-removals", "gw-1"}));
  EXPECT_EQ(released.status, 0) << released.err;
  EXPECT_NE(released.err.find("lets go of 1000 peers"), std::string::npos) << released.err;
  EXPECT_TRUE(eventually(10s, [&] { return gateway.peers() == 1; }));
  EXPECT_TRUE(gateway.has(late));
  EXPECT_TRUE(eventually(5s, [&] { return !says_so(all.api().url()); }));
}

/// So many peers of gw-1, as Consul has them, put there directly.
void put_into_consul(fleet& all, unsigned count) {
  constexpr unsigned at_once = 64;
  std::atomic<unsigned> next = 0;
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.push_back(beside([&] {
      for (unsigned begin = next.fetch_add(at_once); begin < count;
           begin = next.fetch_add(at_once)) {
        json::array operations;
        for (unsigned n = begin; n < std::min(count, begin + at_once); ++n) {
          const std::string key = new_public_key();
          assignment one;
          one.id = {*network_name::parse("acme"), *peer_name::parse("bulk-" + std::to_string(n))};
          one.public_key = *public_key::parse(key);
          char address[64];
          std::snprintf(address, sizeof address, "fd00:1::%x:%x/128", n / 65'536 + 1, n % 65'536);
          one.addresses = {*prefix::parse(address)};
          const std::string text = wire::write(one);
          const std::string value =
              base64_encode({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
          operations.push_back(
              json::object{{"KV", json::object{{"Verb", "set"},
                                               {"Key", "peerage/v1/at/gw-1/" + hex_of(key)},
                                               {"Value", value}}}});
        }
        const auto said = ask(all.consul.url(), "PUT", "/v1/txn", json::serialize(operations));
        if (said.status != 200) throw std::runtime_error("Consul refuses: " + said.body);
      }
    }));
  }
  for (auto& each : writers) each.join();
  // They have no records, and the first sweep would take them away.
  const mark swept{"sweep",
                   to_rfc3339(std::chrono::floor<milliseconds>(std::chrono::system_clock::now()))};
  all.consul.put("marks/sweep", wire::write(swept));
}

TEST(fleet, F12_a_cold_gateway_with_50000_peers_serves_meanwhile) {
  constexpr unsigned many = 50'000;
  fleet all;
  all.add_api().start();
  put_into_consul(all, many);
  gateway_node& gateway = all.add_gateway("gw-1", "fra");
  gateway.start();
  all.await_live(0, 1);
  caller api = all.call();
  api.make_network("acme", {}, "fd00:2::/48");
  milliseconds worst{};
  std::string slowest;
  int made = 0;
  bool settled = false;
  const auto begun = clock_type::now();
  while (!settled && clock_type::now() - begun < 120s) {
    const std::string key = new_public_key();
    const auto asked = clock_type::now();
    const answer said = api.call("POST", peers, wish("new-" + std::to_string(made), key));
    const auto took = std::chrono::duration_cast<milliseconds>(clock_type::now() - asked);
    ASSERT_EQ(said.status, 201) << said.text;
    if (took > worst) slowest = said.text;
    worst = std::max(worst, took);
    ++made;
    settled = gateway.running().log().find(" gateway settled") != std::string::npos;
  }
  EXPECT_TRUE(settled);
  EXPECT_GT(made, 5) << "there were enrolments meanwhile";
  // One that had to wait for the load would take as long as what was left of it.
  const auto loaded = std::chrono::duration_cast<milliseconds>(clock_type::now() - begun);
  EXPECT_LE(worst * 4, loaded) << "of " << made << " enrolments: " << slowest;
  EXPECT_EQ(gateway.peers(), many + static_cast<unsigned>(made));
  RecordProperty("worst_ms", static_cast<int>(worst.count()));
  std::printf(
      "   %d enrolments while %u peers were loaded, the slowest %lld ms; loaded in %lld ms\n", made,
      many, static_cast<long long>(worst.count()), static_cast<long long>(loaded.count()));
}

}  // namespace
}  // namespace peerage::live
