// The daemon's log: one line an event, on standard error, as a sentence and its facts:
//   2026-11-23T14:15:32.120Z info  gateway registered name=gw-fra-1 number=1
// From any thread. Values are escaped; secrets have no business here and do not convert to text.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace peerage::log {

enum class level { debug, info, warning, error, off };

struct fact {
  fact(std::string_view name_, std::string_view value_) : name(name_), value(value_) {}
  fact(std::string_view name_, const char* value_) : name(name_), value(value_) {}
  fact(std::string_view name_, const std::string& value_) : name(name_), value(value_) {}
  fact(std::string_view name_, std::uint64_t value_) : name(name_), value(std::to_string(value_)) {}

  std::string_view name;
  std::string value;
};

using facts = std::initializer_list<fact>;

/// Nothing below this level is written; `info` until told otherwise.
void set_level(level lowest);

void debug(std::string_view event, facts about = {});
void info(std::string_view event, facts about = {});
void warning(std::string_view event, facts about = {});
void error(std::string_view event, facts about = {});

/// A value as it stands in a line: quoted where it has spaces, quotes or '=', control characters
/// and newlines escaped, at most 512 bytes.
std::string escaped(std::string_view value);

}  // namespace peerage::log
