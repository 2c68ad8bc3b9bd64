#include "cli/output.h"

#include <gtest/gtest.h>

namespace peerage::cli {
namespace {

TEST(output, text_from_elsewhere_can_not_drive_the_terminal) {
  EXPECT_EQ(terminal_safe("plain Größe 漢 😀"), "plain Größe 漢 😀");
  EXPECT_EQ(terminal_safe("a\x1b[31mb\r\n\x7f\t"), "a?[31mb????");
  EXPECT_EQ(terminal_safe("\xc2\x9b[2J"), "?[2J") << "the 8-bit CSI";
  EXPECT_EQ(terminal_safe("\x9b[2J"), "?[2J");
  EXPECT_EQ(terminal_safe("a\xe2\x80\xae"), "a?") << "right to left";
  EXPECT_EQ(terminal_safe("\xe2\x81\xa6x"), "?x");
  EXPECT_EQ(terminal_safe("\xc0\xaf\xed\xa0\x80\xf5"), "??????") << "not UTF-8";
  EXPECT_EQ(terminal_safe("\xe2\x82"), "??") << "cut short";
}

TEST(output, units_are_human) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1024), "1.0 KiB");
  EXPECT_EQ(human_bytes(1258291), "1.2 MiB");
  EXPECT_EQ(human_bytes(50ULL << 30U), "50 GiB");
  EXPECT_EQ(human_bytes(~0ULL), "16 EiB");
  EXPECT_EQ(human_duration(seconds{-3}), "0 s");
  EXPECT_EQ(human_duration(seconds{119}), "119 s");
  EXPECT_EQ(human_duration(seconds{120}), "2 min");
  EXPECT_EQ(human_duration(seconds{7200}), "2 h");
  EXPECT_EQ(human_duration(seconds{30 * 86400}), "30 d");
  EXPECT_EQ(human_milliseconds(0.421), "0.42 ms");
  EXPECT_EQ(human_milliseconds(1.3), "1.3 ms");
  EXPECT_EQ(human_milliseconds(210), "210 ms");
  EXPECT_EQ(human_milliseconds(3200), "3.2 s");
  const wall_time now{milliseconds{1'000'000'000}};
  EXPECT_EQ(human_time(now - seconds{12}, now), "12 s ago");
  EXPECT_EQ(human_time(now + seconds{60 * 59}, now), "in 59 min");
}

TEST(output, columns_align_and_lines_end_without_spaces) {
  EXPECT_EQ(
      table({"NAME", "STATE", "X"}, {{{"a"}, {"live"}, {"1"}}, {{"größer-1"}, {"-"}, {""}}}, false),
      "NAME      STATE  X\n"
      "a         live   1\n"
      "größer-1  -\n");
  EXPECT_EQ(table({"A"}, {{{"x\ny"}}}, false), "A\nx?y\n");
}

TEST(output, colours_only_where_they_are_on) {
  EXPECT_EQ(paint("live", colour_of_state("live"), true), "\x1b[32mlive\x1b[0m");
  EXPECT_EQ(paint("live", colour_of_state("live"), false), "live");
  EXPECT_EQ(paint("x", colour_of_state("x"), true), "x");
  const std::string with = table({"S", "T"}, {{{"live", colour::green}, {"1"}}}, true);
  EXPECT_NE(with.find("\x1b[32mlive\x1b[0m  1"), std::string::npos) << "codes have no width";
}

TEST(output, details_leave_out_what_is_not_there) {
  EXPECT_EQ(details({{"name", {"a"}}, {"expires at", {""}}, {"state", {"live"}}}, false),
            "name   a\nstate  live\n");
}

}  // namespace
}  // namespace peerage::cli
