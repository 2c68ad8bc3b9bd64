#include "crypto/mac.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "base/base64.h"
#include "crypto/x25519.h"

namespace peerage {
namespace {

secret_key secret_of(std::string_view hex) {
  std::array<std::uint8_t, key_size> bytes{};
  EXPECT_TRUE(hex_decode(hex, bytes));
  return secret_key(bytes);
}

// RFC 7748, section 6.1.
TEST(agreement, both_sides_get_the_secret_of_the_rfc) {
  const auto alice = secret_of("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  const auto bob = secret_of("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  const auto here = agree(alice, public_of(bob));
  const auto there = agree(bob, public_of(alice));
  ASSERT_TRUE(here && there);
  EXPECT_EQ(hex_encode(here->reveal()),
            "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
  EXPECT_EQ(hex_encode(there->reveal()), hex_encode(here->reveal()));
}

TEST(agreement, a_key_of_low_order_is_refused) {
  const public_key zero;
  EXPECT_EQ(agree(make_private_key(), zero).error().code, errc::invalid);
}

// As `openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt hexkey:… -kdfopt info:use HKDF` says.
TEST(derivation, is_hkdf_and_each_use_has_its_own_key) {
  const auto agreed = secret_of("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  EXPECT_EQ(hex_encode(derive(agreed, "use").reveal()),
            "84f180041e57f09c20b8a7eeca99c3cf71056865ab9a5f8349f6d5ac292fa026");
  EXPECT_NE(hex_encode(derive(agreed, "another use").reveal()),
            hex_encode(derive(agreed, "use").reveal()));
}

// RFC 4231, test case 2, its key filled up with zeros: HMAC does the same.
TEST(authenticator, is_the_hmac_of_the_rfc_in_any_number_of_parts) {
  const authenticator jefe(
      secret_of("4a65666500000000000000000000000000000000000000000000000000000000"));
  const std::string expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
  EXPECT_EQ(hex_encode(jefe.of({"what do ya want for nothing?"})), expected);
  EXPECT_EQ(hex_encode(jefe.of({"what do ya ", "want for ", "nothing?"})), expected);
  EXPECT_NE(hex_encode(jefe.of({"what do ya want for nothing!"})), expected);
}

}  // namespace
}  // namespace peerage
