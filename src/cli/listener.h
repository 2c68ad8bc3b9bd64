// Who listens where the daemon of this host should: while it is down, any user may take its port.
//
// The kernel's table of sockets is looked at before the token is sent. A daemon that listens on a
// Unix socket in its state_dir needs no look: nobody else makes one there. To profit from the
// moment between the look and the connection somebody would have to take the port just when the
// daemon dies in it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace peerage::cli {

/// The users who listen on 127.0.0.1 at that port, in the text of /proc/net/tcp or /proc/net/tcp6.
/// Pure.
std::vector<uid_t> listeners(std::string_view table, std::uint16_t port);

/// errc::denied where anybody listens there but root, this user and the owner of `state_dir`.
/// `proc_net` is "/proc/net", where a table that is missing has nobody.
result<> check_listener(const std::string& proc_net, std::uint16_t port,
                        const std::string& state_dir);

}  // namespace peerage::cli
