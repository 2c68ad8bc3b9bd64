// Connecting to a host by name, for every client of this program: one resolver, and a race between
// the addresses that a name has (RFC 8305), so that one that does not answer costs little.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "async/task.h"
#include "base/error.h"
#include "base/time.h"

namespace peerage::http {

using endpoints = std::vector<asio::ip::tcp::endpoint>;

/// The addresses of a host, in the order in which to try them. It may block: it is called on a
/// thread of its own. errc::unavailable, with the resolver's words.
using resolver = std::function<result<endpoints>(const std::string& host, std::uint16_t port)>;

/// The operating system's: /etc/hosts, DNS, whatever nsswitch.conf names.
result<endpoints> resolve_by_system(const std::string& host, std::uint16_t port);

/// A socket that is connected to the host. Addresses are tried in turn, families alternating, the
/// next one 250 ms after the last or as soon as that has failed; the first that answers wins.
/// `limit`, from now, ends it, also while the name is looked up: a lookup that hangs holds up
/// nobody else. Cancelling closes what is under way. On the event loop's thread.
///
/// errc::unavailable: "Connection refused", "its name was not found: …", "no answer in time".
task<result<asio::ip::tcp::socket>> dial(asio::any_io_executor loop, std::string host,
                                         std::uint16_t port, steady_duration limit,
                                         resolver by = resolve_by_system);

}  // namespace peerage::http
