// One daemon has an interface, whatever its state_dir and its gateway's name: the mark on the
// interface tells whose it was, and this who has it now.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/error.h"

namespace peerage {

struct interface_holder {
  pid_t pid = 0;        // 0: it is in a process namespace that is not seen from here
  std::string command;  // its command line, as far as it can be read
};

/// Whoever has the interface of that name in this network namespace.
std::optional<interface_holder> holder_of(const std::string& interface);

/// "process 4711 (peeraged --config /etc/peerage/b.toml)"
std::string text_of(const interface_holder& who);

/// Takes it for this process's life. errc::conflict where another has it; the message says who.
result<> claim_interface(const std::string& interface);

}  // namespace peerage
