// Telling the service manager that the daemon is ready: systemd's Type=notify.
#pragma once

namespace peerage {

/// READY=1 to the socket that $NOTIFY_SOCKET names; nothing where there is none. What fails is
/// logged, and left to the manager's own time limit.
void notify_ready();

}  // namespace peerage
