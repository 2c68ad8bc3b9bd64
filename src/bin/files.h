// The daemon's own files: private, whole, and safe against a power cut.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "base/secret.h"
#include "model/key.h"

namespace peerage {

/// The folder, made 0700 where it is absent, and locked for this process until it ends.
/// errc::conflict where another process has it; errc::io, errc::denied.
result<> claim_state_dir(const std::string& path);

/// Written beside and moved into place, 0600, fsynced with its folder.
result<> write_private_file(const std::string& path, std::string_view text);

/// errc::not_found, errc::io. At most 64 KiB; white space at the end is cut off.
result<secret_text> read_private_file(const std::string& path);

/// A private key. errc::invalid for another content.
result<secret_key> read_key(const std::string& path);

/// The gateway's private key, made where the file is absent. errc::invalid for another content.
result<secret_key> load_or_make_key(const std::string& path);

/// A random id that stays, made where the file is absent. errc::invalid for another content.
result<std::string> load_or_make_id(const std::string& path);

}  // namespace peerage
