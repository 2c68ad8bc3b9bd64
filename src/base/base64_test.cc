#include "base/base64.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace peerage {
namespace {

TEST(base64, one_text_for_each_byte_string) {
  const std::vector<std::uint8_t> bytes{0xff, 0x00, 0x7f, 0x80};
  EXPECT_EQ(base64_encode(bytes), "/wB/gA==");
  std::array<std::uint8_t, 4> back{};
  ASSERT_TRUE(base64_decode("/wB/gA==", back));
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), back.begin()));
}

TEST(base64, refuses_what_is_not_canonical) {
  std::array<std::uint8_t, 4> out{};
  EXPECT_FALSE(base64_decode("/wB/gB==", out)) << "stray bits";
  EXPECT_FALSE(base64_decode("/wB/gA", out)) << "no padding";
  EXPECT_FALSE(base64_decode("/wB/gA=", out));
  EXPECT_FALSE(base64_decode("/wB/gA===", out));
  EXPECT_FALSE(base64_decode("_wB_gA==", out)) << "the URL alphabet";
  EXPECT_FALSE(base64_decode("/wB/ A==", out));
  EXPECT_FALSE(base64_decode("/wB=gA==", out));
}

TEST(hex, both_ways) {
  std::array<std::uint8_t, 2> out{};
  ASSERT_TRUE(hex_decode("aB0f", out));
  EXPECT_EQ(hex_encode(out), "ab0f");
  EXPECT_FALSE(hex_decode("ab0", out));
  EXPECT_FALSE(hex_decode("ab0g", out));
}

}  // namespace
}  // namespace peerage
