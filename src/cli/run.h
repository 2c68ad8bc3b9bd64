// The command `peerage`, whole: parses, runs, prints, and says how it ended. Main calls it once;
// tests call it with a world of their own. Never throws for what can happen outside.
#pragma once

#include "cli/surroundings.h"

namespace peerage::cli {

/// The exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 stored but still pending, 4 the
/// server can't be reached.
int run(int argc, const char* const* argv, surroundings& world);

}  // namespace peerage::cli
