// What people read: tables that align, human units, colours, and text from elsewhere made safe for
// a terminal. Pure functions over values; the caller prints. Nothing fails.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace peerage::cli {

/// Without what a terminal would obey: control characters (C0, DEL, C1), the marks that turn the
/// direction of text, what has no width, and bytes that are not UTF-8 become "?".
std::string terminal_safe(std::string_view text);

/// The same for JSON text: these characters become escapes ("\u202e"), and it says the same.
std::string terminal_safe_json(std::string_view text);

/// "0 B", "940 B", "1.2 MiB".
std::string human_bytes(std::uint64_t bytes);

/// One unit, rounded down: "12 s", "3 min", "5 h", "30 d". A negative one is "0 s".
std::string human_duration(seconds duration);

/// "12 s ago", "in 59 min": how `time` lies to `now`.
std::string human_time(wall_time time, wall_time now);

/// "0.42 ms", "1.3 ms", "210 ms", "3.2 s".
std::string human_milliseconds(double count);

enum class colour { none, green, yellow, red, dim };

/// The text between the terminal's codes, where `on`.
std::string paint(std::string_view text, colour with, bool on);

/// live is green, pending yellow, and so on; anything else has none.
colour colour_of_state(std::string_view state);

struct cell {
  std::string text;
  colour with = colour::none;

  cell() = default;
  cell(std::string from) : text(std::move(from)) {}  // NOLINT: a plain text is a cell
  cell(std::string from, colour painted) : text(std::move(from)), with(painted) {}
};

using row = std::vector<cell>;

/// One line for the header and one for each row; two spaces between columns and none at the end of
/// a line. Texts are made safe here.
std::string table(const std::vector<std::string>& header, const std::vector<row>& rows,
                  bool colours);

/// "name    value" lines, aligned; rows with an empty value are left out.
std::string details(const std::vector<std::pair<std::string, cell>>& lines, bool colours);

}  // namespace peerage::cli
