// The network interface of a WireGuard device: made, marked as ours, up, with its own addresses
// and routes. Both kinds of device have one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/ip.h"

namespace peerage {

/// The bit of a packet's mark that the wall sets on what it lets pass from a network's peer.
inline constexpr std::uint32_t passed_mark = 0x01000000;

struct link_state {
  bool exists = false;
  bool wireguard = false;  // made by the kernel's WireGuard
  bool marked = false;     // made by this gateway's daemon, now or in an earlier life
  bool up = false;
  // The epoch of the store whose peers its device has, as note_store() was told; empty: not known.
  std::string filled_from = {};
};

struct link_plan {
  std::vector<ip_address> addresses = {};  // the host's own, each as /128 or /32
  std::vector<prefix> routes = {};         // through this interface
  std::vector<prefix> unreachable = {};  // where no route of these leads: not to the host's default
  bool only = true;                      // what else is there goes; false: it stays
  // What comes in by the interface is forwarded only where its mark has passed_mark.
  bool only_marked = false;
  bool operator==(const link_plan&) const = default;
};

/// An address (as /128 or /32) or a route that the interface can't have, in words that follow
/// "can't have it: ".
struct link_refusal {
  prefix what;
  std::string why;
  bool no_ipv6 = false;  // the host has none at all
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
  /// From now on the device has the peers of the store of this epoch: the mark says so, of an
  /// interface that is there at once, and of one that is made later too.
  virtual result<> note_store(const std::string& epoch) = 0;
  /// Marks it as ours, sets its MTU and brings it up.
  virtual result<> bring_up(std::uint32_t mtu) = 0;
  /// Routes and unreachable prefixes that would take from the host what it needs: its own addresses
  /// and the ranges that they are in, its routers, and what make_link() was told. Interfaces of
  /// other gateways on this host are not the host's own. Changes nothing.
  virtual result<std::vector<link_refusal>> conflicts(const link_plan& plan) = 0;
  /// Makes the interface's addresses and routes these; link-local ones are left alone. What the
  /// kernel refuses is told, and the rest is arranged all the same.
  virtual result<std::vector<link_refusal>> arrange(const link_plan& plan) = 0;
};

}  // namespace peerage
