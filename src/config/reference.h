// The reference of every configuration key: what it means, its values, its default, and when a
// change takes effect. Read by `peeraged --help-config`, which prints it as text or as Markdown;
// docs/operator/configuration.md is the latter. Pure; never fails.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace peerage {

/// When the daemon uses a changed key. The daemon never reads its configuration file again.
enum class takes_effect {
  at_restart,         // the value is read at the start
  contents_on_reload  // the value is read at the start, the file that it names on SIGHUP too
};

struct config_key {
  std::string_view section;  // empty: before every section
  std::string_view key;
  std::string_view values;           // type, unit and range
  std::string_view default_value;    // as TOML; empty: none, or it depends on the host
  std::string_view without_default;  // what happens without the key, where default_value is empty
  std::string_view example;          // as TOML, where default_value is empty
  takes_effect when = takes_effect::at_restart;
  std::string_view description = {};  // sentences
};

/// The daemon's keys, and those of the command's own file, in the order of the reference.
std::span<const config_key> daemon_config_keys();
std::span<const config_key> client_config_keys();

/// The names that the parsers take, as "section.key": a test compares them with the tables above.
std::vector<std::string> names_of_daemon_rules();
std::vector<std::string> names_of_client_rules();

/// "section.key", or "key".
std::string full_name(const config_key& key);

std::string config_reference_text();
std::string config_reference_markdown();

}  // namespace peerage
