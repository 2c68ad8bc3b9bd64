// A file that a gateway keeps for itself and can do without: its mirror, its sightings. One that
// can't be used never keeps a gateway from starting: it is put aside. For this room alone.
#pragma once

#include <memory>
#include <string>

#include "sqlite/database.h"

namespace peerage::sqlite {

/// Opens the file with this schema, which sets user_version to `version`. What was written last may
/// be lost in a power cut, and nothing before it. errc::io; errc::unsupported for a newer version.
result<std::unique_ptr<database>> open_own_file(const std::string& file, const std::string& schema,
                                                std::int64_t version);

/// Where the file was not usable, it is FILE.unusable from now on; false when that was no help.
bool put_aside(const std::string& file);

}  // namespace peerage::sqlite
