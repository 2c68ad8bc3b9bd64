// The gateway's network beside its host's administrator: an interface that was there before,
// another daemon, forwarding, MTU, IPv6, another host name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "base/base64.h"
#include "crypto/x25519.h"
#include "tests/live/daemon.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string setting(const std::string& name) {
  std::string value;
  std::getline(std::ifstream("/proc/sys/net/" + name), value);
  return value;
}

/// Of this program's own network namespace; back as it was when this goes.
class changed_setting {
 public:
  changed_setting(std::string name, const std::string& value)
      : name_(std::move(name)), before_(setting(name_)) {
    write(value);
  }
  ~changed_setting() { write(before_); }
  changed_setting(const changed_setting&) = delete;
  changed_setting& operator=(const changed_setting&) = delete;

 private:
  void write(const std::string& value) { std::ofstream("/proc/sys/net/" + name_) << value; }
  std::string name_, before_;
};

void replace(std::string& text, const std::string& what, const std::string& with) {
  const auto at = text.find(what);
  ASSERT_NE(at, std::string::npos) << what;
  text.replace(at, what.size(), with);
}

finished check(const daemon_under_test& daemon) {
  return run(daemon.command({"--check"}), 30s);
}

std::string ready(daemon_under_test& daemon) {
  return daemon.admin().call("GET", "/readyz").text;
}

/// As somebody made it by hand, or with wg-quick.
class foreign_interface {
 public:
  foreign_interface(const std::string& name, const std::string& folder, int port) : name_(name) {
    const finished made = run({.words = {"ip", "link", "add", name, "type", "wireguard"},
                               .environment = {},
                               .network = {}});
    if (made.status != 0) {
      const program userspace{
          .words = {"wireguard-go", "-f", name}, .environment = {}, .network = {}};
      wireguard_ = std::make_unique<process>(userspace, folder + "/foreign.log");
      if (!eventually(10s, [&] { return userspace_process(name) != 0; })) {
        throw std::runtime_error("wireguard-go does not listen");
      }
    }
    const std::string key = folder + "/foreign.key";
    std::ofstream(key) << base64_encode(make_private_key().reveal()) << "\n";
    must_run({"wg", "set", name, "private-key", key, "listen-port", std::to_string(port)});
    for (const char* const address : {"10.77.0.2/32", "10.77.0.3/32"}) {
      peers.push_back(new_public_key());
      must_run({"wg", "set", name, "peer", peers.back(), "allowed-ips", address});
    }
    must_run({"ip", "address", "add", "10.77.0.1/24", "dev", name});
    must_run({"ip", "link", "set", name, "up"});
    must_run({"ip", "route", "add", "192.168.77.0/24", "dev", name});
  }

  std::string public_key() const { return must_run({"wg", "show", name_, "public-key"}); }
  void expect_untouched() const {
    EXPECT_THAT(must_run({"ip", "-4", "address", "show", "dev", name_}), HasSubstr("10.77.0.1/24"));
    EXPECT_THAT(must_run({"ip", "-4", "route", "show", "dev", name_}),
                AllOf(HasSubstr("192.168.77.0/24"), HasSubstr("10.77.0.0/24")));
  }
  bool has_peers() const {
    const seen_peers now = look_at(name_);
    return now.contains(peers[0]) && now.contains(peers[1]);
  }

  std::vector<std::string> peers;

 private:
  std::string name_;
  std::unique_ptr<process> wireguard_;
};

TEST(adopted_interface, keeps_its_peers_addresses_and_routes_until_its_peers_are_let_go) {
  daemon_under_test daemon({.reconcile_s = 1});
  std::string config = daemon.config_text() + "adopt = true\n";
  const foreign_interface theirs(daemon.interface(), daemon.folder(), 47'123);
  daemon.write_config(config);
  const std::string key = theirs.public_key();

  const finished before = check(daemon);
  EXPECT_EQ(before.status, 0) << before.out << before.err;
  EXPECT_THAT(before.out, AllOf(HasSubstr("10.77.0.1/24"), HasSubstr("192.168.77.0/24"),
                                HasSubstr(theirs.peers[0]), HasSubstr(theirs.peers[1]),
                                HasSubstr("47123"), HasSubstr("accept-removals")));
  EXPECT_EQ(theirs.public_key(), key) << "it changes nothing";

  daemon.settle();
  daemon.admin().make_network("acme", "10.20.0.0/24");
  for (int start = 0; start < 2; ++start) {
    caller api = daemon.admin();
    const std::string name = "p" + std::to_string(start);
    EXPECT_EQ(api.enrol("acme", name, new_public_key()).word("state"), "live");
    // A network that goes takes its own address and routes along, and nothing else.
    api.make_network("gone" + name);
    EXPECT_EQ(api.enrol("gone" + name, "p", new_public_key()).word("state"), "live");
    const std::string own = must_run({"ip", "-6", "route", "show", "dev", daemon.interface()});
    EXPECT_EQ(api.call("DELETE", "/v1/networks/gone" + name + "/peers/p").status, 204);
    EXPECT_TRUE(eventually(20s, [&] {
      return must_run({"ip", "-6", "route", "show", "dev", daemon.interface()}) != own;
    })) << "what is no longer needed is taken off";
    EXPECT_TRUE(theirs.has_peers());
    theirs.expect_untouched();
    EXPECT_EQ(theirs.public_key(), key) << "its peers' files stay good";
    EXPECT_TRUE(eventually(20s, [&] { return ready(daemon).contains("was adopted with 2 peers"); }))
        << ready(daemon);
    ASSERT_EQ(daemon.stop(), 0);
    daemon.settle();
  }
  EXPECT_TRUE(theirs.has_peers());
  const finished let_go = run(daemon.peerage({"gateways", "accept-removals", "gw-live"}));
  EXPECT_EQ(let_go.status, 0) << let_go.err;
  EXPECT_TRUE(eventually(20s, [&] { return look_at(daemon.interface()).size() == 2; }));
  EXPECT_FALSE(theirs.has_peers());
  theirs.expect_untouched();
  EXPECT_TRUE(eventually(20s, [&] { return !ready(daemon).contains("adopted"); }));
}

/// Two daemons of one gateway's name, each with a state_dir and a store of its own, and one
/// interface, on which the first runs and has a peer.
struct interface : testing::Test {
  daemon_under_test first, second;
  seen_peers peers;

  void SetUp() override {
    first.start();
    first.admin().make_network("acme");
    first.admin().enrol("acme", "p", new_public_key());
    peers = look_at(first.interface());
    give_the_interface_of_the_first_to(second);
  }
  void give_the_interface_of_the_first_to(const daemon_under_test& other) const {
    std::string config = other.config_text();
    replace(config, other.interface(), first.interface());
    other.write_config(config);
  }
  std::string key() const { return must_run({"wg", "show", first.interface(), "public-key"}); }
  bool has(const std::string& peer) const { return look_at(first.interface()).contains(peer); }
  void expect_live_at_the_first() const {
    EXPECT_EQ(first.admin().call("GET", "/v1/networks/acme/peers/p").word("state"), "live");
  }
};

TEST_F(interface, of_a_running_daemon_is_not_taken_by_another) {
  const std::string pid = "process " + std::to_string(first.running().pid()) + " (";

  const finished looked = check(second);
  EXPECT_EQ(looked.status, 1) << looked.out;
  EXPECT_THAT(looked.out,
              AllOf(HasSubstr("FAILED   device"), HasSubstr(pid), HasSubstr(first.config_file())));
  const finished started = run(second.command());
  EXPECT_EQ(started.status, 1);
  EXPECT_THAT(started.err, AllOf(HasSubstr(first.interface() + " is in use by " + pid),
                                 HasSubstr(first.config_file())));
  const finished removed = run(second.command({"--remove-gateway"}));
  EXPECT_THAT(removed.err, HasSubstr(pid));
  EXPECT_EQ(look_at(first.interface()), peers);
  const finished beside = check(first);
  EXPECT_EQ(beside.status, 0) << beside.out << beside.err;
}

TEST_F(interface, of_a_stopped_daemon_keeps_its_key_and_peers_under_one_with_another_store) {
  first.kill();
  const std::string first_key = key();
  const std::string old = peers.begin()->first;
  const finished then = check(second);
  EXPECT_EQ(then.status, 0) << then.out;
  EXPECT_THAT(then.out, AllOf(HasSubstr("from another store than that of " + second.state_dir()),
                              HasSubstr(old), HasSubstr("accept-removals")));
  for (int start = 0; start < 2; ++start) {
    second.settle();
    EXPECT_TRUE(has(old));
    EXPECT_EQ(key(), first_key) << "the peers' files stay good";
    EXPECT_TRUE(eventually(20s, [&] { return ready(second).contains("adopted with 1 peer "); }));
    EXPECT_EQ(second.stop(), 0);
  }
  // And back: what the second has confirmed stays there too.
  second.settle();
  second.admin().make_network("delta");
  const std::string later = new_public_key();
  EXPECT_EQ(second.admin().enrol("delta", "n", later).word("state"), "live");
  EXPECT_EQ(second.stop(), 0);
  EXPECT_THAT(check(first).out, AllOf(HasSubstr("from another store"), HasSubstr(later)));
  for (int start = 0; start < 2; ++start) {
    first.settle();
    expect_live_at_the_first();
    EXPECT_TRUE(has(later));
    EXPECT_TRUE(eventually(20s, [&] { return ready(first).contains("adopted with 1 peer "); }));
    EXPECT_EQ(first.stop(), 0);
  }
  first.settle();
  EXPECT_EQ(run(first.peerage({"gateways", "accept-removals", "gw-live"})).status, 0);
  EXPECT_TRUE(eventually(20s, [&] { return !has(later); }));
  expect_live_at_the_first();
  EXPECT_EQ(first.stop(), 0);
  EXPECT_THAT(check(first).out, Not(HasSubstr("note     adopt")));
}

TEST_F(interface, gets_the_key_of_a_daemon_that_has_one_and_it_is_said_before) {
  first.kill();
  ASSERT_EQ(::mkdir(second.state_dir().c_str(), 0700), 0);
  const std::string own = second.state_dir() + "/gateway.key";
  std::ofstream(own) << base64_encode(make_private_key().reveal()) << "\n";
  ASSERT_EQ(::chmod(own.c_str(), 0600), 0);
  EXPECT_THAT(check(second).out, HasSubstr("its private key becomes that of " + own));
}

TEST(forwarding, that_is_off_is_said_with_its_setting_and_set_where_the_config_wants_it) {
  const changed_setting ipv4("ipv4/conf/all/forwarding", "0");
  const changed_setting ipv6("ipv6/conf/all/forwarding", "0");
  std::vector<std::unique_ptr<client_host>> hosts;
  for (int i = 0; i < 2; ++i) hosts.push_back(std::make_unique<client_host>());
  for (const char* const each : {"ipv4/conf/all/forwarding", "ipv6/conf/all/forwarding"}) {
    std::ofstream("/proc/sys/net/" + std::string(each)) << "0";  // of the new cables too
  }
  daemon_under_test daemon({.reconcile_s = 1, .endpoint_address = hosts[0]->gateway_address()});
  const auto names_both =
      AllOf(HasSubstr("net.ipv4.ip_forward=1"), HasSubstr("net.ipv6.conf.all.forwarding=1"));
  const finished looked = check(daemon);
  EXPECT_EQ(looked.status, 0) << looked.out;
  EXPECT_THAT(looked.out, AllOf(HasSubstr("note     network"), names_both));
  daemon.settle();
  EXPECT_THAT(daemon.log_since_launch(), names_both);
  EXPECT_TRUE(eventually(20s, [&] { return ready(daemon).contains("net.ipv4.ip_forward=1"); }));
  EXPECT_EQ(daemon.admin().call("GET", "/readyz").status, 200);

  daemon.admin().make_network("acme", "10.41.0.0/24");
  std::vector<std::vector<std::string>> addresses;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const std::string name = "c" + std::to_string(i);
    const std::string file = hosts[i]->folder() + "/" + name + ".conf";
    const auto made = run(daemon.peerage({"create", name, "--network", "acme", "--file", file}));
    ASSERT_EQ(made.status, 0) << made.err;
    must_run({"ip", "route", "add", "default", "via", hosts[i]->gateway_address()},
             hosts[i]->network());
    hosts[i]->connect(file);
    addresses.emplace_back();
    const auto shown = daemon.admin().call("GET", "/v1/networks/acme/peers/" + name);
    for (const json::value& each : shown["addresses"].as_array()) {
      const std::string text(each.as_string());
      addresses.back().push_back(text.substr(0, text.find('/')));
    }
  }
  const auto reach = [&](const std::string& address) {
    const program ping{.words = {"ping", "-c", "1", "-W", "1", address},
                       .environment = {},
                       .network = hosts[0]->network()};
    for (int i = 0; i < 10; ++i) {
      if (run(ping).status == 0) return true;
    }
    return false;
  };
  EXPECT_EQ(daemon.stop(), 0);
  daemon.write_config(daemon.config_text() + "forwarding = \"set\"\n");
  EXPECT_THAT(check(daemon).out, HasSubstr("the start will set it"));
  daemon.settle();
  for (const std::string& each : addresses[1]) EXPECT_TRUE(reach(each)) << each;
  EXPECT_EQ(setting("ipv4/conf/" + daemon.interface() + "/forwarding"), "1");
  EXPECT_THAT(daemon.log_since_launch(),
              HasSubstr("net.ipv4.conf." + daemon.interface() + ".forwarding = 1"));
  EXPECT_TRUE(eventually(20s, [&] { return !ready(daemon).contains("forwarding"); }));
}

TEST(forwarding, that_another_table_drops_is_said_with_its_chain) {
  daemon_under_test daemon({.reconcile_s = 1});
  must_run({"nft", "add", "table", "ip", "others"});
  must_run({"nft",
            "add chain ip others FORWARD { type filter hook forward priority 0; "
            "policy drop; }"});
  const std::string words = "chain FORWARD of nftables table ip others";
  const finished looked = check(daemon);
  EXPECT_EQ(looked.status, 0) << looked.out;
  EXPECT_THAT(looked.out, HasSubstr(words));
  daemon.settle();
  EXPECT_THAT(daemon.log_since_launch(), HasSubstr(words));
  EXPECT_TRUE(eventually(20s, [&] { return ready(daemon).contains(words); }));
  // What it says to do helps.
  must_run({"nft", "insert", "rule", "ip", "others", "FORWARD", "iifname", daemon.interface(),
            "oifname", daemon.interface(), "accept"});
  EXPECT_TRUE(eventually(20s, [&] { return !ready(daemon).contains(words); }));
  must_run({"nft", "delete", "table", "ip", "others"});
}

TEST(mtu, is_what_the_uplink_leaves_on_the_device_and_in_the_file) {
  const client_host client;
  daemon_under_test daemon({.endpoint_address = client.gateway_address()});
  // Half of the clouds: an uplink of 1460.
  must_run({"ip", "link", "add", "uplink", "mtu", "1460", "type", "veth", "peer", "name", "far"});
  must_run({"ip", "address", "add", "192.0.2.1/24", "dev", "uplink"});
  must_run({"ip", "link", "set", "far", "up"});
  must_run({"ip", "link", "set", "uplink", "up"});
  must_run({"ip", "route", "add", "default", "via", "192.0.2.2"});
  EXPECT_THAT(check(daemon).out, HasSubstr("1400; the uplink's is 1460"));
  daemon.start();
  daemon.admin().make_network("acme");
  const auto device_has = [&](const std::string& mtu) {
    return must_run({"ip", "link", "show", daemon.interface()}).contains("mtu " + mtu + " ");
  };
  // The API reads registrations every 2 s, and when it is asked for them.
  const auto file_of = [&](const std::string& name) {
    daemon.admin().call("GET", "/v1/gateways");
    return run(daemon.peerage({"create", name})).out;
  };
  EXPECT_TRUE(device_has("1400"));
  EXPECT_THAT(file_of("a"), HasSubstr("\nMTU = 1400\n"));
  EXPECT_EQ(daemon.stop(), 0);
  daemon.write_config(daemon.config_text() + "mtu = 1300\n");
  daemon.start();
  EXPECT_TRUE(device_has("1300")) << "the config decides";
  EXPECT_THAT(file_of("b"), HasSubstr("\nMTU = 1300\n"));
  EXPECT_EQ(daemon.stop(), 0);
  must_run({"ip", "link", "delete", "uplink"});
  daemon.write_config(daemon.config_text());
  daemon.start();
  EXPECT_TRUE(device_has("1420")) << "of an uplink that is not known";
  EXPECT_THAT(file_of("c"), Not(HasSubstr("MTU")));
}

TEST(host_with_ipv6_off, has_it_on_the_gateways_interface_alone) {
  const changed_setting off("ipv6/conf/default/disable_ipv6", "1");
  daemon_under_test daemon;
  const finished looked = check(daemon);
  EXPECT_EQ(looked.status, 0) << looked.out << looked.err;
  EXPECT_THAT(looked.out, HasSubstr("note     ipv6"));
  daemon.start();
  daemon.admin().make_network("acme", "10.20.0.0/24");
  const answer made = daemon.admin().enrol("acme", "p", new_public_key());
  EXPECT_EQ(made.word("state"), "live") << made.text;
  EXPECT_EQ(setting("ipv6/conf/" + daemon.interface() + "/disable_ipv6"), "0");
  // Somebody switches it off again.
  std::ofstream("/proc/sys/net/ipv6/conf/" + daemon.interface() + "/disable_ipv6") << "1";
  EXPECT_TRUE(eventually(20s, [&] {
    return must_run({"ip", "-6", "address", "show", "dev", daemon.interface()})
        .contains("inet6 fd");
  }));
}

TEST(host_with_ipv6_off, whose_settings_are_locked_says_what_to_do) {
  const changed_setting off("ipv6/conf/default/disable_ipv6", "1");
  daemon_under_test daemon;
  // /proc/sys can't be written, as in a container.
  const auto locked = [&](std::vector<std::string> more) {
    program command = daemon.command(std::move(more));
    const std::vector<std::string> before{
        "unshare",
        "--mount",
        "sh",
        "-c",
        "mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys && exec \"$@\"",
        "sh"};
    command.words.insert(command.words.begin(), before.begin(), before.end());
    return run(command, 30s);
  };
  const finished looked = locked({"--check"});
  EXPECT_EQ(looked.status, 1) << looked.out;
  EXPECT_THAT(looked.out,
              AllOf(HasSubstr("FAILED   ipv6"), HasSubstr("net.ipv6.conf.default.disable_ipv6=0")));
  const finished started = locked({});
  EXPECT_EQ(started.status, 1);
  EXPECT_THAT(started.err, HasSubstr("net.ipv6.conf.default.disable_ipv6=0"));
  EXPECT_EQ(index_of(daemon.interface()), 0U);
}

/// In a namespace of its own, for this program and what it starts.
void call_host(const std::string& name) {
  ASSERT_EQ(::sethostname(name.data(), name.size()), 0);
}

TEST(gateway_name, is_kept_where_the_host_gets_another) {
  ASSERT_EQ(::unshare(CLONE_NEWUTS), 0);
  call_host("first");
  daemon_under_test daemon;
  std::string config = daemon.config_text();
  replace(config, "name = \"gw-live\"\n", "");
  daemon.write_config(config);
  daemon.start();
  daemon.admin().make_network("acme");
  EXPECT_EQ(daemon.admin().enrol("acme", "p", new_public_key()).word("state"), "live");
  ASSERT_EQ(daemon.stop(), 0);

  call_host("second");
  const finished looked = check(daemon);
  EXPECT_EQ(looked.status, 0) << looked.out << looked.err;
  EXPECT_THAT(looked.out, AllOf(HasSubstr("note     name       first"), HasSubstr("second")));
  daemon.settle();
  const auto all = daemon.admin().call("GET", "/v1/gateways");
  EXPECT_THAT(all.text, AllOf(HasSubstr("\"first\""), Not(HasSubstr("\"second\""))));
  EXPECT_EQ(daemon.admin().call("GET", "/v1/networks/acme/peers/p").word("state"), "live");
  ASSERT_EQ(daemon.stop(), 0);

  replace(config, "[gateway]\n", "[gateway]\nname = \"first\"\n");
  daemon.write_config(config);
  EXPECT_THAT(check(daemon).out, Not(HasSubstr("note     name")));
}

}  // namespace
}  // namespace peerage::live
