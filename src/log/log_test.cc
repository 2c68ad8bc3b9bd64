#include "log/log.h"

#include <gtest/gtest.h>

namespace peerage::log {
namespace {

TEST(log, a_value_can_not_forge_a_line) {
  EXPECT_EQ(escaped("plain-1.2:3"), "plain-1.2:3");
  EXPECT_EQ(escaped(""), "\"\"");
  EXPECT_EQ(escaped("two words"), "\"two words\"");
  EXPECT_EQ(escaped("a=b \"c\""), "\"a=b \\\"c\\\"\"");
  EXPECT_EQ(escaped("x\ninfo forged\x1b[31m"), "\"x\\x0ainfo forged\\x1b[31m\"");
  EXPECT_LT(escaped(std::string(10'000, 'x')).size(), 600U);
}

}  // namespace
}  // namespace peerage::log
