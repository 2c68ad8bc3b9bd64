// The devices that are compared: the fake, wireguard-go, and the kernel's.
#include <algorithm>
#include <stdexcept>

#include "netlink/device.h"
#include "netlink/link.h"
#include "testing/collect.h"
#include "testing/fake_device.h"
#include "testing/run.h"
#include "tests/conformance/device_model.h"
#include "tests/contract/own_namespaces.h"

namespace peerage::conformance {
namespace {

using contract::output_of;

struct fake_side : device_side {
  explicit fake_side(bool userspace) : like_userspace(userspace) {}
  bool like_userspace;
  fakes::fake_device* made = nullptr;

  void begin() override {
    auto fresh = std::make_unique<fakes::fake_device>(loop.get_executor());
    made = fresh.get();
    made->like_userspace = like_userspace;
    port = std::move(fresh);
  }
  void configure_beside(const secret_key& own, std::uint16_t listen_port) override {
    made->configure_beside(own, listen_port);
  }
  void set_endpoint(const public_key& peer, const std::string& endpoint) override {
    if (!made->has(peer)) fakes::make_change(made->peers, set_peer{{peer, {}, {}}});
    made->peers.at(peer).status.endpoint = endpoint;
    made->peers.at(peer).keepalive_s = 25;  // as the real one's `wg set` below
  }
  void lose() override { made->vanish(); }
  void bring_back() override { made->come_back(); }
};

/// A real device, which `wg` reaches too.
struct real_side : device_side {
  static constexpr const char* interface = "wgconform0";

  void configure_beside(const secret_key& own, std::uint16_t listen_port) override {
    const public_key as_text{own.reveal()};
    output_of("echo " + as_text.text() + " | wg set " + interface +
              " private-key /proc/self/fd/0 listen-port " + std::to_string(listen_port));
  }
  void set_endpoint(const public_key& peer, const std::string& endpoint) override {
    output_of("wg set " + std::string(interface) + " peer " + peer.text() + " endpoint " +
              endpoint + " persistent-keepalive 25");
  }
};

struct userspace_side : real_side {
  contract::userspace_place place{interface};
  userspace_device* made = nullptr;

  void begin() override {
    port.reset();
    place.kill_process();
    auto fresh = make_userspace_device(loop.get_executor(), place.options());
    made = fresh.get();
    port = std::move(fresh);
    bring_back();
  }
  void lose() override { place.kill_process(); }
  void bring_back() override {
    const auto running = fakes::run_on(loop, made->ensure_running());
    if (!running) throw std::runtime_error(running.error().message);
  }
};

/// Begins without the peers of the sequence before: the others are there once and for all.
void drop_all_but_filling(device_side& of) {
  const auto all = fakes::run_on(of.loop, fakes::collect(*of.port)).value();
  std::vector<device_change> drops;
  for (const device_entry& each : all) {
    if (each.peer.public_key.bytes().back() != filling_key(0).bytes().back())
      drops.emplace_back(drop_peer{each.peer.public_key});
  }
  fakes::run_on(of.loop, of.port->apply(std::move(drops))).value();
}

struct full_fake_side final : fake_side {
  full_fake_side() : fake_side(true) {
    fake_side::begin();
    made->capacity_ = room_left;
  }
  void begin() override { drop_all_but_filling(*this); }
};

struct full_userspace_side final : userspace_side {
  full_userspace_side() {
    userspace_side::begin();
    constexpr std::uint32_t helping = 5'000;
    const std::uint32_t all = port->capacity() - room_left;
    for (std::uint32_t first = 0; first < all; first += helping) {
      std::vector<device_change> some;
      for (std::uint32_t i = first; i < std::min(first + helping, all); ++i)
        some.emplace_back(set_peer{{filling_key(i), {}, {}}});
      fakes::run_on(loop, port->apply(std::move(some))).value();
    }
  }
  void begin() override { drop_all_but_filling(*this); }
};

struct kernel_side final : real_side {
  contract::private_network network;
  std::unique_ptr<link> wire = netlink::make_link(interface, "conformance");

  ~kernel_side() override {
    port.reset();
    if (wire->state().value().exists) (void)wire->remove();
  }
  void begin() override {
    port.reset();
    if (wire->state().value().exists) lose();
    bring_back();
    port = netlink::make_kernel_device(loop.get_executor(), interface);
  }
  void lose() override { must(wire->remove()); }
  void bring_back() override {
    must(wire->create());
    must(wire->bring_up(1420));
  }
  static void must(const result<>& done) {
    if (!done) throw std::runtime_error(done.error().message);
  }
};

}  // namespace

std::unique_ptr<device_side> make_fake_device_side(bool like_userspace) {
  return std::make_unique<fake_side>(like_userspace);
}
std::unique_ptr<device_side> make_userspace_side() {
  return std::make_unique<userspace_side>();
}
std::unique_ptr<device_side> make_kernel_side() {
  return std::make_unique<kernel_side>();
}
std::unique_ptr<device_side> make_full_fake_side() {
  return std::make_unique<full_fake_side>();
}
std::unique_ptr<device_side> make_full_userspace_side() {
  return std::make_unique<full_userspace_side>();
}

}  // namespace peerage::conformance
