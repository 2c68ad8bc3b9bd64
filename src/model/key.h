// WireGuard's keys: 32 bytes each, written as canonical base64 (44 characters).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/secret.h"

namespace peerage {

inline constexpr std::size_t key_size = 32;

class public_key {
 public:
  public_key() = default;
  explicit public_key(std::span<const std::uint8_t, key_size> bytes) {
    std::copy(bytes.begin(), bytes.end(), bytes_.begin());
  }

  /// errc::invalid unless the text is 32 bytes in canonical base64 and usable as a peer: not zero
  /// and not a point of low order, with which every handshake has the same, public, secret.
  static result<public_key> parse(std::string_view base64);

  std::string text() const;
  std::span<const std::uint8_t, key_size> bytes() const { return bytes_; }
  auto operator<=>(const public_key&) const = default;

 private:
  std::array<std::uint8_t, key_size> bytes_{};
};

/// A preshared or a private key: never printed, wiped when it goes.
using secret_key = secret_bytes<key_size>;

/// errc::invalid unless the text is 32 bytes in canonical base64.
result<secret_key> parse_secret_key(std::string_view base64);

/// The private key as X25519 uses it (RFC 7748, section 5), and as WireGuard devices keep it.
secret_key clamped(const secret_key& private_key);

}  // namespace peerage

namespace peerage {

/// Which places keys get in hash tables is decided by a seed: random, unless it is given here,
/// before the first table of this process is made, so that a simulation can be repeated.
void seed_key_hashes(std::uint64_t seed);

}  // namespace peerage

template <>
struct std::hash<peerage::public_key> {
  // Keys of honest peers are uniform already; a hostile one may choose its bytes, so the hash mixes
  // all of them with a seed of this process.
  std::size_t operator()(const peerage::public_key& key) const noexcept;
};
