// A WireGuard device: its peers, and nothing else of the interface (see link.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"
#include "base/error.h"
#include "model/device.h"

namespace peerage {

/// Whoever hears a dump, peer by peer, so that nobody has to keep them all.
struct dump_taker {
  virtual ~dump_taker() = default;
  /// Before the device is asked, and again where the dump begins again: what was told is void.
  virtual void begin() = 0;
  /// After begin(): the device's own key, where it has one, and its UDP port.
  virtual void self(const std::optional<secret_key>& /*key*/, std::uint16_t /*port*/) {}
  /// After begin(), where the device's own key or UDP port is not what configure() made it.
  virtual void altered() {}
  virtual void take(const device_entry& entry) = 0;
};

struct device {
  virtual ~device() = default;

  /// "kernel" or "userspace".
  virtual std::string_view kind() const = 0;
  /// How many peers it can hold.
  virtual std::uint32_t capacity() const = 0;

  /// Sets the device's own key and UDP port; the peers stay. errc::io, errc::unavailable.
  virtual task<result<>> configure(secret_key private_key, std::uint16_t listen_port) = 0;

  /// Makes the changes in order, many in one message. Done when it returns without an error: the
  /// device has acknowledged every one. On an error some of the changes may have been made; making
  /// them again is harmless. Setting a peer that is there changes what differs and keeps its
  /// endpoint and session. Dropping or stripping one that isn't there succeeds.
  /// An allowed IP that another peer has is taken from it without a word: the caller knows better.
  /// Calls do not overlap: the caller waits for one before the next.
  /// errc::full beyond capacity(); errc::io; errc::unavailable when the device is away (a
  /// userspace process that died); errc::timeout.
  virtual task<result<>> apply(std::vector<device_change> changes) = 0;

  /// Tells of every peer and what was seen of it. Whole, or an error: a dump that something other
  /// than apply() disturbed begins again. May overlap with apply(), where a peer that changes
  /// meanwhile is told of or not; not with another dump().
  virtual task<result<>> dump(dump_taker& into) = 0;

  /// Returns when a device that was there has gone away: the interface removed, the process dead.
  /// One waiter at a time; cancelling it leaves nothing behind.
  virtual task<> lost() = 0;
};

}  // namespace peerage
