#include "config/reference.h"

namespace peerage {
namespace {

constexpr std::size_t columns = 100;

/// `text` in lines of at most `columns`, each behind `indent`.
std::string wrapped(std::string_view text, std::string_view indent) {
  std::string made, line(indent);
  bool empty = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    if (!empty && line.size() + 1 + word.size() > columns) {
      made += line + "\n";
      line = indent;
      empty = true;
    }
    if (!empty) line += ' ';
    line += word;
    empty = false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return made + line + "\n";
}

std::string default_of(const config_key& key, std::string_view quote) {
  if (key.default_value.empty()) return std::string(key.without_default);
  return std::string(quote) + std::string(key.default_value) + std::string(quote);
}

std::string_view effect_of(const config_key& key) {
  switch (key.when) {
    case takes_effect::at_restart: return "at a restart";
    case takes_effect::contents_on_reload: return "at a restart; the file's contents on SIGHUP too";
  }
  return {};
}

struct part {
  std::string_view section;
  std::string_view title;
  std::string_view text;
};

constexpr part parts[] = {
    {"", "Before every section", "Keys of the whole process."},
    {"store", "[store]",
     "The source of truth: a SQLite database on this host, or Consul for a fleet."},
    {"bus", "[bus]", "Connects API processes and gateways: within one process, or through NATS."},
    {"api", "[api]",
     "The HTTP API. An empty section gives the process this role with the defaults."},
    {"gateway", "[gateway]",
     "The gateway agent. An empty section gives the process this role with the defaults."},
};

constexpr std::string_view client_title = "The command's own file";
constexpr std::string_view client_text =
    "`peerage` reads `~/.config/peerage/config.toml`, if it exists. Its keys stand before every "
    "section.";

std::string text_of(const config_key& key, bool daemon) {
  return full_name(key) + "\n" + wrapped(key.description, "    ") +
         wrapped("Values: " + std::string(key.values) + ".", "    ") +
         wrapped("Default: " + default_of(key, "") + ".", "    ") +
         (daemon ? "    Takes effect " + std::string(effect_of(key)) + ".\n" : "");
}

std::string markdown_of(const config_key& key, bool daemon) {
  std::string made = "### `" + full_name(key) + "`\n\n" + wrapped(key.description, "") + "\n";
  made += wrapped("* Values: " + std::string(key.values) + ".", "");
  made += wrapped("* Default: " + default_of(key, "`") + ".", "");
  if (!key.example.empty()) made += "* Example: `" + std::string(key.example) + "`.\n";
  if (daemon) made += "* A change takes effect " + std::string(effect_of(key)) + ".\n";
  return made + "\n";
}

}  // namespace

std::string full_name(const config_key& key) {
  return key.section.empty() ? std::string(key.key)
                             : std::string(key.section) + "." + std::string(key.key);
}

std::string config_reference_text() {
  std::string made = wrapped(
      "The configuration of peeraged is a TOML file. Every key is optional; an unknown key is an "
      "error. The daemon reads the file at its start only; on SIGHUP it reads again the files that "
      "the configuration names: keys, certificates, credentials.",
      "");
  for (const part& each : parts) {
    made += "\n" + std::string(each.title) + "\n" + wrapped(each.text, "") + "\n";
    for (const config_key& key : daemon_config_keys()) {
      if (key.section == each.section) made += text_of(key, true);
    }
  }
  made += "\n" + std::string(client_title) + "\n" + wrapped(client_text, "") + "\n";
  for (const config_key& key : client_config_keys()) made += text_of(key, false);
  return made;
}

std::string config_reference_markdown() {
  std::string made =
      "# Configuration reference\n\n"
      "<!-- Made by `peeraged --help-config=markdown` from src/config/reference_keys.cc; a test "
      "compares them. -->\n\n";
  made += wrapped(
      "The configuration of `peeraged` is a TOML file, named by `--config FILE`. Every key is "
      "optional; without a file the process has both roles with the defaults. An unknown key, an "
      "unknown section or a value of another type is an error that names the file, the line and "
      "the key. `peeraged --config FILE --check` reports what is wrong before anything is "
      "started; beside a running daemon it also names the keys that a restart would change.",
      "");
  made += "\n" + wrapped(
                     "The daemon reads the file at its start only. On SIGHUP it reads again the "
                     "files that the configuration names: certificates, credentials, the gateway's "
                     "key. A file that cannot be used changes nothing, and the log says why.",
                     "");
  for (const part& each : parts) {
    made += "\n## " + std::string(each.title) + "\n\n" + wrapped(each.text, "") + "\n";
    for (const config_key& key : daemon_config_keys()) {
      if (key.section == each.section) made += markdown_of(key, true);
    }
    made.pop_back();  // one empty line between two parts
  }
  made += "\n## " + std::string(client_title) + "\n\n" + wrapped(client_text, "") + "\n";
  for (const config_key& key : client_config_keys()) made += markdown_of(key, false);
  made.pop_back();
  return made;
}

}  // namespace peerage
