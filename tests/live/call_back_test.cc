// A hundred clients of a device that is deleted under them: the gateway begins their sessions anew,
// since none of them would notice for 15 s, or, with nothing to send, at all.
#include <gtest/gtest.h>

#include <ctime>
#include <fstream>
#include <sstream>

#include "base/base64.h"
#include "crypto/x25519.h"
#include "tests/live/daemon.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

constexpr int clients = 100;

/// The gateway's own address in its only network: "inet6 fd00::1/128 …".
std::string address_on(const std::string& interface) {
  const std::string shown = must_run({"ip", "-6", "-o", "address", "show", "dev", interface});
  const auto begin = shown.find("inet6 fd") + 6;
  return shown.substr(begin, shown.find('/', begin) - begin);
}

/// Many WireGuard devices in one namespace, behind the cable of a client's host.
class crowd {
 public:
  crowd(daemon_under_test& daemon, const client_host& host)
      : host_(host), interface_(daemon.interface()) {
    caller api = daemon.admin();
    for (int i = 0; i < clients; ++i) add(api, "c" + std::to_string(i));
  }

  /// How many had a handshake later than `since`; none while the device is being made.
  static int seen_by(const std::string& interface, std::int64_t since) {
    const finished said = run({.words = {"wg", "show", interface, "latest-handshakes"},
                               .environment = {},
                               .network = {}});
    std::istringstream lines(said.out);
    int count = 0;
    std::int64_t at = 0;
    for (std::string key; lines >> key >> at;) count += at > since ? 1 : 0;
    return count;
  }
  /// One packet each way; from then on they have nothing to say.
  void greet(const std::string& gateway) const {
    for (int i = 0; i < clients; ++i) {
      (void)run({.words = {"ping", "-c", "1", "-W", "5", "-I", "c" + std::to_string(i), gateway},
                 .environment = {},
                 .network = host_.network()});
    }
  }

 private:
  void add(caller& api, const std::string& name) {
    const secret_key secret = make_private_key();
    const answer made = api.enrol("acme", name, public_of(secret).text());
    ASSERT_EQ(made.status, 201) << made.text;
    devices_.push_back(std::make_unique<process>(
        program{
            .words = {"wireguard-go", "-f", name}, .environment = {}, .network = host_.network()},
        host_.folder() + "/crowd.log"));
    ASSERT_TRUE(eventually(20s, [&] { return userspace_process(name) != 0; }));
    const json::object& gateway = made["gateway"].as_object();
    const std::string file = host_.folder() + "/" + name + ".conf";
    std::ofstream(file) << "[Interface]\nPrivateKey = " << base64_encode(secret.reveal())
                        << "\n[Peer]\nPublicKey = " << gateway.at("public_key").as_string().c_str()
                        << "\nEndpoint = " << gateway.at("endpoint").as_string().c_str()
                        << "\nAllowedIPs = "
                        // Without what a kernel says by itself on an interface.
                        << address_on(interface_) << "/128\n";
    must_run({"wg", "setconf", name, file}, host_.network());
    const std::string address(made["addresses"].as_array().at(0).as_string());
    must_run({"ip", "address", "add", address, "dev", name, "nodad"}, host_.network());
    must_run({"ip", "link", "set", name, "mtu", "1420", "up"}, host_.network());
    must_run({"ip", "-6", "route", "add", "default", "dev", name, "metric",
              std::to_string(1'000 + devices_.size())},
             host_.network());
  }

  const client_host& host_;
  std::string interface_;
  std::vector<std::unique_ptr<process>> devices_;
};

TEST(device_that_is_deleted, under_live_clients_has_all_their_sessions_again) {
  const client_host host;
  daemon_under_test daemon({.reconcile_s = 1, .endpoint_address = host.gateway_address()});
  daemon.settle();
  daemon.admin().make_network("acme");
  const crowd all(daemon, host);
  const std::string& interface = daemon.interface();
  all.greet(address_on(interface));
  ASSERT_EQ(crowd::seen_by(interface, 0), clients) << "each has a session";
  // What a comparison has seen is remembered.
  caller api = daemon.admin();
  ASSERT_TRUE(eventually(60s, [&] {
    for (const auto& [name, peer] : api.peers_of("acme")) {
      const auto one = api.call("GET", "/v1/networks/acme/peers/" + name);
      if (one["last_handshake_at"].is_null()) return false;
    }
    return true;
  }));
  const std::int64_t deleted = std::time(nullptr);
  ASSERT_TRUE(eventually(5s, [&] { return std::time(nullptr) > deleted; }));
  remove_device(interface);
  // None of them has anything to send, so each new session is the gateway's doing.
  EXPECT_TRUE(eventually(60s, [&] { return crowd::seen_by(interface, deleted) == clients; }))
      << crowd::seen_by(interface, deleted);
  // And the keepalives that made it begin them are taken back.
  EXPECT_TRUE(eventually(60s, [&] {
    const std::string every = must_run({"wg", "show", interface, "persistent-keepalive"});
    return every.contains("\toff") && !every.contains("\t25");
  }));
}

}  // namespace
}  // namespace peerage::live
