// Which server, network and token a run uses: flags before environment before config file before
// defaults. Reads files, and nothing else; called once by a session. Failures are wrong usage.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "cli/failure.h"
#include "cli/options.h"
#include "cli/surroundings.h"

namespace peerage::cli {

inline constexpr std::string_view default_server = "http://127.0.0.1:7420";
inline constexpr std::uint16_t default_port = 7420;

struct settings {
  std::string server;
  std::string ca_file;            // empty: the system's authorities
  std::string network;            // empty: the server says which there are
  secret_text token;              // empty: none was found, and the server may refuse
  bool token_is_daemons = false;  // read from its state_dir, unasked
  std::string warning;            // of a token that others can read; empty: none
  std::string token_note;         // why none was found, for the person who is refused
};

/// The token, in order: --token-file, PEERAGE_TOKEN, the config file's token_file, and for the
/// default address alone the daemon's own. At the default URL, where nobody named it or with the
/// daemon's own token, the one who listens must be root, this user or the daemon's: see listener.h.
answer<settings> find_settings(const invocation& asked, const surroundings& world);

}  // namespace peerage::cli
