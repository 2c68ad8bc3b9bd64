// The wg-quick file of a peer (wg-quick(8)), made of the API's answer and the keys that never left
// this machine. Pure. wg-quick runs as root and obeys lines like PostUp, so every value from the
// server is parsed and printed anew: errc::corrupt, naming the member, when one is not what it
// should be.
#pragma once

#include <optional>

#include "base/error.h"
#include "base/secret.h"
#include "json/json.h"
#include "model/key.h"

namespace peerage::cli {

/// Without `private_key` the file has no PrivateKey line.
result<secret_text> wg_quick_text(const json::value& peer,
                                  const std::optional<secret_key>& private_key,
                                  const std::optional<secret_key>& preshared_key);

}  // namespace peerage::cli
