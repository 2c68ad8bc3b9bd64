#include "base/base64.h"

#include <array>

namespace peerage {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr auto values = [] {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::int8_t>(i);
  return table;
}();

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string base64_encode(std::span<const std::uint8_t> bytes) {
  std::string text((bytes.size() + 2) / 3 * 4, '=');
  char* to = text.data();
  std::size_t at = 0;
  for (; at + 3 <= bytes.size(); at += 3, to += 4) {
    const std::uint32_t block =
        std::uint32_t{bytes[at]} << 16 | std::uint32_t{bytes[at + 1]} << 8 | bytes[at + 2];
    to[0] = alphabet[block >> 18];
    to[1] = alphabet[block >> 12 & 63];
    to[2] = alphabet[block >> 6 & 63];
    to[3] = alphabet[block & 63];
  }
  const std::size_t left = bytes.size() - at;
  if (left == 0) return text;
  const std::uint32_t block =
      std::uint32_t{bytes[at]} << 16 | (left == 2 ? std::uint32_t{bytes[at + 1]} << 8 : 0);
  to[0] = alphabet[block >> 18];
  to[1] = alphabet[block >> 12 & 63];
  if (left == 2) to[2] = alphabet[block >> 6 & 63];
  return text;
}

bool base64_decode(std::string_view text, std::span<std::uint8_t> out) {
  if (text.size() != (out.size() + 2) / 3 * 4) return false;
  const std::size_t padding = (3 - out.size() % 3) % 3;
  for (std::size_t i = 0; i < padding; ++i)
    if (text[text.size() - 1 - i] != '=') return false;
  const std::string_view body = text.substr(0, text.size() - padding);
  std::uint32_t bits = 0;
  unsigned have = 0;
  std::size_t at = 0;
  for (const char c : body) {
    const int value = values[static_cast<std::uint8_t>(c)];
    if (value < 0) return false;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    have += 6;
    if (have >= 8) {
      have -= 8;
      out[at++] = static_cast<std::uint8_t>(bits >> have);
      bits &= (1U << have) - 1;
    }
  }
  return bits == 0;
}

std::string hex_encode(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(bytes.size() * 2, '0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    text[2 * i] = digits[bytes[i] >> 4];
    text[2 * i + 1] = digits[bytes[i] & 15];
  }
  return text;
}

bool hex_decode(std::string_view text, std::span<std::uint8_t> out) {
  if (text.size() != out.size() * 2) return false;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const int high = hex_value(text[2 * i]);
    const int low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

}  // namespace peerage
