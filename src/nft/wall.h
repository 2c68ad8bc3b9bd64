// The wall in the kernel's nftables, through libnftables. Owned by main, used on one thread; the
// table outlives it.
#pragma once

#include <memory>

#include "nft/ruleset.h"
#include "ports/wall.h"

namespace peerage::nft {

/// In the network namespace of the caller's thread. To be made while the process has few files
/// open: the library can't use a descriptor above 1,023.
std::unique_ptr<wall> make_wall(wall_options options);

}  // namespace peerage::nft
