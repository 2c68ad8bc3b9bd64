// A gateway's mirror (ports/mirror.h) as one SQLite file, which holds preshared keys: 0600.
#pragma once

#include <memory>
#include <string>

#include "ports/mirror.h"

namespace peerage {

/// Opens the file, or makes it. One that can't be used, corrupt or of a newer version, is put aside
/// as FILE.unusable, and a new one made: a mirror must never keep a gateway from starting.
/// errc::io. The folder must exist.
result<std::unique_ptr<mirror>> open_sqlite_mirror(const std::string& file);

}  // namespace peerage
