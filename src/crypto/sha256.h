// SHA-256 (FIPS 180-4) through OpenSSL: a pure function. Any thread may call; failures are a broken
// OpenSSL, and so exceptions.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace peerage {

std::array<std::uint8_t, 32> sha256(std::span<const std::uint8_t> bytes);
std::array<std::uint8_t, 32> sha256(std::string_view text);

}  // namespace peerage
