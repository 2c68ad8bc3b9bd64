// A fleet behind the locks of packaging/: NATS with its permissions over TLS, Consul with its
// policies, each process with credentials of its own, as an operator makes them. For tests alone.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/certificates.h"
#include "tests/live/fleet.h"

namespace peerage::live {

/// Consul and NATS run; the processes are added with options_of() what each may hold.
class locked_fleet {
 public:
  /// The token that may do everything in Consul.
  static constexpr const char* master = "root-token";

  locked_fleet();
  /// The credentials of "api", "gw-fra-1" or "gw-iad-1"; each call makes another Consul token.
  node_options options_of(const std::string& who);

  std::string nkey_file(const std::string& who) const { return made.file(who + ".nkey"); }
  std::string token_file(const std::string& who) const { return made.file(who + ".token"); }

  testing_tools::certificates made;
  fleet all;

 private:
  void lock(fleet& on) const;
  void make_token(const std::string& file, const std::string& name) const;
};

}  // namespace peerage::live
