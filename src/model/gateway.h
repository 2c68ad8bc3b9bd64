// A gateway: one WireGuard device that peers connect to, driven by one daemon.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.h"
#include "model/key.h"
#include "model/name.h"
#include "model/revision.h"

namespace peerage {

/// "ADDRESS:PORT" or "HOST:PORT", an IPv6 address in brackets; errc::invalid otherwise.
result<std::string> parse_endpoint(std::string_view text);

// Of a tunnel. What wg-quick takes where nothing else is said, and bounds: IPv6 needs the least,
// and the most is what an IPv6 packet of 64 KiB leaves.
inline constexpr std::uint32_t usual_mtu = 1'420;
inline constexpr std::uint32_t least_mtu = 1'280;
inline constexpr std::uint32_t most_mtu = 65'455;

/// What the store knows of a gateway: its registration.
struct gateway {
  gateway_name name;
  std::uint16_t number = 0;  // 1 to 65,535, given at the first registration, never changed
  region_name region;
  peerage::public_key public_key;
  std::string endpoint;    // where peers send their packets, as parse_endpoint wants it
  std::string device;      // "kernel" or "userspace"
  std::uint32_t capacity;  // peers that the device can hold
  bool draining = false;   // no new peers
  std::string owner;       // the start that holds the name: a random id and where it runs
  wall_time registered_at;
  std::uint32_t mtu = usual_mtu;  // of its interface, and of its peers'

  bool operator==(const gateway&) const = default;
};

/// What a gateway says of itself every 2 s.
struct heartbeat {
  gateway_name name;
  region_name region;
  std::uint32_t peers = 0;           // on the device now
  revision applied;                  // up to here everything the store says is on the device
  std::string trouble = {};          // what an operator should look at, in words; empty: nothing
  std::optional<wall_time> at = {};  // what its clock says; older gateways don't say
  std::uint32_t left_out = 0;        // peers that the store has for it and that it leaves out
};

/// A process that runs a gateway, and may be asked whether it lives.
struct claimant {
  std::string instance;  // of its state_dir and its host's boot: two that share it can't both live
  std::string start;     // random, another for each start
  std::string where;     // for people: "process 4711 on host fra-1"
};

}  // namespace peerage
