// Points in time. Wall time is for people and for what is stored; steady time is for waiting.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace peerage {

using milliseconds = std::chrono::milliseconds;
using seconds = std::chrono::seconds;

/// Unix time, UTC, to the millisecond.
using wall_time = std::chrono::sys_time<milliseconds>;

/// A clock that never jumps; only differences mean anything.
using steady_time = std::chrono::steady_clock::time_point;
using steady_duration = std::chrono::steady_clock::duration;

/// RFC 3339 in UTC with milliseconds: "2026-11-23T14:15:32.120Z".
std::string to_rfc3339(wall_time time);

/// The exact form that to_rfc3339 prints; nothing for any other text.
std::optional<wall_time> from_rfc3339(std::string_view text);

/// A duration as people write it on a command line: "90", "90s", "15m", "1h", "30d", "2w".
/// A bare number is seconds. Nothing for anything else, zero and overflow included.
std::optional<seconds> parse_duration(std::string_view text);

}  // namespace peerage
