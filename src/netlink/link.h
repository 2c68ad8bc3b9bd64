// An interface as ports/link.h wants it, over rtnetlink: any interface, also a tun that a userspace
// WireGuard made. Made by the daemon, which owns it; called from the loop's thread. What fails, and
// how, is said in ports/link.h.
#pragma once

#include <memory>
#include <string>

#include "ports/link.h"

namespace peerage::netlink {

/// `interface` in the network namespace that the calling thread is in at the first call. Its mark
/// is its alias, "peerage:" and `owner`, which `ip link` shows; 200 bytes of owner at most.
std::unique_ptr<link> make_link(std::string interface, std::string owner);

}  // namespace peerage::netlink
