// An interface as ports/link.h wants it, over rtnetlink: any interface, also a tun that a userspace
// WireGuard made. Made by the daemon, which owns it; called from the loop's thread. What fails, and
// how, is said in ports/link.h.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ports/link.h"

namespace peerage::netlink {

/// What the host talks to, and may not lose to a network.
struct needed_address {
  ip_address address;
  std::string what;  // "its store"
};

using needed_addresses = std::function<std::vector<needed_address>()>;

/// What somebody else gave to an interface.
struct belongings {
  std::vector<std::string> addresses;  // "10.0.0.1/24"; link-local ones are not listed
  std::vector<prefix> routes;          // without those that the kernel makes of the addresses
};

/// Nothing where there is no such interface. errc::io.
result<belongings> belongings_of(const std::string& interface);

/// `interface` in the network namespace that the calling thread is in at the first call. Its mark
/// is its alias, which `ip link` shows: "peerage:" and `owner`, of 200 bytes at most, and behind a
/// space the epoch of note_store().
/// `needed` is asked at each arrangement, and has to answer at once; without it there are none.
/// What is `kept` is never taken from the interface.
std::unique_ptr<link> make_link(std::string interface, std::string owner,
                                needed_addresses needed = {}, belongings kept = {});

}  // namespace peerage::netlink
