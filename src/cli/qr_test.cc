#include "cli/qr.h"

#include <gtest/gtest.h>

#include <array>

namespace peerage::cli {
namespace {

TEST(qr, a_code_has_its_three_corners_and_a_size_of_the_standard) {
  const auto modules = qr_encode("[Interface]\nPrivateKey = x\n");
  ASSERT_TRUE(modules.has_value());
  const std::size_t size = modules->size();
  ASSERT_GE(size, 21U);
  EXPECT_EQ((size - 21) % 4, 0U);
  constexpr std::array<const char*, 7> corner = {"1111111", "1000001", "1011101", "1011101",
                                                 "1011101", "1000001", "1111111"};
  for (const auto& [top, left] :
       {std::pair<std::size_t, std::size_t>{0, 0}, {0, size - 7}, {size - 7, 0}}) {
    for (std::size_t y = 0; y < 7; ++y)
      for (std::size_t x = 0; x < 7; ++x)
        EXPECT_EQ((*modules)[top + y][left + x], corner[y][x] == '1') << x << " " << y;
  }
}

TEST(qr, another_text_is_another_code) {
  EXPECT_NE(qr_encode("a").value(), qr_encode("b").value());
}

TEST(qr, a_text_that_is_too_long_is_refused) {
  EXPECT_TRUE(qr_encode(std::string(2953, 'x')).has_value()) << "the standard's own limit";
  const auto refused = qr_encode(std::string(2954, 'x'));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, errc::full);
}

TEST(qr, half_blocks_draw_what_is_light_with_a_quiet_zone) {
  const qr_modules modules = {{true, false, true}, {false, true, true}, {true, true, true}};
  EXPECT_EQ(qr_picture(modules, false),
            "███████████\n"
            "███████████\n"
            "████▄▀ ████\n"
            "████▄▄▄████\n"
            "███████████\n"
            "▀▀▀▀▀▀▀▀▀▀▀\n");
  EXPECT_EQ(qr_picture({}, true).substr(0, 8), "\x1b[97;40m");
}

}  // namespace
}  // namespace peerage::cli
