#include "crypto/sha256.h"

#include <openssl/evp.h>

#include <stdexcept>

namespace peerage {
namespace {

std::array<std::uint8_t, 32> digest(const void* data, std::size_t size) {
  // Fetched once: looking an algorithm up costs more than hashing a token does.
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  std::array<std::uint8_t, 32> out{};
  unsigned length = 0;
  if (algorithm == nullptr ||
      EVP_Digest(data, size, out.data(), &length, algorithm, nullptr) != 1 ||
      length != out.size()) {
    throw std::runtime_error("OpenSSL has no SHA-256");
  }
  return out;
}

}  // namespace

std::array<std::uint8_t, 32> sha256(std::span<const std::uint8_t> bytes) {
  return digest(bytes.data(), bytes.size());
}

std::array<std::uint8_t, 32> sha256(std::string_view text) {
  return digest(text.data(), text.size());
}

}  // namespace peerage
