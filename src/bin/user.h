// The user that a daemon which root started goes on as, and what may keep it from that.
#pragma once

#include <sys/types.h>

#include <string>

#include "config/config.h"

namespace peerage {

struct system_user {
  std::string name = "root";
  uid_t id = 0;
  gid_t group = 0;
};

/// `config.user`, else "peerage". errc::not_found with the command that makes it.
result<system_user> find_user(const daemon_config& config);

/// Of a folder. Root's where it is not there.
system_user owner_of(const std::string& folder);

/// Why the daemon can't run as this user, in words; empty: it can. Changes nothing. What the config
/// names outside the state_dir is tried with the user's rights, since it is not the daemon's to
/// give away. Before there is another thread.
std::string why_not_as(const system_user& user, const daemon_config& config);

}  // namespace peerage
