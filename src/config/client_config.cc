#include <array>

#include "config/config.h"
#include "config/reference.h"
#include "config/rules.h"
#include "config/toml.h"
#include "model/name.h"

namespace peerage {
namespace {

std::string take_server(client_config& into, const toml_value& value) {
  return take_text(into.server, value, "a URL in quotes, like \"http://127.0.0.1:7420\"");
}

std::string take_network(client_config& into, const toml_value& value) {
  const std::string* text = value.if_string();
  if (text == nullptr || !is_label(*text)) {
    return must_be("a network's name in quotes: 1 to 63 of a-z, 0-9 and -", value);
  }
  into.network = *text;
  return {};
}

std::string take_token_file(client_config& into, const toml_value& value) {
  return take_text(into.token_file, value, "a path in quotes");
}

std::string take_ca_file(client_config& into, const toml_value& value) {
  return take_text(into.ca_file, value, "a path in quotes");
}

constexpr auto rules = std::to_array<config_rule<client_config>>({
    {"", "server", take_server},
    {"", "network", take_network},
    {"", "token_file", take_token_file},
    {"", "ca_file", take_ca_file},
});

}  // namespace

std::vector<std::string> names_of_client_rules() {
  return names_of<client_config>(rules);
}

result<client_config> parse_client_config(std::string_view toml_text,
                                          std::string_view source_name) {
  const auto file = parse_toml(toml_text, source_name);
  if (!file) return std::unexpected(file.error());
  client_config config;
  config_reader<client_config> reader(rules, source_name);
  if (auto done = reader.read(*file, config); !done) {
    return std::unexpected(std::move(done.error()));
  }
  return config;
}

}  // namespace peerage
