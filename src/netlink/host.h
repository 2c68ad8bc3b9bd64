// What a host has and needs itself, so that no network takes it away: its addresses with the ranges
// that they are in, its routers, and what its services are told to be needed. Inside this room.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "netlink/link.h"
#include "netlink/socket.h"

namespace peerage::netlink {

struct host_use {
  prefix what;
  std::string why;  // "this host has 192.0.2.1/24 on interface eth0"
};

/// But for the interface `own`. Errors: the kernel's, errc::io.
result<std::vector<host_use>> look_at_host(kernel_socket& socket, std::uint32_t own,
                                           const std::vector<needed_address>& needed);

/// The first use that overlaps `wanted`; none: nullptr. A range of everything, as a point-to-point
/// link may have, says nothing.
const host_use* use_of(const prefix& wanted, const std::vector<host_use>& uses);

}  // namespace peerage::netlink
