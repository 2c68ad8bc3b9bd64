// What root gives to the user that the daemon goes on as, and to nobody else.
#pragma once

#include <string>

#include "base/error.h"
#include "bin/user.h"

namespace peerage {

/// The state_dir, which the caller has locked, and the daemon's files in it: what is root's or
/// `from`'s becomes `to`'s. No symbolic link is followed, and a file of several names (hard links)
/// is errc::denied, since it could be somebody else's; then nothing has changed. Also errc::io.
result<> hand_over(const std::string& state_dir, const system_user& from, const system_user& to);

/// Whether a wireguard-go that root started has this interface. Its socket can't change its owner:
/// wireguard-go takes that for the socket's end, and for its own.
bool root_has_userspace(const std::string& interface);

/// What wireguard-go needs of the host beside CAP_NET_ADMIN: to open /dev/net/tun, and to have a
/// socket of the interface's name in /var/run/wireguard, where it can't touch others'. One of
/// `from` that runs for the interface ends. errc::denied, errc::io.
result<> open_tunnels(const std::string& interface, const system_user& from, const system_user& to);

}  // namespace peerage
