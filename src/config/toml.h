// TOML text as a plain tree of values that know their line. For this room's own files; the TOML
// library shows in toml.cc alone. Pure: no files. The only failure is text that is not TOML.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"

namespace peerage {

struct toml_member;
struct toml_value;

using toml_array = std::vector<toml_value>;
using toml_table = std::vector<toml_member>;

/// A date or a time: no key of ours takes one, so only its presence is kept.
struct toml_moment {};

struct toml_value {
  std::variant<std::string, std::int64_t, double, bool, toml_moment, toml_array, toml_table> data;

  const std::string* if_string() const { return std::get_if<std::string>(&data); }
  const std::int64_t* if_integer() const { return std::get_if<std::int64_t>(&data); }
  const bool* if_bool() const { return std::get_if<bool>(&data); }
  const toml_table* if_table() const { return std::get_if<toml_table>(&data); }
};

struct toml_member {
  std::string key;
  unsigned line = 0;  // where the key stands, from 1
  toml_value value;
};

/// The members of the whole text, in no particular order. errc::invalid with
/// "SOURCE:LINE: what is wrong" when the text is not TOML.
result<toml_table> parse_toml(std::string_view text, std::string_view source_name);

/// The text with every control character as "?": fit for one line of a terminal.
std::string printable(std::string_view text);

/// The value as a message quotes it: short, on one line, without control characters.
std::string quoted(const toml_value& value);

}  // namespace peerage
