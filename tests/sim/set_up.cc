// How a seed's world begins: how many of what, which faults it knows, how bad they are.
#include "tests/sim/world.h"

namespace peerage::sim {
namespace {

constexpr std::size_t most_gateways = 4;
// Faults that a seed may do without, so that some worlds know one alone.
constexpr const char* optional_kinds[] = {
    "crash api",  "crash gateway", "stop gateway", "cut power",  "lose device",
    "toggle bus", "toggle store",  "cut off",      "jump clock", "late write",
    "restore",    "store lies",    "run a little", "cancel"};

gateway gateway_of(const std::string& name, unsigned number) {
  gateway made{};
  made.name = *gateway_name::parse(name);
  made.region = *region_name::parse(number % 2 == 0 ? "fra" : "iad");
  std::array<std::uint8_t, key_size> bytes{};
  bytes.fill(static_cast<std::uint8_t>(0x42 + number));
  made.public_key = public_key(bytes);
  made.endpoint = "203.0.113.7:51820";
  made.device = "kernel";
  made.capacity = 10'000;
  return made;
}

network network_of(const std::string& name, const std::string& ipv6, const char* ipv4) {
  network made;
  made.name = *network_name::parse(name);
  made.ipv6 = *prefix::parse(ipv6);
  if (ipv4 != nullptr) made.ipv4 = prefix::parse(ipv4).value();
  made.allowed_ips = {made.ipv6};
  return made;
}

}  // namespace

void world::choose_world() {
  chance_ = dice(what_.seed, 0);
  std::set<std::string> off;
  for (const char* each : optional_kinds)
    if (chance_.chance(50)) off.insert(each);
  constexpr unsigned levels[] = {0, 3, 8, 20, 40};
  mischief_ = chance_.pick(levels);
  store_.mischief = chance_.pick(levels);
  bus_.mischief = chance_.pick(levels);
  for (const char* each : {"follow", "dump", "write", "bring up", "commit", "apply"})
    if (chance_.chance(20)) slow_.insert(each);
  constexpr std::size_t names[] = {1, 2, 4, 9};
  names_ = chance_.pick(names);
  // What is rare here is common there, so that things pile up in another order.
  constexpr unsigned shares[] = {1, 2, 4, 8, 16};
  for (const kind& each : kinds())
    weights_[each.name] = off.contains(each.name) ? 0 : each.weight * chance_.pick(shares);
  constexpr std::size_t old_keys[] = {0, 0, 0, 1, 2, 4};
  old_keys_ = chance_.pick(old_keys);
}

void world::make_hosts() {
  transaction networks;
  // A small range, so that addresses are soon somebody else's.
  networks.push_back(put{network_of("acme", "fd00:1::/48", "10.9.0.0/29"), absent{}});
  networks.push_back(put{network_of("beta", "fd00:2::/48", nullptr), absent{}});
  (void)store_.now.commit(networks, false);
  for (const char* each : {"acme", "beta"}) networks_.push_back(*network_name::parse(each));

  const std::size_t apis = 1 + chance_.below(3);
  for (std::size_t i = 0; i < apis; ++i) {
    apis_.emplace_back();
    apis_.back().name = "api-" + std::to_string(i + 1);
  }
  const std::size_t begun = 1 + chance_.below(3);
  const unsigned device_mischief = chance_.chance(50) ? 0 : 5 + 5 * chance_.below(5);
  const unsigned mirror_mischief = chance_.chance(70) ? 0 : 20;
  for (unsigned i = 0; i < most_gateways; ++i) {
    const std::string name = "gw-" + std::to_string(i + 1);
    const gateway_name key = *gateway_name::parse(name);
    gateway_host& host = hosts_[key];
    host.name = key;
    host.self = gateway_of(name, i);
    host.device.mischief = device_mischief;
    host.saved.mischief = mirror_mischief;
    gateways_[key].wanted = i < begun;
  }
  if (chance_.chance(6)) preload(hosts_.begin()->first, 110 + chance_.below(60));
}

/// A gateway with many peers, so that losing most of them at once is not to be believed.
void world::preload(const gateway_name& on, std::size_t count) {
  gateway first = hosts_.at(on).self;
  first.number = 1;
  transaction registered;
  registered.push_back(put{first, absent{}});
  (void)store_.now.commit(registered, false);
  for (std::size_t i = 0; i < count; ++i) {
    peer one;
    one.id = {networks_[1], *peer_name::parse("old-" + std::to_string(i))};
    one.public_key = fresh_key();
    one.gateway = on;
    std::array<std::uint8_t, 16> bytes{0xfd, 0x00, 0x00, 0x02, 0, 0, 0, 1};
    bytes[14] = static_cast<std::uint8_t>(i >> 8);
    bytes[15] = static_cast<std::uint8_t>(i + 2);
    bytes[13] = 1;
    one.ipv6 = ip_address::v6(bytes);
    one.created_at = time_.wall;
    transaction writes;
    writes.push_back(put{one, absent{}});
    const auto done = store_.now.commit(writes, false);
    if (done) model_.preloaded(*done);
  }
}

}  // namespace peerage::sim
