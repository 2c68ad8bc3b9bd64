// The userspace WireGuard (wireguard-go) as a device: for hosts whose kernel has none. Made and
// owned by the daemon's main, used by its agent, on the event loop; destroyed when no call is under
// way. The process outlives this object on purpose, so that traffic survives the daemon, and is
// found again. Errors as ports/device.h has them.
#pragma once

#include <memory>
#include <string>

#include "async/task.h"
#include "ports/device.h"

namespace peerage {

struct userspace_options {
  std::string interface;  // 1 to 15 of a-z A-Z 0-9 _ = + . -
  std::string program = "wireguard-go";
  std::string run_dir = "/var/run/wireguard";  // where the program has its socket
  std::string log_file;                        // the program's words; made 0600
};

struct userspace_device : device {
  /// Finds the process or starts it, within 5 s, and connects. Before the first call, and after the
  /// process died, everything else is errc::unavailable. A process that was started anew has
  /// neither key nor peers. Not to be called while apply() or configure() is under way.
  /// errc::unsupported: the program or /dev/net/tun is missing. errc::denied: not root.
  /// errc::conflict: the name is in use here, or by another network namespace's process.
  /// errc::invalid: the interface's name, or the socket's path is too long. errc::timeout: it runs
  /// and does not answer. errc::io, errc::unavailable: it died at once.
  virtual task<result<>> ensure_running() = 0;
};

/// errc::unsupported where the program or /dev/net/tun is missing; else it may still fail.
result<> can_run_userspace(const std::string& program = "wireguard-go");

/// Whether such a program listens for an interface of that name.
bool userspace_has(const std::string& interface, const std::string& run_dir = "/var/run/wireguard");

/// Does nothing yet; a bad name is said by ensure_running().
std::unique_ptr<userspace_device> make_userspace_device(asio::any_io_executor loop,
                                                        userspace_options options);

}  // namespace peerage
