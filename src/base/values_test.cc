// Times as text, secrets, URLs, and the names of errors.
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>

#include "base/base64.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/time.h"
#include "base/url.h"

namespace peerage {
namespace {

TEST(url, is_told_without_a_password) {
  EXPECT_EQ(without_user("nats://user:pa@ss@host:4222"), "nats://host:4222");
  EXPECT_EQ(without_user("nats://host:4222"), "nats://host:4222");
  EXPECT_EQ(without_user("token@host:4222"), "host:4222");
  EXPECT_EQ(without_user("a@b://host"), "a@b://host") << "no user: it is before the scheme's end";
}

TEST(time, reads_as_it_was_written) {
  for (const char* text :
       {"2026-11-23T14:15:32.120Z", "1970-01-01T00:00:00.000Z", "2024-02-29T23:59:59.999Z",
        "0000-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"}) {
    const auto read = from_rfc3339(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(to_rfc3339(*read), text);
  }
}

TEST(time, in_any_other_form_is_none) {
  for (const char* text :
       {"", "2026-11-23T14:15:32Z", "2026-11-23 14:15:32.120Z", "2026-11-23T14:15:32.120+",
        "2026-13-23T14:15:32.120Z", "2026-02-29T14:15:32.120Z", "2026-11-23T24:15:32.120Z",
        "2026-11-23T14:60:32.120Z", "2026-11-23T14:15:60.120Z", "x026-11-23T14:15:32.120Z",
        "2026-1x-23T14:15:32.120Z", "2026-11-2xT14:15:32.120Z", "2026-11-23Tx4:15:32.120Z",
        "2026-11-23T14:x5:32.120Z", "2026-11-23T14:15:x2.120Z", "2026-11-23T14:15:32.1-0Z"}) {
    EXPECT_FALSE(from_rfc3339(text)) << text;
  }
}

TEST(duration, is_a_number_and_a_unit) {
  EXPECT_EQ(parse_duration("90"), seconds{90});
  EXPECT_EQ(parse_duration("90s"), seconds{90});
  EXPECT_EQ(parse_duration("15m"), seconds{900});
  EXPECT_EQ(parse_duration("1h"), seconds{3'600});
  EXPECT_EQ(parse_duration("30d"), seconds{2'592'000});
  EXPECT_EQ(parse_duration("2w"), seconds{1'209'600});
  for (const char* text : {"", "0", "-1", "s", "1x", "1.5h", "1hh", "99999999999", "3551w", " 1"})
    EXPECT_FALSE(parse_duration(text)) << text;
  EXPECT_TRUE(parse_duration("3550w"));
}

TEST(secret, is_compared_and_copied_as_a_whole) {
  const std::array<std::uint8_t, 4> bytes{1, 2, 3, 4};
  const secret_bytes<4> one(bytes);
  secret_bytes<4> other;
  EXPECT_FALSE(one == other);
  other = one;
  EXPECT_TRUE(one == other);
  EXPECT_FALSE(equal_in_constant_time(one.reveal(), std::array<std::uint8_t, 3>{1, 2, 3}));

  secret_text text("hidden");
  const secret_text copy = text;
  text = copy;
  EXPECT_EQ(text.reveal(), "hidden");
  const secret_text& same = text;
  text = same;
  EXPECT_EQ(text.reveal(), "hidden") << "assigned to itself";
  EXPECT_TRUE(secret_text().empty());
}

TEST(error, codes_have_names_of_their_own) {
  std::set<std::string_view> names;
  for (const errc each :
       {errc::unavailable, errc::full, errc::outcome_unknown, errc::timeout, errc::conflict,
        errc::not_found, errc::invalid, errc::denied, errc::unsupported, errc::corrupt, errc::io}) {
    names.insert(name_of(each));
  }
  EXPECT_EQ(names.size(), 11U);
  EXPECT_TRUE(names.contains("outcome_unknown"));
}

TEST(hex, is_read_in_both_cases_and_nothing_else) {
  std::array<std::uint8_t, 2> out{};
  EXPECT_TRUE(hex_decode("aBCd", out));
  EXPECT_EQ(hex_encode(out), "abcd");
  for (const char* bad : {"", "abc", "abcde", "ab:d", "abcg", "ab`d", "gbcd", "ab/d", "ab@d"})
    EXPECT_FALSE(hex_decode(bad, out)) << bad;
}

}  // namespace
}  // namespace peerage
