// A file that a gateway keeps for itself and can do without: its mirror, its sightings. One that
// can't be used never keeps a gateway from starting: it is put aside. For this room alone.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sqlite/database.h"

namespace peerage::sqlite {

/// Opens the file, with exactly these tables, as SQLite keeps their texts, in order of their names;
/// `version` is its user_version, and `upgrade` makes these tables of the version before, where
/// that was another one. What was written last may be lost in a power cut, and nothing
/// before it. errc::io; errc::corrupt for a damaged one, or with other tables; errc::unsupported
/// for a newer version.
result<std::unique_ptr<database>> open_own_file(const std::string& file,
                                                const std::vector<std::string>& tables,
                                                std::int64_t version,
                                                const std::string& upgrade = {});

/// Where the file was not usable, it is FILE.unusable from now on; false when that was no help.
bool put_aside(const std::string& file);

}  // namespace peerage::sqlite
