#include "config/toml.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <type_traits>
#include <utility>

namespace peerage {
namespace {

toml_value plain(const ::toml::node& node);

toml_table plain_members(const ::toml::table& table) {
  toml_table members;
  members.reserve(table.size());
  for (const auto& [key, node] : table) {
    members.push_back({std::string(key.str()), key.source().begin.line, plain(node)});
  }
  return members;
}

toml_array plain_items(const ::toml::array& array) {
  toml_array items;
  items.reserve(array.size());
  for (const ::toml::node& node : array) items.push_back(plain(node));
  return items;
}

toml_value plain(const ::toml::node& node) {
  if (const auto* table = node.as_table()) return {plain_members(*table)};
  if (const auto* array = node.as_array()) return {plain_items(*array)};
  if (const auto* text = node.as_string()) return {text->get()};
  if (const auto* whole = node.as_integer()) return {whole->get()};
  if (const auto* real = node.as_floating_point()) return {real->get()};
  if (const auto* truth = node.as_boolean()) return {truth->get()};
  return {toml_moment{}};
}

/// At most so many characters of a value are worth repeating.
constexpr std::size_t quote_limit = 60;

std::string quoted_text(std::string_view text) {
  std::size_t shown = std::min(text.size(), quote_limit);
  // A character of several bytes is not cut in two.
  while (shown < text.size() && (static_cast<unsigned char>(text[shown]) & 0xc0U) == 0x80U) --shown;
  std::string out = "\"";
  for (const char c : text.substr(0, shown)) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    out += control ? '?' : c;
  }
  out += text.size() > shown ? "…\"" : "\"";
  return out;
}

}  // namespace

result<toml_table> parse_toml(std::string_view text, std::string_view source_name) {
  const ::toml::parse_result parsed = ::toml::parse(text);
  if (!parsed) {
    const auto& problem = parsed.error();
    return fail(errc::invalid, std::string(source_name) + ":" +
                                   std::to_string(problem.source().begin.line) +
                                   ": is not TOML: " + std::string(problem.description()));
  }
  return plain_members(parsed.table());
}

std::string quoted(const toml_value& value) {
  return std::visit(
      [](const auto& data) -> std::string {
        using kind = std::decay_t<decltype(data)>;
        if constexpr (std::is_same_v<kind, std::string>) return quoted_text(data);
        if constexpr (std::is_same_v<kind, bool>) return data ? "true" : "false";
        if constexpr (std::is_same_v<kind, std::int64_t>) return std::to_string(data);
        if constexpr (std::is_same_v<kind, double>) return "a number with a fraction";
        if constexpr (std::is_same_v<kind, toml_moment>) return "a date or time";
        if constexpr (std::is_same_v<kind, toml_array>) return "a list";
        if constexpr (std::is_same_v<kind, toml_table>) return "a section";
      },
      value.data);
}

}  // namespace peerage
