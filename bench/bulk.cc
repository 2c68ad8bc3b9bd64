#include "bench/bulk.h"

#include <linux/netlink.h>
#include <linux/wireguard.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <random>
#include <stdexcept>
#include <vector>

#include "bench/floor.h"
#include "bench/place.h"
#include "crypto/random.h"
#include "model/key.h"
#include "netlink/codec.h"
#include "netlink/device.h"
#include "netlink/link.h"
#include "netlink/socket.h"
#include "uapi/device.h"

namespace peerage::bench {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t drops_measured = 9;
constexpr std::size_t peers_in_one_write = 512;

template <class T>
T must(result<T> made) {
  if (!made) throw std::runtime_error(made.error().message);
  if constexpr (!std::is_void_v<T>) return *std::move(made);
}

std::vector<device_change> random_peers(std::uint32_t count) {
  std::mt19937_64 random(11);
  std::vector<device_change> all;
  all.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    std::array<std::uint8_t, key_size> key{};
    for (auto& byte : key) byte = static_cast<std::uint8_t>(random());
    std::array<std::uint8_t, 16> address{0xfd, 0x5e};
    for (std::size_t byte = 8; byte < 16; ++byte)
      address[byte] = static_cast<std::uint8_t>(random());
    all.push_back(set_peer{{public_key(key), {}, {prefix::host(ip_address::v6(address))}}});
  }
  return all;
}

bool kernel_has_wireguard() {
  const auto probe = netlink::make_link("wgprobe", "bench");
  const bool made = probe->create().has_value();
  if (made) must(probe->remove());
  return made;
}

void send_all(std::vector<netlink::request>& messages, netlink::kernel_socket& over) {
  progress said("a bare loop of full messages", messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (!must(over.ask(messages[i])).done()) throw std::runtime_error("the kernel refuses peers");
    said.at(i);
  }
}

steady_clock::duration kernel_loop(const std::string& interface,
                                   const std::vector<device_change>& peers) {
  auto socket = must(netlink::kernel_socket::open(NETLINK_GENERIC));
  const std::uint16_t family = must(netlink::resolve_family(socket, WG_GENL_NAME));
  netlink::change_encoder encoder(family, interface, peers);
  std::vector<netlink::request> messages;
  while (auto next = encoder.next()) messages.push_back(std::move(*next));
  const auto begun = steady_clock::now();
  send_all(messages, socket);
  return steady_clock::now() - begun;
}

task<steady_clock::duration> plain_loop(device& to, std::vector<device_change> peers) {
  const auto begun = steady_clock::now();
  for (std::size_t at = 0; at < peers.size(); at += peers_in_one_write) {
    const auto first = peers.begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = std::min(peers_in_one_write, peers.size() - at);
    std::vector<device_change> some(first, first + static_cast<std::ptrdiff_t>(count));
    must(co_await to.apply(std::move(some)));
  }
  co_return steady_clock::now() - begun;
}

steady_clock::duration syncconf(const std::string& interface, std::uint16_t port,
                                const std::string& folder,
                                const std::vector<device_change>& peers) {
  const std::string file = folder + "/syncconf.conf";
  {
    std::ofstream out(file);
    // With a key: without one the kernel does none of the arithmetic for a peer.
    out << "[Interface]\nPrivateKey = " << first_line_of({"wg", "genkey"}, folder + "/key")
        << "\nListenPort = " << port << "\n";
    for (const auto& each : peers) {
      const device_peer& one = std::get<set_peer>(each).peer;
      out << "[Peer]\nPublicKey = " << one.public_key.text()
          << "\nAllowedIPs = " << one.allowed_ips[0].text() << "\n";
    }
  }
  std::fprintf(stderr, "bench: wg syncconf of %s peers\n", with_commas(peers.size()).c_str());
  const auto begun = steady_clock::now();
  const pid_t program = start({"wg", "syncconf", interface, file}, folder + "/syncconf.log");
  if (wait_for(program) != 0) throw std::runtime_error(text_of_file(folder + "/syncconf.log"));
  return steady_clock::now() - begun;
}

}  // namespace

task<bulk_times> load_beside(asio::any_io_executor loop, std::string folder, unsigned number,
                             std::uint32_t peers) {
  bulk_times made;
  const std::vector<device_change> all = random_peers(peers);
  const bool kernel = kernel_has_wireguard();
  const std::string kind = kernel ? "kernel" : "userspace";
  const auto port = static_cast<std::uint16_t>(21'900 + 2 * number);
  const auto next_port = static_cast<std::uint16_t>(port + 1);
  std::string name = "wgloop" + std::to_string(number), log = folder + "/wireguard-go.log";
  {
    auto beside = co_await make_plain_device(loop, kind, name, port, log);
    if (kernel) {
      made.loop = kernel_loop(name, all);
    } else {
      std::vector<device_change> copy = all;
      made.loop = co_await plain_loop(*beside.peers, std::move(copy));
    }
    std::vector<steady_clock::duration> drops;
    for (std::size_t i = 0; i < std::min(drops_measured, all.size()); ++i) {
      std::vector<device_change> one{drop_peer{std::get<set_peer>(all[i]).peer.public_key}};
      const auto begun = steady_clock::now();
      must(co_await beside.peers->apply(std::move(one)));
      drops.push_back(steady_clock::now() - begun);
    }
    std::ranges::sort(drops);
    made.drop = drops[drops.size() / 2];
  }
  name = "wgsync" + std::to_string(number);
  log = folder + "/wireguard-go.log";
  { auto beside = co_await make_plain_device(loop, kind, name, next_port, log); }
  made.syncconf = syncconf(name, next_port, folder, all);
  co_return made;
}

task<peer_count> count_peers(asio::any_io_executor loop, std::string interface) {
  struct counter final : dump_taker {
    void begin() override { count = {}; }
    void take(const device_entry& entry) override {
      ++count.all;
      if (!entry.peer.allowed_ips.empty()) ++count.with_allowed_ips;
    }
    peer_count count;
  } into;
  if (kernel_has_wireguard()) {
    const auto device = netlink::make_kernel_device(loop, interface);
    must(co_await device->dump(into));
  } else {
    userspace_options options;
    options.interface = interface;
    const auto device = make_userspace_device(loop, std::move(options));
    must(co_await device->ensure_running());
    must(co_await device->dump(into));
  }
  co_return into.count;
}

}  // namespace peerage::bench
