#include "crypto/nkey.h"

#include <openssl/evp.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "crypto/random.h"

namespace peerage {
namespace {

// The first bits of the text are its first letters.
constexpr std::uint8_t seed_prefix = 18 << 3;  // S
constexpr std::uint8_t user_prefix = 20 << 3;  // U

/// CRC-16 as XMODEM has it: polynomial 0x1021, from 0.
std::uint16_t checksum(std::span<const std::uint8_t> bytes) {
  unsigned sum = 0;
  for (const std::uint8_t each : bytes) {
    sum ^= static_cast<unsigned>(each) << 8U;
    for (int bit = 0; bit < 8; ++bit) {
      sum = (sum & 0x8000U) != 0 ? (sum << 1U) ^ 0x1021U : sum << 1U;
    }
    sum &= 0xffffU;
  }
  return static_cast<std::uint16_t>(sum);
}

/// Base32 (RFC 4648) without padding, over the bytes and their checksum, its low byte first.
std::string encode(std::vector<std::uint8_t> bytes) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const std::uint16_t sum = checksum(bytes);
  bytes.push_back(static_cast<std::uint8_t>(sum & 0xffU));
  bytes.push_back(static_cast<std::uint8_t>(sum >> 8U));
  std::string made;
  unsigned held = 0;
  unsigned bits = 0;
  for (const std::uint8_t each : bytes) {
    held = (held << 8U) | each;
    for (bits += 8; bits >= 5; bits -= 5) made += letters[(held >> (bits - 5)) & 31U];
    held &= 0xffU;
  }
  if (bits > 0) made += letters[(held << (5 - bits)) & 31U];
  wipe(bytes.data(), bytes.size());
  return made;
}

}  // namespace

nkey_user nkey_user_of(std::span<const std::uint8_t, 32> seed) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pair(
      EVP_PKEY_new_raw_private_key_ex(nullptr, "ED25519", nullptr, seed.data(), seed.size()),
      &EVP_PKEY_free);
  std::array<std::uint8_t, 32> open{};
  std::size_t size = open.size();
  if (!pair || EVP_PKEY_get_raw_public_key(pair.get(), open.data(), &size) != 1 ||
      size != open.size()) {
    throw std::runtime_error("OpenSSL has no Ed25519");
  }
  std::vector<std::uint8_t> hidden{static_cast<std::uint8_t>(seed_prefix | (user_prefix >> 5U)),
                                   static_cast<std::uint8_t>((user_prefix & 31U) << 3U)};
  hidden.insert(hidden.end(), seed.begin(), seed.end());
  std::vector<std::uint8_t> shown{user_prefix};
  shown.insert(shown.end(), open.begin(), open.end());
  return {secret_text(encode(std::move(hidden))), encode(std::move(shown))};
}

nkey_user make_nkey_user() {
  secret_bytes<32> seed;
  fill_random(seed.reveal());
  return nkey_user_of(std::span<const std::uint8_t, 32>(seed.reveal()));
}

}  // namespace peerage
