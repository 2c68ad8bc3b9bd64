// How a seed's world begins: how many of what, which faults it knows, how bad they are.
#include "tests/sim/world.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <stdexcept>

#include "consul/open.h"

namespace peerage::sim {
namespace {

constexpr std::size_t most_gateways = 4;
// Faults that a seed may do without, so that some worlds know one alone.
constexpr const char* optional_kinds[] = {
    "crash api",    "crash gateway", "stop gateway", "cut power",       "lose device", "toggle bus",
    "toggle store", "cut off",       "jump clock",   "late write",      "restore",     "store lies",
    "run a little", "cancel",        "spoil ring",   "forget deletions"};

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
  store_.confusion = chance_.pick(levels);
  constexpr unsigned hastes[] = {60, 80, 90, 97};
  store_.haste = chance_.pick(hastes);
  bus_.mischief = chance_.pick(levels);
  for (const char* each : {"follow", "dump", "write", "bring up", "commit", "apply"})
    if (chance_.chance(20)) slow_.insert(each);
  if (slow_.contains("follow")) slow_.insert("look at");  // the end of it
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
}

/// What is in the store before anybody starts.
void world::furnish() {
  std::vector<transaction> all(1);
  // A small range, so that addresses are soon somebody else's.
  all[0].push_back(put{network_of("acme", "fd00:1::/48", "10.9.0.0/29"), absent{}});
  all[0].push_back(put{network_of("beta", "fd00:2::/48", nullptr), absent{}});
  if (chance_.chance(6)) {
    for (auto& each : preload(hosts_.begin()->first, 110 + chance_.below(60)))
      all.push_back(std::move(each));
  }
  mortal_loop loop;
  const milliseconds right{0};
  sim_clock time(loop.get_executor(), time_, right);
  consul_options options;
  options.prefix = keys_of_all.prefix;
  options.api_id = "setup";
  auto calls = std::make_shared<consul::calls>(loop.get_executor(), store_.connect_at_once(),
                                               std::make_shared<consul_access>());
  const auto by =
      consul::open_store(loop.get_executor(), time, std::move(calls), std::move(options)).value();
  // Where it has no epoch, processes that start at once make it.
  if (chance_.chance(70)) asio::co_spawn(loop, by->identity(), asio::detached);
  loop.poll();
  for (auto& each : all) {
    asio::co_spawn(loop, by->commit(std::move(each)),
                   [](std::exception_ptr, const result<revision>& done) {
                     if (!done) throw std::logic_error("set up: " + done.error().message);
                   });
    loop.restart();
    loop.poll();
  }
}

/// A gateway with many peers, so that losing most of them at once is not to be believed.
std::vector<transaction> world::preload(const gateway_name& on, std::size_t count) {
  gateway first = hosts_.at(on).self;
  first.number = 1;
  std::vector<transaction> made(1);
  made[0].push_back(put{first, absent{}});
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
    one.created_by = *token_id::parse("root");
    if (i % 8 == 0) made.emplace_back();
    made.back().push_back(put{one, absent{}});
  }
  return made;
}

}  // namespace peerage::sim
