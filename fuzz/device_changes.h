// Changes of a device, made of a fuzzer's choices: for the two protocols that write them.
#pragma once

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "fuzz/fuzz.h"
#include "model/device.h"

namespace peerage::fuzz {

inline public_key some_key(choices& from) {
  std::array<std::uint8_t, key_size> bytes{};
  bytes.fill(static_cast<std::uint8_t>(from.of(4) + 9));
  return public_key(bytes);
}

inline prefix some_prefix(choices& from) {
  std::array<std::uint8_t, 16> bytes{0xfd};
  for (std::size_t i = 1; i < 8; ++i) bytes[i] = from.byte();
  if (from.of(2) == 0) return prefix::of(ip_address::v6(bytes), from.byte() % 129U);
  const std::uint32_t value = bytes[1] * 0x1000000U + bytes[2] * 0x10000U + bytes[3];
  return prefix::of(ip_address::v4(value), from.byte() % 33U);
}

/// More than one netlink message holds.
inline std::vector<prefix> too_many() {
  std::array<std::uint8_t, 16> bytes{0xfd, 1};
  std::vector<prefix> made;
  for (unsigned i = 0; i < 1'700; ++i) {
    bytes[14] = static_cast<std::uint8_t>(i / 256);
    bytes[15] = static_cast<std::uint8_t>(i % 256);
    made.push_back(prefix::host(ip_address::v6(bytes)));
  }
  return made;
}

inline device_change some_change(choices& from, bool& large) {
  const std::size_t kind = from.of(8);
  if (kind == 0) return drop_peer{some_key(from)};
  if (kind == 1) return strip_peer{some_key(from)};
  set_peer made{{some_key(from), {}, {}}};
  if (from.of(2) == 1) {
    secret_key key;
    key.reveal()[0] = from.byte();
    made.peer.preshared_key = key;
  }
  // One is enough, and takes its time.
  if (kind == 2 && !std::exchange(large, true)) made.peer.allowed_ips = too_many();
  const std::size_t count = from.of(4);
  for (std::size_t i = 0; i < count; ++i) made.peer.allowed_ips.push_back(some_prefix(from));
  std::ranges::sort(made.peer.allowed_ips);
  return made;
}

inline std::vector<device_change> some_changes(choices& from) {
  std::vector<device_change> made;
  bool large = false;
  while (!from.done() && made.size() < 100) made.push_back(some_change(from, large));
  return made;
}

/// What a reader of both protocols makes of the changes, as though they were a dump: one entry for
/// each, or one for several of one key that follow each other where `merged`.
inline std::vector<device_peer> as_a_dump(const std::vector<device_change>& changes, bool merged) {
  std::vector<device_peer> made;
  for (const device_change& change : changes) {
    const auto* set = std::get_if<set_peer>(&change);
    const auto* strip = std::get_if<strip_peer>(&change);
    const public_key key = set     ? set->peer.public_key
                           : strip ? strip->public_key
                                   : std::get<drop_peer>(change).public_key;
    if (!merged || made.empty() || made.back().public_key != key) made.push_back({key, {}, {}});
    if (set == nullptr) continue;
    device_peer& peer = made.back();
    peer.preshared_key = set->peer.preshared_key;
    if (peer.preshared_key == secret_key{}) peer.preshared_key.reset();
    peer.allowed_ips.insert(peer.allowed_ips.end(), set->peer.allowed_ips.begin(),
                            set->peer.allowed_ips.end());
  }
  for (device_peer& each : made) std::ranges::sort(each.allowed_ips);
  return made;
}

inline bool same_peers(const std::vector<device_entry>& have,
                       const std::vector<device_peer>& want) {
  return std::equal(have.begin(), have.end(), want.begin(), want.end(),
                    [](const device_entry& a, const device_peer& b) { return a.peer == b; });
}

}  // namespace peerage::fuzz
