// Randomness that nobody can guess, from the operating system through OpenSSL. Any thread may call.
// Nothing here fails in a way that a caller could handle: a system without randomness is an
// exception, since every key made after it would be worthless.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

namespace peerage {

/// Fills `out` with random bytes. std::runtime_error when the system has none.
void fill_random(std::span<std::uint8_t> out);

/// Where a part takes its random bytes from: fills the span. The system, but for a simulation.
using randomness = std::function<void(std::span<std::uint8_t>)>;

/// `length` characters of a-z 2-7, 5 random bits each: part of a DNS label, or a token's secret.
std::string random_label(std::size_t length, const randomness& from = fill_random);

/// A random UUID (RFC 9562, version 4) in lower case: an id of a request or of a start.
std::string random_id(const randomness& from = fill_random);

}  // namespace peerage
