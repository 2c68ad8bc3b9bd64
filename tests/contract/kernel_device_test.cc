// The kernel's own WireGuard: the contract of the port, and what only a real tunnel shows. Each
// test has network namespaces of its own. Needs root and a kernel with WireGuard; where the host's
// has none, tests/vm/kernel-vm runs this program in a machine whose kernel has it.
#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "crypto/x25519.h"
#include "netlink/device.h"
#include "netlink/link.h"
#include "testing/collect.h"
#include "tests/contract/device_contract.h"
#include "tests/contract/own_namespaces.h"

namespace peerage {
namespace {

using contract::output_of;
using contract::private_network;

template <class T>
void must(const result<T>& done) {
  if (!done) throw std::runtime_error(done.error().message);
}

std::unique_ptr<private_network> network;

device_backend kernel_backend() {
  device_backend backend;
  backend.name = "netlink";
  backend.kind = "kernel";
  backend.make = [](asio::io_context& loop) {
    network = std::make_unique<private_network>();
    const auto link = netlink::make_link("wg0", "contract");
    must(link->create());
    must(link->bring_up(1420));
    return netlink::make_kernel_device(loop.get_executor(), "wg0");
  };
  backend.take_away = [] { must(netlink::make_link("wg0", "contract")->remove()); };
  backend.after = [] { network.reset(); };
  return backend;
}

prefix net(const char* text) {
  return prefix::parse(text).value();
}
ip_address ip(const char* text) {
  return ip_address::parse(text).value();
}

public_key key(std::uint32_t number) {
  std::array<std::uint8_t, key_size> bytes{};
  bytes.fill(0x21);
  std::memcpy(bytes.data(), &number, sizeof number);
  return public_key(bytes);
}

INSTANTIATE_TEST_SUITE_P(kernel, device_contract, testing::Values(kernel_backend()),
                         name_of_backend);

/// One end of a tunnel: a namespace, a WireGuard device in it, and a key.
struct tunnel_end {
  private_network place;
  std::unique_ptr<link> interface = netlink::make_link("wg0", "test");
  secret_key private_key = make_private_key();
  public_key name = public_of(private_key);
  std::unique_ptr<device> wireguard;
};

/// Runs a port's call to its end.
template <class T>
T finish(asio::io_context& loop, task<T> work) {
  std::optional<T> value;
  asio::co_spawn(loop, std::move(work), [&](std::exception_ptr thrown, T done) {
    if (thrown) std::rethrow_exception(thrown);
    value = std::move(done);
  });
  loop.restart();
  loop.run_for(std::chrono::seconds(60));
  if (!value) throw std::runtime_error("not done within a minute");
  return std::move(*value);
}

std::unique_ptr<tunnel_end> make_end(asio::io_context& loop, const char* address) {
  auto end = std::make_unique<tunnel_end>();
  must(end->interface->create());
  end->wireguard = netlink::make_kernel_device(loop.get_executor(), "wg0");
  secret_key private_key = end->private_key;
  must(finish(loop, end->wireguard->configure(std::move(private_key), 51820)));
  must(end->interface->bring_up(1420));
  must(end->interface->arrange({{ip(address)}, {net("fd00::/48")}}));
  return end;
}

result<> set(asio::io_context& loop, device& on, device_peer peer) {
  std::vector<device_change> changes{set_peer{std::move(peer)}};
  return finish(loop, on.apply(std::move(changes)));
}

TEST(kernel_device, carries_packets_and_keeps_endpoint_and_session_of_a_peer_set_again) {
  asio::io_context loop;
  const auto client = make_end(loop, "fd00::2");
  const auto gateway = make_end(loop, "fd00::1");
  output_of("ip link add va type veth peer name vb");
  output_of("ip addr add 192.0.2.1/24 dev va && ip link set va up");
  output_of("ip link set vb netns " + client->place.path());
  client->place.enter();
  output_of("ip addr add 192.0.2.2/24 dev vb && ip link set vb up");

  const secret_key preshared = make_preshared_key();
  const device_peer peer{client->name, preshared, {net("fd00::2/128")}};
  must(set(loop, *gateway->wireguard, peer));
  must(set(loop, *client->wireguard, {gateway->name, preshared, {net("fd00::/48")}}));
  output_of("wg set wg0 peer " + gateway->name.text() + " endpoint 192.0.2.1:51820");
  output_of("ping -6 -c 2 -W 5 fd00::1");

  auto seen = finish(loop, fakes::collect(*gateway->wireguard));
  ASSERT_TRUE(seen && seen->size() == 1);
  const peer_status before = seen->front().status;
  EXPECT_EQ(before.endpoint, "192.0.2.2:51820");
  ASSERT_TRUE(before.last_handshake_at);
  EXPECT_GT(before.rx_bytes, 0U);
  EXPECT_GT(before.tx_bytes, 0U);

  must(set(loop, *gateway->wireguard, peer));
  must(set(loop, *gateway->wireguard,
           {client->name, preshared, {net("fd00::2/128"), net("fd00::3/128")}}));
  seen = finish(loop, fakes::collect(*gateway->wireguard));
  ASSERT_TRUE(seen && seen->size() == 1);
  EXPECT_EQ(seen->front().status.endpoint, before.endpoint);
  EXPECT_EQ(seen->front().status.last_handshake_at, before.last_handshake_at);
  output_of("ping -6 -c 1 -W 5 fd00::1");
}

TEST(kernel_device, a_dump_gets_through_a_steady_stream_of_changes) {
  asio::io_context loop;
  const private_network place;
  must(netlink::make_link("wg0", "test")->create());
  const auto wireguard = netlink::make_kernel_device(loop.get_executor(), "wg0");
  std::vector<device_change> steady;
  for (std::uint32_t i = 0; i < 2000; ++i) steady.emplace_back(set_peer{{key(i), {}, {}}});
  must(finish(loop, wireguard->apply(std::move(steady))));

  // Hundreds of messages, since few drops go into one: every dump is interrupted.
  std::vector<device_change> stream;
  for (std::uint32_t i = 0; i < 10000; ++i) {
    stream.emplace_back(set_peer{{key(1'000'000), {}, {}}});
    stream.emplace_back(drop_peer{key(1'000'000)});
  }
  bool applied = false;
  asio::co_spawn(loop, wireguard->apply(std::move(stream)),
                 [&](std::exception_ptr, const result<>& done) { applied = done.has_value(); });
  bool applied_before_the_dump = true;
  std::optional<result<std::vector<device_entry>>> dumped;
  asio::co_spawn(loop, fakes::collect(*wireguard),
                 [&](std::exception_ptr, result<std::vector<device_entry>> done) {
                   dumped = std::move(done);
                   applied_before_the_dump = applied;
                 });
  loop.restart();
  loop.run_for(std::chrono::seconds(60));
  ASSERT_TRUE(dumped && applied);
  ASSERT_TRUE(*dumped) << dumped->error().message;
  EXPECT_FALSE(applied_before_the_dump) << "then nothing was proved";
  EXPECT_GE((**dumped).size(), 2000U);
  EXPECT_LE((**dumped).size(), 2001U);
}

TEST(kernel_device, says_which_interface_is_not_there_or_is_none_of_wireguards) {
  asio::io_context loop;
  const private_network place;
  output_of("ip link set lo up");
  const auto absent = netlink::make_kernel_device(loop.get_executor(), "wg9");
  const auto refused = set(loop, *absent, {key(1), {}, {}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable);
  EXPECT_NE(refused.error().message.find("wg9"), std::string::npos) << refused.error().message;

  const auto other = netlink::make_kernel_device(loop.get_executor(), "lo");
  const auto unfit = set(loop, *other, {key(1), {}, {}});
  ASSERT_FALSE(unfit);
  EXPECT_EQ(unfit.error().code, errc::unsupported) << unfit.error().message;
}

TEST(kernel_device, another_interface_of_the_same_name_is_a_loss_too) {
  asio::io_context loop;
  const private_network place;
  const auto interface = netlink::make_link("wg0", "test");
  must(interface->create());
  const auto wireguard = netlink::make_kernel_device(loop.get_executor(), "wg0");
  must(interface->remove());
  must(interface->create());
  bool lost = false;
  asio::co_spawn(loop, wireguard->lost(), [&](std::exception_ptr) { lost = true; });
  loop.run_for(std::chrono::seconds(60));
  EXPECT_TRUE(lost);
}

}  // namespace
}  // namespace peerage
