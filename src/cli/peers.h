// Lists of peers, for the commands that show them and for the one that removes them. Fails as
// session does.
#pragma once

#include <optional>
#include <string>

#include "cli/session.h"

namespace peerage::cli {

/// Every peer of the network; with `stale`, those without a handshake for so long.
answer<json::value> peers_of(session& in, const std::string& network,
                             const std::optional<seconds>& stale);

std::string peer_table(const session& in, const json::value& list, bool colours);

}  // namespace peerage::cli
