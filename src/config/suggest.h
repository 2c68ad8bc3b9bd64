// What somebody probably meant who mistyped a name. A pure function; never fails.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace peerage {

/// The candidate that few keystrokes turn `typed` into; empty when none is near enough to say.
/// Keystrokes are insertions, deletions, replacements and swaps of neighbours.
std::string_view nearest(std::string_view typed, std::span<const std::string_view> candidates);

/// "; did you mean CANDIDATE?", or nothing.
std::string did_you_mean(std::string_view typed, std::span<const std::string_view> candidates);

}  // namespace peerage
