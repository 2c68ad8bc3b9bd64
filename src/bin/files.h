// The daemon's own files: private, whole, and safe against a power cut.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/error.h"
#include "base/private_file.h"
#include "base/secret.h"
#include "model/key.h"

namespace peerage {

/// The folder, made 0700 where it is absent, and locked for this process until it ends.
/// errc::conflict where another process has it; errc::denied where another user owns it, than this
/// one, root or the one given, or could write in it, or where there is a symbolic link in it, with
/// what mends that; errc::io.
result<> claim_state_dir(const std::string& path, std::optional<uid_t> also_owned_by = {});

/// The gateway's private key, made where the file is absent. errc::invalid for another content.
result<secret_key> load_or_make_key(const std::string& path);

/// A random id that stays, made where the file is absent. errc::invalid for another content.
result<std::string> load_or_make_id(const std::string& path);

}  // namespace peerage
