// Small files that are nobody else's: whole, 0600, safe against a power cut, and never reached
// through a symbolic link that somebody put in their place.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/secret.h"

namespace peerage {

/// Written under a new name beside it and moved into place, 0600, fsynced with its folder. A
/// symbolic link in its place is errc::denied. Also errc::io.
result<> write_private_file(const std::string& path, std::string_view text);

/// At most 64 KiB; white space at the end is cut off. errc::not_found; errc::denied for a symbolic
/// link, and as check_secret_file(); errc::io.
result<secret_text> read_private_file(const std::string& path);

/// The same for a file that the config names: it may be reached through symbolic links.
result<secret_text> read_secret_file(const std::string& path);

/// Nobody but its owner and perhaps a group reads the file, nobody else writes it, and its owner is
/// this user or root: else errc::denied with the command that mends it. Also errc::not_found,
/// errc::io.
result<> check_secret_file(const std::string& path);

/// All of it, however often a write is cut short. False: errno says why.
bool write_whole(int file, std::string_view text);

/// Makes the name of a file durable, by its folder. errc::denied, errc::not_found, errc::io.
result<> sync_folder_of(const std::string& path);

/// errc::denied where the path is a symbolic link. One that is absent is fine.
result<> refuse_symlink(const std::string& path);

}  // namespace peerage
