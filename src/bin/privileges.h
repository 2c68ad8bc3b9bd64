// What this process may do on its host: no more than its roles need.
#pragma once

#include "bin/user.h"
#include "config/config.h"

namespace peerage {

/// Whether it may make and change network interfaces.
bool may_administer_network();

/// Root's rights go, for good and for the programs that it starts: the process goes on as the
/// config's user where it can, and has no capability but those that the roles need, CAP_NET_ADMIN
/// for a gateway and CAP_NET_BIND_SERVICE where the API listens below port 1024. Where it can't, it
/// stays root without the others, and the log says why. No core file and no other process shows its
/// memory from then on. The caller has locked the state_dir, which goes to that user. Before there
/// is any other thread: a capability is a thread's own. errc::not_found: the config names a user
/// that is not there; errc::io, and errc::denied: it is neither of the two users, and must end.
result<> drop_privileges(const daemon_config& config);

/// Whom drop_privileges() would go on as; an error says why it would stay root. For --check.
result<system_user> next_user(const daemon_config& config);

/// Root at work on a state_dir of another user's goes on as that user, with the daemon's
/// capabilities: what it makes there is the daemon's then, and what lies there leads it nowhere
/// else. For the jobs beside the daemon. errc::denied, errc::io.
result<> act_as_owner(const daemon_config& config);

}  // namespace peerage
