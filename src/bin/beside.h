// A daemon that runs on this host with the same state_dir, as --check sees it from beside.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "config/config.h"

namespace peerage {

struct running_daemon {
  bool running = false;                 // else `config` is of the last one that ran
  pid_t pid = 0;                        // where it runs
  std::optional<daemon_config> config;  // absent: none has left it here
};

running_daemon look_beside(const std::string& state_dir, const std::string& host_name);

/// For look_beside(): what this daemon runs with, in its state_dir. Where the disk does not take it
/// there is none: a start has more important things to do there.
void leave_config(const daemon_config& config);

/// Whether the gateway's device could listen there, over IPv4 and IPv6: errc::conflict where
/// somebody does, with who that is as far as this user can see; errc::denied, errc::io.
result<> try_udp_port(std::uint16_t port);

}  // namespace peerage
