// JSON text from outside, read strictly, and JSON for outside. The only room that names the JSON
// library; everyone else says json::value.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"

namespace peerage::json {

using boost::json::array;
using boost::json::object;
using boost::json::value;

/// One JSON value (RFC 8259) and nothing after it. errc::invalid, with what is wrong and where, for
/// anything else: not UTF-8, nested deeper than `max_depth`, two members of one name in an object.
result<value> parse(std::string_view text, std::size_t max_depth = 16);

/// On one line.
std::string serialize(const value& from);

/// One text, in quotes, behind what `to` has already: for those who write JSON of a fixed shape, and
/// often.
void append_text(std::string& to, std::string_view text);

/// Indented by two, as a person likes to read it.
std::string pretty(const value& from);

}  // namespace peerage::json
