// What this process may do on its host: no more than its roles need.
#pragma once

#include "config/config.h"

namespace peerage {

/// Whether it may make and change network interfaces.
bool may_administer_network();

/// Gives up every capability but those that the roles need: CAP_NET_ADMIN for a gateway, and
/// CAP_NET_BIND_SERVICE where the API listens below port 1024. For good, and for the programs that
/// it starts. Before there is any other thread: a capability is a thread's own. No core file and no
/// other process shows its memory from then on.
void drop_privileges(const daemon_config& config);

}  // namespace peerage
