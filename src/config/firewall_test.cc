#include <gtest/gtest.h>

#include "config/config.h"

namespace peerage {
namespace {

result<daemon_config> with(const std::string& lines) {
  return parse_daemon_config("[api]\n[gateway]\n" + lines, "test.toml", "host");
}

TEST(firewall, is_on_and_closed_unless_told_otherwise) {
  const auto usual = with("");
  ASSERT_TRUE(usual);
  EXPECT_TRUE(usual->gateway->firewall);
  EXPECT_TRUE(usual->gateway->open.empty());
  const auto told = with("firewall = false\nopen = [\"udp/53\", \"tcp/65535\"]");
  ASSERT_TRUE(told) << told.error().message;
  EXPECT_FALSE(told->gateway->firewall);
  EXPECT_EQ(told->gateway->open, (std::vector<open_port>{{"udp", 53}, {"tcp", 65'535}}));
}

TEST(firewall, opens_nothing_by_a_word_that_is_no_port) {
  for (const char* wrong : {"\"53\"", "\"udp/0\"", "\"udp/65536\"", "\"icmp/1\"",
                            "\"udp/53 accept\"", "\"udp/\"", "\"/53\"", "53", "\"udp/+5\""}) {
    const auto config = with(std::string("open = [") + wrong + "]");
    ASSERT_FALSE(config) << wrong;
    EXPECT_EQ(config.error().field, "gateway.open") << wrong;
  }
  EXPECT_FALSE(with("firewall = 1"));
}

}  // namespace
}  // namespace peerage
