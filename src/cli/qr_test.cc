#include "cli/qr.h"

#include <gtest/gtest.h>
#include <png.h>

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

TEST(qr, comments_are_not_for_a_phone) {
  const auto text = without_comments("# a\n[Interface]\nPrivateKey = x#y\n\n# b\n[Peer]\nEnd = 1");
  EXPECT_EQ(text.reveal(), "[Interface]\nPrivateKey = x#y\n[Peer]\nEnd = 1");
  EXPECT_EQ(without_comments("").reveal(), "");
  EXPECT_EQ(without_comments("\n#\n").reveal(), "");
}

TEST(qr, an_image_has_every_module_and_the_quiet_zone) {
  const qr_modules modules = {{true, false}, {false, true}};
  EXPECT_EQ(qr_width(modules), 10U);
  const std::string svg = qr_svg(modules);
  EXPECT_NE(svg.find("viewBox=\"0 0 10 10\""), std::string::npos) << svg;
  EXPECT_NE(svg.find("d=\"M4 4h1v1h-1zM5 5h1v1h-1z\""), std::string::npos) << svg;
  const auto png = qr_png(modules);
  ASSERT_TRUE(png) << png.error().message;
  // Read again: the corners are light, the modules are where they belong.
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  ASSERT_NE(::png_image_begin_read_from_memory(&image, png->data(), png->size()), 0);
  image.format = PNG_FORMAT_GRAY;
  ASSERT_EQ(image.width, 80U);
  ASSERT_EQ(image.height, 80U);
  std::vector<std::uint8_t> rows(PNG_IMAGE_SIZE(image));
  ASSERT_NE(::png_image_finish_read(&image, nullptr, rows.data(), 0, nullptr), 0);
  const auto at = [&](std::size_t x, std::size_t y) { return rows[y * 80 + x]; };
  EXPECT_EQ(at(0, 0), 0xff);
  EXPECT_EQ(at(31, 32), 0xff);
  EXPECT_EQ(at(32, 32), 0x00);
  EXPECT_EQ(at(39, 39), 0x00);
  EXPECT_EQ(at(40, 39), 0xff);
  EXPECT_EQ(at(47, 47), 0x00);
  EXPECT_EQ(at(48, 48), 0xff);
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
