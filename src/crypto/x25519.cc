#include "crypto/x25519.h"

#include <openssl/evp.h>

#include <array>
#include <memory>
#include <stdexcept>

#include "crypto/random.h"

namespace peerage {

secret_key make_private_key() {
  return clamped(make_preshared_key());
}

secret_key make_preshared_key() {
  secret_key key;
  fill_random(key.reveal());
  return key;
}

public_key public_of(const secret_key& private_key) {
  const auto bytes = private_key.reveal();
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pair(
      EVP_PKEY_new_raw_private_key_ex(nullptr, "X25519", nullptr, bytes.data(), bytes.size()),
      &EVP_PKEY_free);
  std::array<std::uint8_t, key_size> out{};
  std::size_t size = out.size();
  if (!pair || EVP_PKEY_get_raw_public_key(pair.get(), out.data(), &size) != 1 ||
      size != out.size()) {
    throw std::runtime_error("OpenSSL has no X25519");
  }
  return public_key(out);
}

}  // namespace peerage
