#include "base/time.h"

#include <charconv>
#include <cstdint>
#include <limits>

namespace peerage {
namespace {

/// Decimal digits only, exactly `count` of them, at `at`.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return {};
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

/// Up to `end`, which is not among them; the text has zeros there.
void put_digits(std::string& text, std::size_t end, unsigned number) {
  for (; number > 0; number /= 10) text[--end] = static_cast<char>('0' + number % 10);
}

}  // namespace

std::string to_rfc3339(wall_time time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  std::string text = "0000-00-00T00:00:00.000Z";
  put_digits(text, 4, static_cast<unsigned>(static_cast<int>(date.year())));
  put_digits(text, 7, static_cast<unsigned>(date.month()));
  put_digits(text, 10, static_cast<unsigned>(date.day()));
  put_digits(text, 13, static_cast<unsigned>(clock.hours().count()));
  put_digits(text, 16, static_cast<unsigned>(clock.minutes().count()));
  put_digits(text, 19, static_cast<unsigned>(clock.seconds().count()));
  put_digits(text, 23, static_cast<unsigned>(clock.subseconds().count()));
  return text;
}

std::optional<wall_time> from_rfc3339(std::string_view text) {
  constexpr std::string_view shape = "dddd-dd-ddTdd:dd:dd.dddZ";
  if (text.size() != shape.size()) return {};
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (shape[i] != 'd' && text[i] != shape[i]) return {};
  const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  const auto milli = digits(text, 20, 3);
  if (!year || !month || !day || !hour || !minute || !second || !milli) return {};
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 59) return {};
  return std::chrono::sys_days{date} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} +
         seconds{*second} + milliseconds{*milli};
}

std::optional<seconds> parse_duration(std::string_view text) {
  std::int64_t scale = 1;
  if (!text.empty()) {
    switch (text.back()) {
      case 's': scale = 1; break;
      case 'm': scale = 60; break;
      case 'h': scale = 3600; break;
      case 'd': scale = 86400; break;
      case 'w': scale = 7 * 86400; break;
      default: scale = 0;
    }
    if (scale == 0) {
      scale = 1;
    } else {
      text.remove_suffix(1);
    }
  }
  std::int64_t count = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (failure != std::errc{} || end != text.data() + text.size() || count <= 0) return {};
  if (count > std::numeric_limits<std::int32_t>::max() / scale) return {};
  return seconds{count * scale};
}

}  // namespace peerage
