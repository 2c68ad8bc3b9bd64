// A user's key pair as NATS servers know them (github.com/nats-io/nkeys): Ed25519 (RFC 8032)
// through OpenSSL. Failures are a broken OpenSSL, and so exceptions.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/secret.h"

namespace peerage {

struct nkey_user {
  secret_text seed;  // "SU…", 58 characters
  std::string open;  // "U…", 56 characters: what the server's configuration names
};

/// Of a seed of 32 random bytes.
nkey_user nkey_user_of(std::span<const std::uint8_t, 32> seed);
nkey_user make_nkey_user();

}  // namespace peerage
