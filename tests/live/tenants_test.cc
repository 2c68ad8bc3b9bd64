// Tenants apart, with real traffic: four clients of two networks, each on a host of its own, behind
// a gateway whose host forwards whatever it is given.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <fstream>

#include "tests/live/daemon.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

struct client {
  std::string network;
  std::string name;
  std::unique_ptr<client_host> host;
  std::string address;  // IPv6
};

struct tenants : testing::Test {
  void SetUp() override {
    for (const char* const family : {"ipv6", "ipv4"}) {
      std::ofstream("/proc/sys/net/" + std::string(family) + "/conf/all/forwarding") << "1";
    }
    for (int i = 0; i < 4; ++i) {
      clients.push_back({i < 2 ? "acme" : "umbrella",
                         "c" + std::to_string(i),
                         std::make_unique<client_host>(),
                         {}});
    }
    daemon_options options;
    options.reconcile_s = 3'600;  // others' changes are seen as they are made
    options.endpoint_address = clients[0].host->gateway_address();
    daemon = std::make_unique<daemon_under_test>(options);
    // One port is open to peers.
    daemon->write_config(daemon->config_text() + "\nopen = [\"tcp/7777\"]\n");
    daemon->start();
    caller api = daemon->admin();
    api.make_network("acme", "10.41.0.0/24");
    const json::object everywhere{{"name", "umbrella"}, {"allowed_ips", json::array{"::/0"}}};
    ASSERT_EQ(api.call("POST", "/v1/networks", everywhere).status, 201);
    for (client& each : clients) connect(each);
  }

  void connect(client& each) {
    const std::string file = each.host->folder() + "/" + each.name + ".conf";
    const auto made =
        run(daemon->peerage({"create", each.name, "--network", each.network, "--file", file}));
    ASSERT_EQ(made.status, 0) << made.err;
    // The endpoint is on the first client's cable, and every host has a way there.
    run({.words = {"ip", "route", "add", "default", "via", each.host->gateway_address()},
         .environment = {},
         .network = each.host->network()});
    each.host->connect(file);
    // A client that sends everything into its tunnel, whatever it was told.
    const std::string interface = "wg" + each.host->network();
    const std::string gateway =
        must_run({"wg", "show", interface, "peers"}, each.host->network()).substr(0, 44);
    must_run({"wg", "set", interface, "peer", gateway, "allowed-ips", "::/0,0.0.0.0/0"},
             each.host->network());
    run({.words = {"ip", "-6", "route", "add", "default", "dev", interface},
         .environment = {},
         .network = each.host->network()});
    must_run({"ip", "route", "add", "10.0.0.0/8", "dev", interface}, each.host->network());
    must_run({"ip", "route", "add", "10.99.0.0/16", "via", each.host->gateway_address()},
             each.host->network());
    const auto shown =
        daemon->admin().call("GET", "/v1/networks/" + each.network + "/peers/" + each.name);
    for (const json::value& address : shown["addresses"].as_array()) {
      const std::string text(address.as_string());
      if (text.find(':') != std::string::npos) each.address = text.substr(0, text.find('/'));
      if (text.find('.') != std::string::npos) ipv4[each.name] = text.substr(0, text.find('/'));
    }
  }

  /// Several tries where it is expected, since a handshake may be lost.
  static bool reaches(const client& from, const std::string& address, bool expected = true,
                      const std::string& as = {}) {
    std::vector<std::string> words{"ping", "-c", "1", "-W", "1"};
    if (!as.empty()) words.insert(words.end(), {"-I", as});
    words.push_back(address);
    for (int i = 0; i < (expected ? 6 : 1); ++i) {
      const auto said = run({.words = words, .environment = {}, .network = from.host->network()});
      if (said.status == 0) return true;
    }
    return false;
  }
  void expect_apart() {
    for (const client& from : clients) {
      for (const client& to : clients) {
        const bool same = from.network == to.network;
        EXPECT_EQ(reaches(from, to.address, same), same) << from.name << " to " << to.name;
      }
      for (const client* other : {&clients[0], &clients[2]}) {
        const bool same = from.network == other->network;
        EXPECT_EQ(reaches(from, gateway_in(*other), same), same) << from.name;
      }
    }
  }
  /// The gateway's own address in the network of that client.
  static std::string gateway_in(const client& of) {
    in6_addr bytes{};
    ::inet_pton(AF_INET6, of.address.c_str(), &bytes);
    for (int i = 8; i < 16; ++i) bytes.s6_addr[i] = i == 15 ? 1 : 0;
    char text[INET6_ADDRSTRLEN];
    ::inet_ntop(AF_INET6, &bytes, text, sizeof text);
    return text;
  }
  /// Whether the host has this gateway's table; other tests may have left theirs.
  static bool walled() {
    const auto said = run({.words = {"nft", "list", "tables"}, .environment = {}, .network = {}});
    return said.out.find("table inet peerage-gw-live\n") != std::string::npos;
  }

  std::vector<client> clients;
  std::map<std::string, std::string> ipv4;
  std::unique_ptr<daemon_under_test> daemon;
};

/// Another host, in a namespace of that name, at the end of a cable of the gateway's host.
void add_neighbour(const std::string& name, const std::string& near, const std::string& far) {
  const std::string cable = name + "0";
  must_run({"ip", "netns", "add", name});
  must_run({"ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name});
  const auto give = [](const std::string& interface, const std::string& address,
                       const std::string& where) {
    std::vector<std::string> words{"ip", "address", "add", address, "dev", interface};
    if (address.find(':') != std::string::npos) words.emplace_back("nodad");
    must_run(std::move(words), where);
    must_run({"ip", "link", "set", interface, "up"}, where);
  };
  give(cable, near, {});
  give("eth0", far, name);
}

/// A connection to a port of the gateway's host, by a client.
bool connects(const client& from, const std::string& address, int port) {
  const std::string words = "exec 3<>/dev/tcp/" + address + "/" + std::to_string(port);
  const auto said = run({.words = {"timeout", "1", "bash", "-c", words},
                         .environment = {},
                         .network = from.host->network()});
  return said.status == 0;
}

/// Something that listens on every address of the gateway's host.
class listener {
 public:
  explicit listener(std::uint16_t port)
      : socket_(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in6 on{};
    on.sin6_family = AF_INET6;
    on.sin6_port = htons(port);
    if (::bind(socket_, reinterpret_cast<const sockaddr*>(&on), sizeof on) != 0 ||
        ::listen(socket_, 16) != 0) {
      throw std::runtime_error("a test can't listen");
    }
  }
  ~listener() { ::close(socket_); }
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

 private:
  int socket_;
};

TEST_F(tenants, reach_their_own_network_and_nothing_else) {
  expect_apart();
  EXPECT_TRUE(reaches(clients[0], ipv4.at("c1"))) << "IPv4 within a network";

  // Of the host: its own address, ICMP echo and what the config opens.
  must_run({"ip", "-6", "address", "add", "2001:db8:99::1/128", "dev", "lo", "nodad"});
  const listener open(7'777), closed(7'778);
  for (const client& each : clients) {
    EXPECT_FALSE(reaches(each, "2001:db8:99::1", false)) << each.name;
    EXPECT_TRUE(connects(each, gateway_in(each), 7'777)) << each.name;
    EXPECT_FALSE(connects(each, gateway_in(each), 7'778)) << each.name;
    EXPECT_FALSE(connects(each, "2001:db8:99::1", 7'777)) << each.name;
  }

  // A source that is not the peer's own.
  const std::string interface = "wg" + clients[0].host->network();
  for (const std::string& false_one : {clients[1].address, clients[2].address}) {
    must_run({"ip", "-6", "address", "add", false_one + "/128", "dev", interface, "nodad"},
             clients[0].host->network());
    for (const client* to : {&clients[1], &clients[3]}) {
      if (to->address == false_one) continue;
      EXPECT_FALSE(reaches(clients[0], to->address, false, false_one));
    }
    must_run({"ip", "-6", "address", "del", false_one + "/128", "dev", interface},
             clients[0].host->network());
  }
  EXPECT_TRUE(reaches(clients[0], clients[1].address));
}

TEST_F(tenants, use_the_routes_that_their_network_was_given) {
  add_neighbour("lan", "2001:db8:77::1/64", "2001:db8:77::2/64");
  must_run({"ip", "-6", "route", "add", "default", "via", "2001:db8:77::1"}, "lan");
  EXPECT_TRUE(reaches(clients[2], "2001:db8:77::2")) << "umbrella routes ::/0";
  EXPECT_FALSE(reaches(clients[0], "2001:db8:77::2", false)) << "acme routes nothing but itself";
  EXPECT_FALSE(reaches(clients[2], clients[0].address, false)) << "::/0 is no way to acme";
  EXPECT_FALSE(reaches(clients[2], "2001:db8:77::1", false)) << "nor to the host";
  const auto back = [&](const client& to) {
    return run({.words = {"ping", "-c", "1", "-W", "1", to.address},
                .environment = {},
                .network = "lan"})
               .status == 0;
  };
  EXPECT_TRUE(back(clients[2]));
  EXPECT_FALSE(back(clients[0]));
  must_run({"ip", "netns", "delete", "lan"});
}

TEST_F(tenants, stay_apart_while_networks_come_and_go) {
  EXPECT_TRUE(reaches(clients[0], clients[1].address));
  std::atomic<bool> ended = false;
  std::atomic<int> made = 0;
  std::thread others = beside([&] {
    caller api = daemon->admin();
    while (!ended) {
      const std::string name = "n" + std::to_string(++made);
      api.make_network(name);
      if (api.enrol(name, "p", new_public_key()).word("state") != "live") {
        throw std::runtime_error("a peer of a new network is not live");
      }
      api.call("DELETE", "/v1/networks/" + name + "/peers/p");
      api.call("DELETE", "/v1/networks/" + name);
    }
  });
  for (int i = 0; i < 15; ++i) {
    EXPECT_TRUE(reaches(clients[0], clients[1].address)) << i;
    EXPECT_TRUE(reaches(clients[2], clients[3].address)) << i;
    EXPECT_FALSE(reaches(clients[0], clients[2].address, false)) << i;
  }
  ended = true;
  others.join();
  EXPECT_GT(made.load(), 15);
}

TEST_F(tenants, whose_network_the_host_has_itself_are_that_networks_trouble_alone) {
  add_neighbour("lan", "10.66.0.1/24", "10.66.0.200/24");
  caller api = daemon->admin();
  api.make_network("half", "10.66.0.128/25");
  const auto refused = api.enrol("half", "p", new_public_key());
  EXPECT_EQ(refused.status, 202);
  EXPECT_NE(refused.text.find("can't carry network half: its host"), std::string::npos);
  EXPECT_EQ(refused.text.find("10.66.0.1/24"), std::string::npos) << "what the host has";
  daemon->await_log("10.66.0.1/24 on interface lan0");
  must_run({"ping", "-c", "1", "-W", "2", "10.66.0.200"});
  EXPECT_EQ(api.enrol("acme", "p", new_public_key()).word("state"), "live");
  EXPECT_TRUE(reaches(clients[0], clients[1].address));
  const auto listed = api.call("GET", "/v1/networks/half/peers/p");
  EXPECT_EQ(listed.word("state"), "pending");
  EXPECT_TRUE(eventually(10s, [&] {
    return api.call("GET", "/readyz").text.find("can't carry network half") != std::string::npos;
  })) << "an operator has to look";
  // The host is rid of it: the network is carried, with nobody's doing.
  must_run({"ip", "link", "delete", "lan0"});
  EXPECT_TRUE(eventually(
      10s, [&] { return api.call("GET", "/v1/networks/half/peers/p").word("state") == "live"; }));
  must_run({"ip", "netns", "delete", "lan"});
}

TEST_F(tenants, send_nothing_of_their_network_to_the_hosts_default_route) {
  add_neighbour("wan", "2001:db8:88::1/64", "2001:db8:88::2/64");
  must_run({"ip", "-6", "route", "add", "default", "via", "2001:db8:88::2"});
  must_run({"ip", "-6", "route", "add", "default", "via", "2001:db8:88::1"}, "wan");
  // What leaves in the clear is counted on the far side.
  must_run({"nft", "add", "table", "inet", "seen"}, "wan");
  must_run({"nft", "add chain inet seen in { type filter hook prerouting priority -300; }"}, "wan");
  must_run({"nft", "add rule inet seen in ip6 daddr fd00::/8 counter"}, "wan");
  const auto count = [] {
    const std::string text = must_run({"nft", "list", "chain", "inet", "seen", "in"}, "wan");
    return std::stoul(text.substr(text.find("packets ") + 8));
  };
  // An address of their own network that another gateway's peer would have, and of one that no
  // gateway here knows.
  in6_addr elsewhere{};
  ::inet_pton(AF_INET6, clients[0].address.c_str(), &elsewhere);
  elsewhere.s6_addr[7] ^= 0x40;
  char text[INET6_ADDRSTRLEN];
  ::inet_ntop(AF_INET6, &elsewhere, text, sizeof text);
  EXPECT_TRUE(reaches(clients[0], clients[1].address));
  EXPECT_FALSE(reaches(clients[0], text, false));
  EXPECT_FALSE(reaches(clients[2], text, false)) << "a network that routes ::/0";
  EXPECT_FALSE(reaches(clients[2], "fdab:cdef:1:2::3", false)) << "one with no peers here";
  EXPECT_EQ(count(), 0U);
  EXPECT_TRUE(reaches(clients[2], "2001:db8:88::2")) << "what it routes is reached";
  must_run({"ip", "netns", "delete", "wan"});
}

TEST_F(tenants, a_neighbour_of_the_host_does_not_pass_for_one_of_them) {
  add_neighbour("lan", "2001:db8:77::1/64", "2001:db8:77::2/64");
  must_run({"ip", "-6", "address", "add", clients[1].address + "/128", "dev", "eth0", "nodad"},
           "lan");
  must_run({"ip", "-6", "route", "add", "default", "via", "2001:db8:77::1"}, "lan");
  const std::string interface = "wg" + clients[0].host->network();
  must_run({"nft", "add", "table", "inet", "seen"}, clients[0].host->network());
  must_run({"nft", "add chain inet seen in { type filter hook prerouting priority -300; }"},
           clients[0].host->network());
  must_run({"nft", "add rule inet seen in iifname " + interface + " ip6 saddr " +
                       clients[1].address + " counter"},
           clients[0].host->network());
  EXPECT_TRUE(reaches(clients[0], gateway_in(clients[0])));
  (void)run({.words = {"ping", "-c", "3", "-i", "0.2", "-W", "1", "-I", clients[1].address,
                       clients[0].address},
             .environment = {},
             .network = "lan"});
  const std::string text =
      must_run({"nft", "list", "chain", "inet", "seen", "in"}, clients[0].host->network());
  EXPECT_NE(text.find("packets 0 "), std::string::npos) << text;
  must_run({"ip", "netns", "delete", "lan"});
}

TEST_F(tenants, stay_apart_without_the_table_and_without_the_daemon) {
  EXPECT_TRUE(reaches(clients[0], clients[1].address));
  daemon->running().signal(SIGSTOP);
  must_run({"nft", "flush", "ruleset"});
  EXPECT_FALSE(reaches(clients[0], clients[2].address, false));
  EXPECT_FALSE(reaches(clients[2], clients[0].address, false));
  daemon->running().signal(SIGCONT);
  EXPECT_TRUE(eventually(5s, [] { return walled(); }));
  EXPECT_TRUE(reaches(clients[0], clients[1].address));
}

TEST_F(tenants, are_kept_apart_by_the_host_whatever_becomes_of_the_daemon) {
  ASSERT_TRUE(walled());
  // Somebody flushes the rules: the next comparison builds them again.
  must_run({"nft", "flush", "ruleset"});
  daemon->await_log("somebody has changed the wall");
  ASSERT_TRUE(eventually(5s, [] { return walled(); }));
  expect_apart();
  daemon->kill();
  EXPECT_TRUE(walled());
  EXPECT_FALSE(reaches(clients[0], clients[2].address, false));
  EXPECT_TRUE(reaches(clients[0], clients[1].address)) << "the tunnel outlives the daemon, too";
  must_run(daemon->command({"--remove-gateway"}).words);
  EXPECT_FALSE(walled());
  EXPECT_EQ(index_of(daemon->interface()), 0U);
}

}  // namespace
}  // namespace peerage::live
