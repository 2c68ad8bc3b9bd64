#include "cli/output.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>

namespace peerage::cli {
namespace {

/// The bytes of the UTF-8 character at the front of `text`, or 0 where there is none (RFC 3629).
std::size_t character_size(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char lead = byte(0);
  std::size_t size = 0;
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) size = 2;
  if (lead >= 0xe0 && lead <= 0xef) size = 3;
  if (lead >= 0xf0 && lead <= 0xf4) size = 4;
  if (size == 0 || text.size() < size) return 0;
  for (std::size_t at = 1; at < size; ++at)
    if ((byte(at) & 0xc0U) != 0x80U) return 0;
  const bool overlong = (lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xf0 && byte(1) < 0x90);
  const bool surrogate = lead == 0xed && byte(1) > 0x9f;
  const bool beyond = lead == 0xf4 && byte(1) > 0x8f;
  return overlong || surrogate || beyond ? 0 : size;
}

/// The code point of a character that character_size() found.
char32_t code_point(std::string_view character) {
  constexpr std::array<unsigned, 5> lead_bits = {0, 0x7f, 0x1f, 0x0f, 0x07};
  char32_t code = static_cast<unsigned char>(character[0]) & lead_bits[character.size()];
  for (const char c : character.substr(1)) {
    code = (code << 6U) | (static_cast<unsigned char>(c) & 0x3fU);
  }
  return code;
}

struct code_range {
  char32_t first, last;
};

/// What a terminal obeys, and what is not seen and so makes two texts look the same.
constexpr std::array<code_range, 9> unsafe = {{
    {0x00, 0x1f},        // C0: control characters
    {0x7f, 0x9f},        // DEL, and C1
    {0x00ad, 0x00ad},    // soft hyphen
    {0x061c, 0x061c},    // Arabic letter mark
    {0x200b, 0x200f},    // zero width, and the direction of text
    {0x2028, 0x202e},    // line and paragraph, and the direction of text
    {0x2060, 0x206f},    // invisible operators, and the direction of text
    {0xfeff, 0xfeff},    // zero width no-break space
    {0xe0000, 0xe007f},  // tags
}};

bool is_unsafe(char32_t code) {
  return std::any_of(unsafe.begin(), unsafe.end(), [code](const code_range& each) {
    return code >= each.first && code <= each.last;
  });
}

void append_escape(std::string& out, unsigned unit) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += "\\u";
  for (unsigned shift = 16; shift > 0;) out += digits[(unit >> (shift -= 4U)) & 0xfU];
}

/// In characters; every character of ours is one column wide.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
  }));
}

std::string with_unit(double count, const char* unit) {
  std::array<char, 32> text{};
  const char* shape = count >= 10 ? "%.0f %s" : "%.1f %s";
  std::snprintf(text.data(), text.size(), shape, count, unit);
  return text.data();
}

}  // namespace

std::string terminal_safe(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    if (size == 0 || is_unsafe(code_point(text.substr(0, size)))) {
      out += '?';
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

std::string terminal_safe_json(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    // The printer of JSON escapes what is below a space; a line's end is its own.
    const std::size_t size = std::max<std::size_t>(character_size(text), 1);
    const char32_t code = code_point(text.substr(0, size));
    if (character_size(text) == 0) {
      out += '?';
    } else if (code < 0x20 || !is_unsafe(code)) {
      out += text.substr(0, size);
    } else if (code < 0x10000) {
      append_escape(out, code);
    } else {
      append_escape(out, 0xd800 + ((code - 0x10000) >> 10U));
      append_escape(out, 0xdc00 + ((code - 0x10000) & 0x3ffU));
    }
    text.remove_prefix(size);
  }
  return out;
}

std::string human_bytes(std::uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " B";
  constexpr std::array<const char*, 6> units = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double count = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (count >= 1024 && unit + 1 < units.size()) {
    count /= 1024;
    ++unit;
  }
  return with_unit(count, units[unit]);
}

std::string human_duration(seconds duration) {
  const auto count = std::max<std::int64_t>(duration.count(), 0);
  if (count < 120) return std::to_string(count) + " s";
  if (count < 2 * 3600) return std::to_string(count / 60) + " min";
  if (count < 2 * 86400) return std::to_string(count / 3600) + " h";
  return std::to_string(count / 86400) + " d";
}

std::string human_time(wall_time time, wall_time now) {
  if (time > now) return "in " + human_duration(std::chrono::ceil<seconds>(time - now));
  return human_duration(std::chrono::floor<seconds>(now - time)) + " ago";
}

std::string human_milliseconds(double count) {
  if (count >= 1000) return with_unit(count / 1000, "s");
  if (count >= 1) return with_unit(count, "ms");
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2f ms", std::max(count, 0.0));
  return text.data();
}

std::string paint(std::string_view text, colour with, bool on) {
  const char* code = "";
  switch (with) {
    case colour::none: break;
    case colour::green: code = "\x1b[32m"; break;
    case colour::yellow: code = "\x1b[33m"; break;
    case colour::red: code = "\x1b[31m"; break;
    case colour::dim: code = "\x1b[2m"; break;
  }
  if (!on || *code == '\0') return std::string(text);
  return code + std::string(text) + "\x1b[0m";
}

colour colour_of_state(std::string_view state) {
  if (state == "live") return colour::green;
  if (state == "pending" || state == "draining") return colour::yellow;
  if (state == "away") return colour::red;
  return state == "unknown" ? colour::dim : colour::none;
}

std::string table(const std::vector<std::string>& header, const std::vector<row>& rows,
                  bool colours) {
  std::vector<row> lines;
  lines.reserve(rows.size() + 1);
  row& titles = lines.emplace_back();
  for (const std::string& title : header) titles.emplace_back(title, colour::dim);
  std::copy(rows.begin(), rows.end(), std::back_inserter(lines));

  std::vector<std::size_t> widths(header.size());
  for (row& line : lines) {
    line.resize(header.size());
    for (std::size_t i = 0; i < line.size(); ++i) {
      line[i].text = terminal_safe(line[i].text);
      widths[i] = std::max(widths[i], width(line[i].text));
    }
  }
  std::string out;
  for (const row& line : lines) {
    std::size_t gap = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (!line[i].text.empty()) {
        out.append(gap, ' ');
        out += paint(line[i].text, line[i].with, colours);
        gap = 0;
      }
      gap += widths[i] - width(line[i].text) + 2;
    }
    out += '\n';
  }
  return out;
}

std::string details(const std::vector<std::pair<std::string, cell>>& lines, bool colours) {
  std::size_t widest = 0;
  for (const auto& [name, value] : lines) {
    if (!value.text.empty()) widest = std::max(widest, width(name));
  }
  std::string out;
  for (const auto& [name, value] : lines) {
    if (value.text.empty()) continue;
    out += paint(name, colour::dim, colours);
    out.append(widest - width(name) + 2, ' ');
    out += paint(terminal_safe(value.text), value.with, colours) + "\n";
  }
  return out;
}

}  // namespace peerage::cli
