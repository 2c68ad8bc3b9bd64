// A database's backup and its restoration. Both work on files that a daemon may have open: a backup
// is what was committed at one moment; a restoration is for a file that nobody has open.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/revision.h"

namespace peerage::sqlite {

/// What is in a database.
struct contents {
  revision at;
  std::uint64_t networks = 0, gateways = 0, peers = 0, tokens = 0;
  std::uint64_t unreadable = 0;         // of all these, and marks
  std::vector<std::string> examples{};  // of those: which, and why; 20 at most
};

/// Reads every record of a file of this program. errc::unsupported for a file of another program or
/// of a newer version; errc::corrupt for one that is damaged, or has tables or triggers that are
/// not this program's.
result<contents> examine(const std::string& file);

/// Copies `file` into a new file, 0600, which is there whole and fsynced or not at all.
/// errc::conflict where `into` is there, whatever it is, or is one that belongs to the database;
/// errc::not_found without a database; errc::full with field "disk"; errc::io, and as examine().
result<contents> back_up(const std::string& file, const std::string& into);

/// Puts a copy of `from` in the place of `file`, with an epoch of its own, by an atomic rename.
/// What was there is `aside` from then on, with its log. `from` is examined first, and stays as it
/// is. errc::conflict where `from` is the database itself, or `aside` is there; errors as
/// back_up().
result<contents> restore(const std::string& from, const std::string& file,
                         const std::string& aside);

/// Ends a restoration that was cut off between its last two steps. Before the database is opened.
result<> finish_restoration(const std::string& file);

}  // namespace peerage::sqlite
