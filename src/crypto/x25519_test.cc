#include "crypto/x25519.h"

#include <gtest/gtest.h>

#include <array>

#include "base/base64.h"

namespace peerage {
namespace {

secret_key secret_of(std::string_view hex) {
  std::array<std::uint8_t, key_size> bytes{};
  EXPECT_TRUE(hex_decode(hex, bytes));
  return secret_key(bytes);
}

// RFC 7748, section 6.1.
TEST(x25519, public_keys_are_those_of_the_rfc) {
  EXPECT_EQ(hex_encode(public_of(secret_of("77076d0a7318a57d3c16c17251b26645"
                                           "df4c2f87ebc0992ab177fba51db92c2a"))
                           .bytes()),
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  EXPECT_EQ(hex_encode(public_of(secret_of("5dab087e624a8a4b79e17f8b83800ee6"
                                           "6f3bb1292618b6fd1c2f8b27ff88e0eb"))
                           .bytes()),
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
}

TEST(x25519, a_private_key_is_clamped_and_new) {
  for (int i = 0; i < 32; ++i) {
    const secret_key key = make_private_key();
    EXPECT_EQ(key.reveal()[0] & 7, 0);
    EXPECT_EQ(key.reveal()[31] & 0xc0, 0x40);
    EXPECT_FALSE(key == make_private_key());
  }
}

TEST(x25519, a_made_pair_is_usable_as_a_peer) {
  const public_key key = public_of(make_private_key());
  EXPECT_TRUE(public_key::parse(key.text()).has_value());
}

TEST(x25519, a_preshared_key_is_new_each_time) {
  EXPECT_FALSE(make_preshared_key() == make_preshared_key());
}

}  // namespace
}  // namespace peerage
