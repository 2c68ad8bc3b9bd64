// Keys that two parties agree on and what they vouch for with them: X25519 (RFC 7748), HKDF
// (RFC 5869) and HMAC (RFC 2104) with SHA-256, through OpenSSL. One thread at a time; failures are
// a broken OpenSSL, and so exceptions.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string_view>

#include "base/error.h"
#include "model/key.h"

namespace peerage {

/// What both sides get from their own private and the other's public key. errc::invalid for a
/// public key of low order, with which everybody would get the same.
result<secret_key> agree(const secret_key& mine, const public_key& theirs);

/// A key for one use out of what was agreed: HKDF without a salt.
secret_key derive(const secret_key& agreed, std::string_view use);

/// A keyed HMAC-SHA256, ready for many messages: about 1 µs each for those of a bus.
class authenticator {
 public:
  using tag = std::array<std::uint8_t, 32>;

  explicit authenticator(const secret_key& key);
  ~authenticator();
  authenticator(authenticator&& from) noexcept;
  authenticator& operator=(authenticator&& from) noexcept;

  /// Over the parts one after the other; they are not told apart, so the caller separates them.
  tag of(std::initializer_list<std::string_view> parts) const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace peerage
