// The kernel's WireGuard as ports/device.h wants it, over generic netlink. Made by the daemon,
// which owns it and destroys it when none of its calls runs any more; called from the loop's
// thread. What fails, and how, is said in ports/device.h; also errc::denied without CAP_NET_ADMIN
// and errc::unsupported where the kernel has no WireGuard.
#pragma once

#include <memory>
#include <string>

#include "ports/device.h"

namespace peerage::netlink {

/// For the interface of that name in the network namespace that the calling thread is in. Never
/// fails: a kernel that can't be talked to is said by the first call that needs it, and tried again
/// by the next. A cancelled lost() throws operation_aborted, as Asio's own waits do.
std::unique_ptr<device> make_kernel_device(asio::any_io_executor loop, std::string interface);

/// Whether this kernel has WireGuard, which it may load for the question.
bool kernel_has_wireguard();

}  // namespace peerage::netlink
