// Key pairs for WireGuard: X25519 (RFC 7748) through OpenSSL. Pure but for randomness; any thread
// may call. Failures are a broken OpenSSL, and so exceptions.
#pragma once

#include "model/key.h"

namespace peerage {

/// A new private key, clamped as `wg genkey` does: tools that compare the text see the same.
secret_key make_private_key();

/// A new preshared key: 32 random bytes, as `wg genpsk` makes them.
secret_key make_preshared_key();

/// The public key that belongs to a private one; the same for a key and its clamped form.
public_key public_of(const secret_key& private_key);

}  // namespace peerage
