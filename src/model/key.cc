#include "model/key.h"

#include <algorithm>
#include <random>

#include "base/base64.h"

namespace peerage {
namespace {

/// The points of low order on Curve25519, in the encodings below 2^255 that reach them (RFC 7748,
/// section 6.1, and https://cr.yp.to/ecdh.html#validate). The top bit is ignored by X25519.
constexpr std::array<std::string_view, 7> low_order = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
};

bool is_low_order(std::array<std::uint8_t, key_size> bytes) {
  bytes[key_size - 1] &= 0x7f;
  const std::string text = hex_encode(bytes);
  return std::find(low_order.begin(), low_order.end(), text) != low_order.end();
}

}  // namespace

result<public_key> public_key::parse(std::string_view base64) {
  public_key key;
  if (!base64_decode(base64, key.bytes_)) {
    return fail(errc::invalid,
                "must be 32 bytes in canonical base64: 44 characters, '=' at the end");
  }
  if (is_low_order(key.bytes_)) {
    return fail(errc::invalid, "is zero or a point of low order: no peer can use it safely");
  }
  return key;
}

std::string public_key::text() const {
  return base64_encode(bytes_);
}

result<secret_key> parse_secret_key(std::string_view base64) {
  secret_key key;
  if (!base64_decode(base64, key.reveal())) {
    return fail(errc::invalid,
                "must be 32 bytes in canonical base64: 44 characters, '=' at the end");
  }
  return key;
}

secret_key clamped(const secret_key& private_key) {
  secret_key key = private_key;
  const auto bytes = key.reveal();
  bytes.front() &= 0xf8U;
  bytes.back() = static_cast<std::uint8_t>((bytes.back() & 0x7fU) | 0x40U);
  return key;
}

namespace {

std::uint64_t& hash_seed() {
  static std::uint64_t seed = std::random_device{}() * 0x9e3779b97f4a7c15ULL;
  return seed;
}

}  // namespace

void seed_key_hashes(std::uint64_t seed) {
  hash_seed() = seed;
}

}  // namespace peerage

std::size_t std::hash<peerage::public_key>::operator()(
    const peerage::public_key& key) const noexcept {
  std::uint64_t mixed = peerage::hash_seed();
  for (std::size_t i = 0; i < peerage::key_size; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, key.bytes().data() + i, sizeof word);
    mixed = (mixed ^ word) * 0xff51afd7ed558ccdULL;
    mixed ^= mixed >> 32;
  }
  return mixed;
}
