// The wall around the kernel's own WireGuard: four clients of two networks behind one gateway that
// forwards everything. Needs root and a kernel with WireGuard; where the host's has none,
// tests/vm/kernel-vm runs this program in a machine whose kernel has it.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <vector>

#include "base/base64.h"
#include "crypto/x25519.h"
#include "nft/wall.h"

namespace peerage {
namespace {

int current_namespace() {
  return ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

bool succeeds(const std::string& command) {
  return std::system(("(" + command + ") >/dev/null 2>&1").c_str()) == 0;
}

void must(const std::string& command) {
  if (!succeeds(command)) throw std::runtime_error("failed: " + command);
}

/// A host of its own, with a WireGuard device wg0.
struct host {
  host() {
    if (::unshare(CLONE_NEWNET) != 0) throw std::runtime_error("the test must run as root");
    space = current_namespace();
    must("ip link set lo up");
    must("ip link add wg0 type wireguard");
    std::ofstream("/tmp/wall-test.key") << base64_encode(key.reveal()) << "\n";
    must("wg set wg0 private-key /tmp/wall-test.key listen-port 51820");
    must("ip link set wg0 up");
  }
  ~host() { ::close(space); }
  host(const host&) = delete;
  host& operator=(const host&) = delete;
  void enter() const {
    if (::setns(space, CLONE_NEWNET) != 0) throw std::runtime_error("setns");
  }
  std::string path() const {
    return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(space);
  }

  int space = -1;
  secret_key key = make_private_key();
  std::string name = public_of(key).text();
};

struct kernel_wall : testing::Test {
  static std::string network_of(int client) { return client <= 2 ? "fd00:1" : "fd00:2"; }
  static std::string address_of(int client) {
    return network_of(client) + ":0:1::" + std::to_string(client + 10);
  }

  kernel_wall() : before(current_namespace()) {
    for (int i = 0; i < 5; ++i) hosts.push_back(std::make_unique<host>());
    for (int i = 1; i <= 4; ++i) join(i);
    gateway().enter();
    must("echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
    for (const std::string network : {"fd00:1", "fd00:2"}) {
      must("ip -6 address add " + network + ":0:1::1/128 dev wg0 nodad");
      must("ip -6 route add " + network + ":0:1::/64 dev wg0");
    }
    // Another of the gateway's addresses, and one behind it.
    must("ip -6 address add 2001:db8:99::1/128 dev lo nodad");
    // A client that never spoke can't be found.
    for (int i = 1; i <= 4; ++i) {
      const std::string own = network_of(i) + ":0:1::1";
      if (!reaches(i, own) && !reaches(i, own)) throw std::runtime_error("no tunnel");
    }
    wall_ = nft::make_wall({"peerage-test", "wg0", {}});
  }
  ~kernel_wall() override {
    ::setns(before, CLONE_NEWNET);
    ::close(before);
  }
  host& gateway() { return *hosts[0]; }

  /// A cable between the gateway and the client, and each a peer of the other.
  void join(int i) {
    host& client = *hosts[static_cast<std::size_t>(i)];
    const std::string subnet = "192.0." + std::to_string(i) + ".";
    gateway().enter();
    must("ip link add v" + std::to_string(i) + " type veth peer name eth0 netns " + client.path());
    must("ip address add " + subnet + "1/24 dev v" + std::to_string(i));
    must("ip link set v" + std::to_string(i) + " up");
    must("wg set wg0 peer " + client.name + " allowed-ips " + address_of(i) + "/128");
    client.enter();
    must("ip address add " + subnet + "2/24 dev eth0 && ip link set eth0 up");
    must("wg set wg0 peer " + gateway().name + " allowed-ips ::/0 endpoint " + subnet + "1:51820");
    must("ip -6 address add " + address_of(i) + "/128 dev wg0 nodad");
    must("ip -6 route add default dev wg0");
  }
  bool reaches(int client, const std::string& address) {
    hosts[static_cast<std::size_t>(client)]->enter();
    const bool there = succeeds("ping -6 -c 1 -W 2 " + address);
    gateway().enter();
    return there;
  }
  bool reaches(int client, int other) { return reaches(client, address_of(other)); }

  static tenant tenant_of(int n) {
    const std::string start = "fd00:" + std::to_string(n) + ":";
    return {*prefix::parse(start + ":/48"),
            *prefix::parse(start + "0:1::/64"),
            *ip_address::parse(start + "0:1::1"),
            {},
            {}};
  }
  void arrange(const wall_plan& plan) {
    const auto done = wall_->arrange(plan);
    if (!done) throw std::runtime_error(done.error().message);
  }

  int before;
  std::vector<std::unique_ptr<host>> hosts;
  std::unique_ptr<wall> wall_;
};

TEST_F(kernel_wall, keeps_four_clients_of_two_networks_apart_while_networks_come_and_go) {
  EXPECT_TRUE(reaches(1, 2) && reaches(1, 3)) << "a gateway that forwards, without the wall";
  tenant one = tenant_of(1), two = tenant_of(2), three = tenant_of(3);
  two.routes = {*prefix::parse("::/0")};
  arrange({{one, two}});
  const auto expect_apart = [&] {
    for (int from = 1; from <= 4; ++from) {
      for (int to = 1; to <= 4; ++to) {
        EXPECT_EQ(reaches(from, to), network_of(from) == network_of(to)) << from << " to " << to;
      }
      EXPECT_TRUE(reaches(from, network_of(from) + ":0:1::1")) << "its own gateway";
      EXPECT_FALSE(reaches(from, network_of(from == 1 || from == 2 ? 3 : 1) + ":0:1::1")) << from;
      EXPECT_FALSE(reaches(from, "2001:db8:99::1")) << "another address of the host";
    }
  };
  expect_apart();
  arrange({{one, two, three}});
  EXPECT_TRUE(reaches(1, 2) && !reaches(3, 1));
  arrange({{two, three}});
  EXPECT_FALSE(reaches(1, 2)) << "its network has gone";
  EXPECT_TRUE(reaches(3, 4) && !reaches(3, 1) && !reaches(1, 3));
  arrange({{one, two}});
  expect_apart();
  ASSERT_TRUE(wall_->remove());
  EXPECT_TRUE(reaches(1, 3)) << "so it was the wall";
}

TEST_F(kernel_wall, a_packet_that_is_not_from_the_peers_own_address_never_passes) {
  arrange({{tenant_of(1), tenant_of(2)}});
  hosts[1]->enter();
  for (const std::string& false_one :
       {address_of(2), address_of(3), std::string("2001:db8:5::5")}) {
    must("ip -6 address add " + false_one + "/128 dev wg0 nodad");
    for (const int to : {2, 3}) {
      if (address_of(to) == false_one) continue;  // that would be itself
      EXPECT_FALSE(succeeds("ping -6 -c 1 -W 1 -I " + false_one + " " + address_of(to)))
          << false_one << " to " << to;
    }
    must("ip -6 address del " + false_one + "/128 dev wg0");
  }
  EXPECT_TRUE(reaches(1, 2));
}

}  // namespace
}  // namespace peerage
