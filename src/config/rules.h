// How a config file becomes a struct: one rule for each key, and everything else is an error that
// names the file, the line and the key. For this room's own parsers. Pure.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/suggest.h"
#include "config/toml.h"

namespace peerage {

template <class Config>
struct config_rule {
  std::string_view section;  // empty: the key stands before every section
  std::string_view key;      // empty: the rule is for the section's own presence
  /// Puts the value into the config. Returns what is wrong with it, to follow the key's name
  /// ("must be …"), or an empty text.
  std::string (*take)(Config& into, const toml_value& value);
};

/// "section.key" of every rule for a key, in the rules' order.
template <class Config>
std::vector<std::string> names_of(std::span<const config_rule<Config>> rules) {
  std::vector<std::string> names;
  for (const auto& rule : rules) {
    if (rule.key.empty()) continue;
    const std::string before = rule.section.empty() ? "" : std::string(rule.section) + ".";
    names.push_back(before + std::string(rule.key));
  }
  return names;
}

template <class Config>
class config_reader {
 public:
  config_reader(std::span<const config_rule<Config>> rules, std::string_view source_name)
      : rules_(rules), source_name_(source_name) {}

  /// The first problem in the order of the file, or everything taken.
  result<> read(const toml_table& file, Config& into) {
    for (const toml_member& member : file) {
      if (!is_section(member.key)) {
        read_key({}, member, into);
      } else if (const auto* table = member.value.if_table()) {
        if (const auto* rule = find(member.key, {})) rule->take(into, member.value);
        for (const toml_member& inner : *table) read_key(member.key, inner, into);
      } else {
        note(member.line, member.key,
             " must be a section [" + member.key + "], not " + quoted(member.value));
      }
    }
    if (first_) return std::unexpected(std::move(first_->problem));
    return {};
  }

 private:
  struct finding {
    unsigned line = 0;
    error problem;
  };

  static std::string full_name(std::string_view section, std::string_view key) {
    return section.empty() ? std::string(key) : std::string(section) + "." + std::string(key);
  }

  bool is_section(std::string_view name) const {
    return !name.empty() && std::any_of(rules_.begin(), rules_.end(),
                                        [&](const auto& rule) { return rule.section == name; });
  }

  const config_rule<Config>* find(std::string_view section, std::string_view key) const {
    const auto found = std::find_if(rules_.begin(), rules_.end(), [&](const auto& rule) {
      return rule.section == section && rule.key == key;
    });
    return found == rules_.end() ? nullptr : &*found;
  }

  void read_key(std::string_view section, const toml_member& member, Config& into) {
    const std::string name = full_name(section, member.key);
    const auto* rule = member.key.empty() ? nullptr : find(section, member.key);
    if (rule == nullptr) {
      if (section.empty() && member.value.if_table() != nullptr) {
        return note(member.line, {}, "unknown section [" + name + "]" + meant_section(name), name);
      }
      return note(member.line, {}, "unknown key " + name + meant(section, member.key), name);
    }
    const std::string problem = rule->take(into, member.value);
    if (!problem.empty()) note(member.line, name, " " + problem);
  }

  std::string meant_section(std::string_view typed) const {
    std::vector<std::string_view> sections;
    for (const auto& rule : rules_)
      if (!rule.section.empty()) sections.push_back(rule.section);
    const std::string_view found = nearest(typed, sections);
    return found.empty() ? "" : "; did you mean [" + std::string(found) + "]?";
  }

  std::string meant(std::string_view section, std::string_view key) const {
    std::vector<std::string_view> keys;
    for (const auto& rule : rules_)
      if (rule.section == section && !rule.key.empty()) keys.push_back(rule.key);
    const std::string_view near = nearest(key, keys);
    if (!near.empty()) return "; did you mean " + full_name(section, near) + "?";
    for (const auto& rule : rules_)
      if (rule.key == key) return "; did you mean " + full_name(rule.section, key) + "?";
    return {};
  }

  void note(unsigned line, std::string_view name, std::string text) {
    note(line, name, text, name);
  }

  void note(unsigned line, std::string_view name, const std::string& text, std::string_view field) {
    if (first_ && first_->line <= line) return;
    first_ = finding{line,
                     {errc::invalid,
                      std::string(source_name_) + ":" + std::to_string(line) + ": " +
                          printable(std::string(name) + text),
                      std::string(field)}};
  }

  std::span<const config_rule<Config>> rules_;
  std::string_view source_name_;
  std::optional<finding> first_;
};

/// What rules say of a value that is not as it should be.
inline std::string must_be(std::string_view what, const toml_value& value) {
  return "must be " + std::string(what) + ", not " + quoted(value);
}

/// A path or another text that is used as it stands: not empty, no control characters.
inline std::string take_text(std::string& into, const toml_value& value, std::string_view what) {
  const std::string* text = value.if_string();
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (text == nullptr || text->empty() || std::any_of(text->begin(), text->end(), control)) {
    return must_be(what, value);
  }
  into = *text;
  return {};
}

}  // namespace peerage
