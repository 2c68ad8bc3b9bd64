#include "crypto/nkey.h"

#include <gtest/gtest.h>

#include <array>

namespace peerage {
namespace {

TEST(nkey, a_seed_and_its_public_key_read_as_nats_reads_them) {
  std::array<std::uint8_t, 32> seed{};
  const nkey_user zero = nkey_user_of(seed);
  EXPECT_EQ(zero.seed.reveal().size(), 58U);
  EXPECT_EQ(zero.open.size(), 56U);
  EXPECT_TRUE(zero.seed.reveal().starts_with("SUA"));
  // The Ed25519 public key of a seed of zeros begins with 3b6a27bc (RFC 8032's arithmetic).
  EXPECT_TRUE(zero.open.starts_with("UA5WUJ54")) << zero.open;
  seed[31] = 1;
  EXPECT_NE(nkey_user_of(seed).open, zero.open);
  EXPECT_NE(make_nkey_user().open, make_nkey_user().open);
}

}  // namespace
}  // namespace peerage
