// Reading the API's answers, which come from outside: every member may be absent or of another type
// and then reads as nothing. Pure; nothing fails.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "json/json.h"

namespace peerage::cli {

/// The member, or null.
const json::value& member(const json::value& of, std::string_view name);

/// "" where it is no text.
std::string text_of(const json::value& of, std::string_view name);

/// The texts of a list; what isn't text is left out.
std::vector<std::string> texts_of(const json::value& of, std::string_view name);

/// The same with ", " between.
std::string joined(const json::value& of, std::string_view name);

/// Nothing where it is no whole number of at least 0.
std::optional<std::uint64_t> count_of(const json::value& of, std::string_view name);

bool truth_of(const json::value& of, std::string_view name);

/// Nothing where it is no time as the API writes them.
std::optional<wall_time> time_of(const json::value& of, std::string_view name);

/// The objects in "items".
std::vector<json::value> items_of(const json::value& of);

}  // namespace peerage::cli
