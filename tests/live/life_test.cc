// The whole life of a peer: its time, what is remembered of it, and restarts among many others.
#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "base/time.h"
#include "sqlite/store.h"
#include "testing/run.h"
#include "tests/live/daemon.h"
#include "tests/live/tunnel_flow.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

const std::string peers = "/v1/networks/acme/peers";
const std::string inside = "fd00:aa:bb:1::1";  // the gateway's own address in the network

void make_network(caller& api) {
  api.make_network("acme", {}, "fd00:aa:bb::/48");
}

/// When the last reply came, by the stamps of `ping -D`: Unix seconds; 0 where none did.
double last_reply(const std::string& pings) {
  double last = 0;
  for (std::size_t at = pings.find('['); at != std::string::npos; at = pings.find('[', at + 1)) {
    const std::size_t end = pings.find('\n', at);
    if (pings.substr(at, end - at).contains("bytes from")) last = std::stod(pings.substr(at + 1));
  }
  return last;
}

TEST(life, of_a_peer_passes_packets_up_to_its_time_and_none_2_s_later_over_restarts) {
  client_host host;
  daemon_under_test daemon({.endpoint_address = host.gateway_address()});
  daemon.settle();
  caller api = daemon.admin();
  make_network(api);
  const std::string file = daemon.folder() + "/ci.conf";
  const finished made = run(daemon.peerage({"create", "ci", "--ttl", "6s", "--file", file}));
  ASSERT_EQ(made.status, 0) << made.err;
  const answer peer = api.call("GET", peers + "/ci");
  host.connect(file);
  must_run({"ping", "-n", "-c", "1", "-W", "3", inside}, host.network());

  const std::string log = host.folder() + "/ping.log";
  process ping({.words = {"ping", "-n", "-D", "-i", "0.05", inside},
                .environment = {},
                .network = host.network()},
               log);
  daemon.kill();
  daemon.settle();  // with the gateway, the API and the store in it
  const auto gone = [&] { return !look_at(daemon.interface()).contains(peer.word("public_key")); };
  EXPECT_TRUE(eventually(20s, gone));
  ping.signal(SIGINT);
  ASSERT_TRUE(ping.wait(5s));
  const auto time_of = [](const answer& of, const char* member) {
    const auto parsed = from_rfc3339(of.word(member));
    return std::chrono::duration<double>(parsed.value().time_since_epoch()).count();
  };
  const double expired = time_of(peer, "expires_at");
  EXPECT_EQ(expired, time_of(peer, "created_at") + 6);
  const double last = last_reply(text_of_file(log));
  EXPECT_GE(last, expired - 0.5) << "packets passed up to its time";
  EXPECT_LE(last, expired + 2) << "and not for long after it";
  const auto forgotten = [&] { return daemon.admin().call("GET", peers + "/ci").status == 404; };
  EXPECT_TRUE(eventually(5s, forgotten));
}

TEST(life, of_a_peer_is_remembered_by_its_gateway_when_the_device_is_made_anew) {
  client_host host;
  daemon_under_test daemon({.reconcile_s = 1, .endpoint_address = host.gateway_address()});
  daemon.settle();
  caller api = daemon.admin();
  make_network(api);
  const std::string file = daemon.folder() + "/laptop.conf";
  ASSERT_EQ(run(daemon.peerage({"create", "laptop", "--file", file})).status, 0);
  ASSERT_EQ(api.enrol("acme", "never", new_public_key()).status, 201);
  host.connect(file);
  must_run({"ping", "-n", "-c", "1", "-W", "3", inside}, host.network());
  const auto seen = [&] {
    const answer now = daemon.admin().call("GET", peers + "/laptop");
    return now["last_handshake_at"].is_null() ? std::string() : now.word("last_handshake_at");
  };
  ASSERT_TRUE(eventually(10s, [&] { return !seen().empty(); }));
  const std::string before = seen();
  // As after a power cut: the daemon is gone, and the device. The client is out of the way.
  host.unplug();
  daemon.kill();
  remove_device(daemon.interface());
  daemon.settle();
  EXPECT_TRUE(eventually(10s, [&] { return seen() == before; })) << "was " << before;
  EXPECT_TRUE(look_at(daemon.interface()).size() == 2);
  const auto stale = [&](const std::string& seconds) {
    return daemon.admin().call("GET", peers + "?stale_s=" + seconds)["items"].as_array().size();
  };
  EXPECT_EQ(stale("3600"), 0U);
  EXPECT_TRUE(eventually(10s, [&] { return stale("1") == 2; }));
}

/// Peers put into the store of a daemon that does not run.
void put_into_store(const daemon_under_test& daemon, std::uint32_t count) {
  constexpr std::size_t in_one_commit = 1'000;
  asio::io_context loop;
  auto store = open_sqlite_store(loop.get_executor(), daemon.state_dir() + "/peerage.db").value();
  transaction writes;
  for (std::uint32_t n = 1; n <= count; ++n) {
    peer one;
    one.id = {*network_name::parse("acme"), *peer_name::parse("p" + std::to_string(n))};
    std::array<std::uint8_t, key_size> key{};
    key.fill(0x42);
    std::memcpy(key.data(), &n, sizeof n);
    one.public_key = public_key(key);
    one.gateway = *gateway_name::parse("gw-live");
    std::array<std::uint8_t, 16> address{0xfd, 0x00, 0x00, 0xaa, 0x00, 0xbb, 0x00, 0x01, 0x77};
    std::memcpy(address.data() + 12, &n, sizeof n);
    one.ipv6 = ip_address::v6(address);
    one.created_at = one.assigned_at =
        std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
    one.created_by = *token_id::parse("test");
    writes.push_back(put{std::move(one), absent{}});
    if (writes.size() < in_one_commit && n < count) continue;
    fakes::run_on(loop, store->commit(std::exchange(writes, {}))).value();
  }
}

TEST(life, goes_on_for_every_peer_of_many_when_the_daemon_restarts) {
  client_host host;
  daemon_under_test daemon({.endpoint_address = host.gateway_address()});
  daemon.settle();
  caller api = daemon.admin();
  make_network(api);
  const std::string file = daemon.folder() + "/laptop.conf";
  ASSERT_EQ(run(daemon.peerage({"create", "laptop", "--file", file})).status, 0);
  // An emulated kernel takes milliseconds for each of them when the interface goes.
  const bool kernel = userspace_process(daemon.interface()) == 0;
  const char* const wanted = std::getenv("PEERAGE_MANY_PEERS");  // by hand: 100,000, say
  const std::uint32_t many = wanted != nullptr ? std::stoul(wanted) : kernel ? 1'000 : 20'000;
  EXPECT_EQ(daemon.stop(), 0);
  put_into_store(daemon, many);
  daemon.settle(300s);
  ASSERT_EQ(look_at(daemon.interface()).size(), many + 1);

  host.connect(file);
  must_run({"ping", "-n", "-c", "1", "-W", "3", inside}, host.network());
  tunnel_flow flow(host, inside, host.folder() + "/ping.log");
  flow.go_on_for(20);
  daemon.kill();
  flow.go_on_for(20);
  daemon.settle(300s);
  EXPECT_FALSE(daemon.log_since_launch().contains(" device differs")) << "no peer was written";
  flow.go_on_for(20);
  flow.expect_nothing_lost();
  EXPECT_EQ(look_at(daemon.interface()).size(), many + 1);
  EXPECT_EQ(daemon.admin().enrol("acme", "one-more", new_public_key()).status, 201);
  std::printf("   a restart with %u peers on the device%s\n", many,
              HasFailure() ? ": see above" : " lost no packet");
}

}  // namespace
}  // namespace peerage::live
