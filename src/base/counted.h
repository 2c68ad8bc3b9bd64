// How many of what, in words: "1 peer", "2 peers".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace peerage {

/// `noun` in the singular; its plural ends in "s".
inline std::string counted(std::uint64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

}  // namespace peerage
