// The kernel's notices of links, addresses, routes and nftables, as ports/host_news.h wants them.
// Owned by the daemon, used on the loop's thread.
#pragma once

#include <memory>
#include <string>

#include "async/task.h"
#include "netlink/wire.h"
#include "ports/host_news.h"

namespace peerage::netlink {

/// In the network namespace that the caller's thread is in.
std::unique_ptr<host_news> make_host_news(asio::any_io_executor loop, std::string interface);

/// Whether a notice of rtnetlink is about what the gateway's interface, of index `own`, stands on:
/// what it loses itself, and what other interfaces get and lose of addresses.
bool route_notice_matters(const message& notice, std::uint32_t own);
/// Whether a notice of nftables is of a change that another process than `own` has made.
bool nft_notice_matters(const message& notice, std::uint32_t own);

}  // namespace peerage::netlink
