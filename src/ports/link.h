// The network interface of a WireGuard device: made, marked as ours, up, with its own addresses
// and routes. Both kinds of device have one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/ip.h"

namespace peerage {

struct link_state {
  bool exists = false;
  bool wireguard = false;  // made by the kernel's WireGuard
  bool marked = false;     // made by this gateway's daemon, now or in an earlier life
  bool up = false;
};

struct link_plan {
  std::vector<ip_address> addresses;  // the host's own, each as /128 or /32
  std::vector<prefix> routes;         // through this interface
  bool only = true;                   // what else is there goes; false: it stays
  bool operator==(const link_plan&) const = default;
};

/// Everything here is quick and synchronous: a few system calls.
/// errc::denied without CAP_NET_ADMIN, errc::unsupported where the kernel has no WireGuard,
/// errc::io otherwise, with the interface's name and the kernel's own error.
struct link {
  virtual ~link() = default;
  virtual const std::string& name() const = 0;
  virtual result<link_state> state() = 0;
  /// Makes a kernel WireGuard interface. errc::unsupported where the kernel has none.
  virtual result<> create() = 0;
  virtual result<> remove() = 0;
  /// Marks it as ours, sets its MTU and brings it up.
  virtual result<> bring_up(std::uint32_t mtu) = 0;
  /// Makes the interface's addresses and routes these; link-local ones are left alone.
  virtual result<> arrange(const link_plan& plan) = 0;
};

}  // namespace peerage
