// The wg-quick file of a peer (wg-quick(8)), made of the API's answer and the keys that never left
// this machine. Pure. wg-quick runs as root and obeys lines like PostUp, so every value from the
// server is parsed and printed anew: errc::corrupt, naming the member, when one is not what it
// should be.
#pragma once

#include <optional>

#include "base/error.h"
#include "base/secret.h"
#include "json/json.h"
#include "model/ip.h"
#include "model/key.h"

namespace peerage::cli {

/// Without `private_key` the file has a comment in place of the PrivateKey line. With `only`, the
/// addresses, routes and DNS servers of that family: errc::unsupported where there is no address or
/// route of it, or the gateway's endpoint is an address of the other one. An endpoint that is a
/// name stays.
result<secret_text> wg_quick_text(const json::value& peer,
                                  const std::optional<secret_key>& private_key,
                                  const std::optional<secret_key>& preshared_key,
                                  std::optional<family> only = {});

/// "IPv4", "IPv6".
std::string_view name_of(family which);

}  // namespace peerage::cli
