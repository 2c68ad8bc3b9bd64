// Canonical base64 (RFC 4648, section 4, with padding): one text for each byte string, and no
// other. Decoding refuses white space, missing or surplus padding and stray bits in the last
// character.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace peerage {

std::string base64_encode(std::span<const std::uint8_t> bytes);

/// Fills `out` exactly. False when `text` is not the canonical encoding of `out.size()` bytes.
bool base64_decode(std::string_view text, std::span<std::uint8_t> out);

/// Lower-case hexadecimal, as UAPI wants it.
std::string hex_encode(std::span<const std::uint8_t> bytes);

/// Fills `out` exactly. False when `text` is not `2 * out.size()` hexadecimal digits.
bool hex_decode(std::string_view text, std::span<std::uint8_t> out);

}  // namespace peerage
