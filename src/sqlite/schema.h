// The database's shape, and the way from an empty or an older file to it.
#pragma once

#include "sqlite/database.h"

namespace peerage::sqlite {

/// Brings the file to this program's schema. errc::unsupported for a file from a newer version or
/// of another program, with what to do; errc::io.
result<> prepare_schema(database& db, const std::string& file);

/// A file of this program, of no newer version, with nothing in it that this program did not make:
/// errc::unsupported, errc::corrupt. Changes nothing.
result<> check_owner(database& db, const std::string& file);
bool is_newest(database& db);

}  // namespace peerage::sqlite
