// A gateway's sightings (ports/sightings.h) as one SQLite file, 0600.
#pragma once

#include <memory>
#include <string>

#include "ports/sightings.h"

namespace peerage {

/// Opens the file, or makes it, and then its memory begins `now`. One that can't be used is put
/// aside as FILE.unusable, as a mirror is. errc::io. The folder must exist.
result<std::unique_ptr<sightings>> open_sqlite_sightings(const std::string& file, wall_time now);

}  // namespace peerage
