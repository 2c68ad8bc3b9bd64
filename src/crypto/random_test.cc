#include "crypto/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

#include "model/name.h"

namespace peerage {
namespace {

TEST(random, fills_every_byte_and_never_the_same_twice) {
  std::set<std::array<std::uint8_t, 32>> seen;
  std::array<bool, 32> touched{};
  for (int i = 0; i < 64; ++i) {
    std::array<std::uint8_t, 32> bytes{};
    fill_random(bytes);
    for (std::size_t at = 0; at < bytes.size(); ++at) touched[at] = touched[at] || bytes[at] != 0;
    EXPECT_TRUE(seen.insert(bytes).second);
  }
  EXPECT_TRUE(std::all_of(touched.begin(), touched.end(), [](bool was) { return was; }));
}

TEST(random, filling_nothing_is_fine) {
  EXPECT_NO_THROW(fill_random({}));
}

TEST(random, a_label_has_its_length_and_its_alphabet) {
  std::set<char> seen;
  for (int i = 0; i < 64; ++i) {
    const std::string text = random_label(63);
    ASSERT_EQ(text.size(), 63U);
    EXPECT_TRUE(is_label(text)) << text;
    seen.insert(text.begin(), text.end());
  }
  EXPECT_EQ(seen.size(), 32U) << "every character comes up";
  EXPECT_EQ(seen.count('0') + seen.count('1') + seen.count('8') + seen.count('9'), 0U);
}

TEST(random, an_id_is_a_version_4_uuid) {
  const std::string id = random_id();
  ASSERT_EQ(id.size(), 36U);
  for (std::size_t i = 0; i < id.size(); ++i) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      EXPECT_EQ(id[i], '-');
    } else {
      EXPECT_NE(std::string("0123456789abcdef").find(id[i]), std::string::npos) << id;
    }
  }
  EXPECT_EQ(id[14], '4');
  EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos) << id;
  EXPECT_NE(id, random_id());
}

}  // namespace
}  // namespace peerage
