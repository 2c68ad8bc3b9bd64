// The one question of rtnetlink that both a device and a link ask. Not for other rooms.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "netlink/route_codec.h"
#include "netlink/socket.h"

namespace peerage::netlink {

/// What the alias of a gateway's interface begins with.
inline constexpr std::string_view mark_prefix = "peerage:";

/// The interface of that name as `socket`, of NETLINK_ROUTE, sees it; nothing where there is none.
result<std::optional<link_facts>> find_link(kernel_socket& socket, const std::string& name);

}  // namespace peerage::netlink
