// Everything a run of the command takes from outside: streams, environment, clock. Made by main, or
// by a test; handed down, so that nothing below asks the system for it.
#pragma once

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <map>
#include <string>
#include <string_view>

#include "base/time.h"

namespace peerage::cli {

struct surroundings {
  std::istream& in;
  std::ostream& out;  // data
  std::ostream& err;  // everything said to a person
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  std::size_t err_columns = 0;  // of the terminal; 0: unknown
  bool ipv6_works = true;       // a new interface of this host can have an IPv6 address
  std::map<std::string, std::string, std::less<>> environment{};
  std::function<wall_time()> now;
  /// A call ends after so long, waits of a server that asks for patience included.
  milliseconds patience{20'000};
  /// Of the daemon on this machine; read for the default URL alone.
  std::string admin_token_file = "/var/lib/peerage/admin-token";
  std::string proc_net = "/proc/net";  // who listens on this machine

  /// "" where it is not set: an empty variable is none.
  std::string variable(std::string_view name) const {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
  }
};

}  // namespace peerage::cli
