#include "crypto/mac.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <stdexcept>
#include <utility>

namespace peerage {
namespace {

template <auto Free>
struct freed {
  template <class T>
  void operator()(T* it) const {
    Free(it);
  }
};
template <class T, auto Free>
using owned = std::unique_ptr<T, freed<Free>>;
using key_pair = owned<EVP_PKEY, EVP_PKEY_free>;

[[noreturn]] void broken(const char* what) {
  throw std::runtime_error(std::string("OpenSSL has no ") + what);
}

// OpenSSL writes to what it takes as read.
OSSL_PARAM digest_name() {
  static char name[] = "SHA256";
  return OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0);
}

}  // namespace

result<secret_key> agree(const secret_key& mine, const public_key& theirs) {
  const auto secret = mine.reveal();
  const auto open = theirs.bytes();
  const key_pair own(
      EVP_PKEY_new_raw_private_key_ex(nullptr, "X25519", nullptr, secret.data(), secret.size()));
  const key_pair other(
      EVP_PKEY_new_raw_public_key_ex(nullptr, "X25519", nullptr, open.data(), open.size()));
  const owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
      own ? EVP_PKEY_CTX_new_from_pkey(nullptr, own.get(), nullptr) : nullptr);
  if (!other || !context || EVP_PKEY_derive_init(context.get()) != 1) broken("X25519");
  secret_key made;
  std::size_t size = made.reveal().size();
  // It refuses the shared secret that is all zeros (RFC 7748, section 6.1).
  if (EVP_PKEY_derive_set_peer(context.get(), other.get()) != 1 ||
      EVP_PKEY_derive(context.get(), made.reveal().data(), &size) != 1 ||
      size != made.reveal().size()) {
    return fail(errc::invalid, "a key of low order agrees on nothing secret");
  }
  return made;
}

secret_key derive(const secret_key& agreed, std::string_view use) {
  const owned<EVP_KDF, EVP_KDF_free> algorithm(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  const owned<EVP_KDF_CTX, EVP_KDF_CTX_free> context(algorithm ? EVP_KDF_CTX_new(algorithm.get())
                                                               : nullptr);
  secret_key from = agreed;
  std::string info(use);
  const OSSL_PARAM parameters[] = {
      digest_name(),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, from.reveal().data(), key_size),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()),
      OSSL_PARAM_construct_end()};
  secret_key made;
  if (!context || EVP_KDF_derive(context.get(), made.reveal().data(), key_size, parameters) != 1) {
    broken("HKDF");
  }
  return made;
}

struct authenticator::state {
  owned<EVP_MAC_CTX, EVP_MAC_CTX_free> context;
};

authenticator::authenticator(const secret_key& key) : state_(std::make_unique<state>()) {
  const owned<EVP_MAC, EVP_MAC_free> algorithm(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  state_->context.reset(algorithm ? EVP_MAC_CTX_new(algorithm.get()) : nullptr);
  const OSSL_PARAM parameters[] = {digest_name(), OSSL_PARAM_construct_end()};
  if (!state_->context ||
      EVP_MAC_init(state_->context.get(), key.reveal().data(), key_size, parameters) != 1) {
    broken("HMAC");
  }
}

authenticator::~authenticator() = default;
authenticator::authenticator(authenticator&& from) noexcept = default;
authenticator& authenticator::operator=(authenticator&& from) noexcept = default;

authenticator::tag authenticator::of(std::initializer_list<std::string_view> parts) const {
  EVP_MAC_CTX* const context = state_->context.get();
  // Without a key it begins anew with the one it has.
  bool good = EVP_MAC_init(context, nullptr, 0, nullptr) == 1;
  for (const std::string_view each : parts) {
    good = good && EVP_MAC_update(context, reinterpret_cast<const unsigned char*>(each.data()),
                                  each.size()) == 1;
  }
  tag made{};
  std::size_t size = 0;
  if (!good || EVP_MAC_final(context, made.data(), &size, made.size()) != 1 ||
      size != made.size()) {
    broken("HMAC");
  }
  return made;
}

}  // namespace peerage
