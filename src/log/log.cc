#include "log/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <memory>

namespace peerage::log {
namespace {

constexpr std::size_t longest_value = 512;

spdlog::logger& out() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = std::make_shared<spdlog::logger>("peerage",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %-7l %v", spdlog::pattern_time_type::utc);
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

void write(spdlog::level::level_enum at, std::string_view event, facts about) {
  if (!out().should_log(at)) return;
  std::string line(event);
  for (const fact& each : about) {
    line += ' ';
    line += each.name;
    line += '=';
    line += escaped(each.value);
  }
  out().log(at, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace

void set_level(level lowest) {
  switch (lowest) {
    case level::debug: out().set_level(spdlog::level::debug); break;
    case level::info: out().set_level(spdlog::level::info); break;
    case level::warning: out().set_level(spdlog::level::warn); break;
    case level::error: out().set_level(spdlog::level::err); break;
    case level::off: out().set_level(spdlog::level::off); break;
  }
}

void debug(std::string_view event, facts about) {
  write(spdlog::level::debug, event, about);
}
void info(std::string_view event, facts about) {
  write(spdlog::level::info, event, about);
}
void warning(std::string_view event, facts about) {
  write(spdlog::level::warn, event, about);
}
void error(std::string_view event, facts about) {
  write(spdlog::level::err, event, about);
}

std::string escaped(std::string_view value) {
  std::string out;
  bool quote = value.empty();
  const bool cut = value.size() > longest_value;
  for (const char c : value.substr(0, longest_value)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      char code[5];
      std::snprintf(code, sizeof code, "\\x%02x", byte);
      out += code;
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    if (c == ' ' || c == '"' || c == '=') quote = true;
    out += c;
  }
  if (cut) out += "…";
  return quote ? "\"" + out + "\"" : out;
}

}  // namespace peerage::log
