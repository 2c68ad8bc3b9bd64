// The daemon's own files: private, whole, and safe against a power cut.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/error.h"
#include "base/private_file.h"
#include "base/secret.h"
#include "model/key.h"

namespace peerage {

/// errc::denied where another user than this one, root, or `also` owns the folder, or could write
/// in it, or where there is a symbolic link in it, with what mends that; errc::not_found, errc::io.
result<> check_state_dir(const std::string& path, uid_t also = 0);

/// errc::denied where the folder is there and this user can't look into it: then nothing that is
/// said of it would be so.
result<> may_enter(const std::string& state_dir);

/// The folder, made 0700 where it is absent, checked, and locked for this process until it ends.
/// errc::conflict where another process has it; errors as check_state_dir().
result<> claim_state_dir(const std::string& path, uid_t also = 0);

/// Where the file is; "." for a bare name.
std::string folder_of(const std::string& path);

/// errc::denied where nothing could be made in the folder, or, where that is absent, in the first
/// one above it that is there.
result<> can_make_in(std::string folder);

/// A private key. errc::invalid for another content.
result<secret_key> read_key(const std::string& path);

/// The gateway's private key, made where the file is absent. errc::invalid for another content.
result<secret_key> load_or_make_key(const std::string& path);

/// A random id that stays, made where the file is absent. errc::invalid for another content.
result<std::string> load_or_make_id(const std::string& path);

}  // namespace peerage
