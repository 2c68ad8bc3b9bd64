#include "crypto/random.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <array>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "base/base64.h"

namespace peerage {

void fill_random(std::span<std::uint8_t> out) {
  if (out.empty()) return;
  if (RAND_priv_bytes_ex(nullptr, out.data(), out.size(), 256) != 1) {
    throw std::runtime_error("the system gives no randomness");
  }
}

std::string random_label(std::size_t length, const randomness& from) {
  constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  std::vector<std::uint8_t> bytes(length);
  if (length > 0) from(bytes);
  std::string text(length, '\0');
  // 32 characters divide 256 evenly, so that each is as likely as any other.
  for (std::size_t i = 0; i < length; ++i) text[i] = alphabet[bytes[i] & 31U];
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return text;
}

std::string random_id(const randomness& from) {
  std::array<std::uint8_t, 16> bytes{};
  from(bytes);
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0fU) | 0x40U);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3fU) | 0x80U);
  std::string text = hex_encode(bytes);
  for (const std::size_t at : {8U, 13U, 18U, 23U}) text.insert(at, 1, '-');
  return text;
}

}  // namespace peerage
