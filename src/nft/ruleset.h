// The wall as nftables' own text: what a plan looks like, and what leads from one to another. Pure.
// Inside this room. One table for each gateway, in its own name; a set element for a network, none
// for a peer.
#pragma once

#include <string>
#include <vector>

#include "ports/wall.h"

namespace peerage::nft {

struct port_opening {
  std::string protocol;  // "tcp" or "udp"
  std::uint16_t port = 0;
};

struct wall_options {
  std::string table;               // "peerage-gw-1"
  std::string interface;           // "wg0"
  std::vector<port_opening> open;  // on the gateway's own addresses
  std::string note_file = {};      // what was built last, for the next start; "": none
};

/// All of it, in the place of whatever is there under that name: one transaction.
std::string build(const wall_options& options, const wall_plan& plan);

/// What is to be added and removed, one transaction; "" where nothing is.
std::string change(const wall_options& options, const wall_plan& from, const wall_plan& to);

/// Removes it, also where there is none.
std::string demolish(const wall_options& options);

}  // namespace peerage::nft
