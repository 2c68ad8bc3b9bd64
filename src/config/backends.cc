#include "config/backends.h"

#include <algorithm>

#include "config/rules.h"

namespace peerage {
namespace {

constexpr std::size_t most_servers = 64;

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> schemes) {
  return std::ranges::any_of(schemes, [&](std::string_view scheme) {
    return text.starts_with(scheme) && text.size() > scheme.size();
  });
}

std::unexpected<error> wrong(std::string_view source, std::string_view key, std::string_view what) {
  return fail(errc::invalid,
              std::string(source) + ": " + std::string(key) + " " + std::string(what),
              std::string(key));
}

}  // namespace

std::string take_store_kind(daemon_config& into, const toml_value& value) {
  const std::string* text = value.if_string();
  if (text != nullptr && *text == "sqlite") {
    into.store.kind = store_kind::sqlite;
  } else if (text != nullptr && *text == "consul") {
    into.store.kind = store_kind::consul;
  } else {
    return must_be("\"sqlite\" or \"consul\"", value);
  }
  return {};
}

std::string take_store_path(daemon_config& into, const toml_value& value) {
  return take_text(into.store.path, value, a_path);
}

std::string take_store_address(daemon_config& into, const toml_value& value) {
  const std::string* text = value.if_string();
  if (text == nullptr || !starts_with_any(*text, {"http://", "https://"})) {
    return must_be("\"http://HOST:PORT\" or \"https://HOST:PORT\"", value);
  }
  return take_text(into.store.address, value, "an address in quotes");
}

std::string take_store_prefix(daemon_config& into, const toml_value& value) {
  const std::string* text = value.if_string();
  if (text == nullptr || text->size() < 2 || text->starts_with('/') || !text->ends_with('/')) {
    return must_be("a prefix that ends with / and does not begin with one, like \"peerage/v1/\"",
                   value);
  }
  return take_text(into.store.prefix, value, "a prefix in quotes");
}

std::string take_store_token_file(daemon_config& into, const toml_value& value) {
  return take_text(into.store.token_file, value, a_path);
}
std::string take_store_ca_file(daemon_config& into, const toml_value& value) {
  return take_text(into.store.tls.ca, value, a_path);
}
std::string take_store_cert_file(daemon_config& into, const toml_value& value) {
  return take_text(into.store.tls.cert, value, a_path);
}
std::string take_store_key_file(daemon_config& into, const toml_value& value) {
  return take_text(into.store.tls.key, value, a_path);
}

std::string take_bus_kind(daemon_config& into, const toml_value& value) {
  const std::string* text = value.if_string();
  if (text != nullptr && *text == "local") {
    into.bus.kind = bus_kind::local;
  } else if (text != nullptr && *text == "nats") {
    into.bus.kind = bus_kind::nats;
  } else {
    return must_be("\"local\" or \"nats\"", value);
  }
  return {};
}

std::string take_bus_servers(daemon_config& into, const toml_value& value) {
  constexpr std::string_view servers = "a list like [\"nats://HOST:4222\", \"tls://HOST:4222\"]";
  const auto* list = std::get_if<toml_array>(&value.data);
  if (list == nullptr || list->empty() || list->size() > most_servers) {
    return must_be(servers, value);
  }
  into.bus.servers.clear();
  for (const toml_value& each : *list) {
    const std::string* text = each.if_string();
    if (text == nullptr || !starts_with_any(*text, {"nats://", "tls://"})) {
      return must_be(servers, each);
    }
    if (auto problem = take_text(into.bus.servers.emplace_back(), each, servers);
        !problem.empty()) {
      return problem;
    }
  }
  return {};
}

std::string take_bus_credentials_file(daemon_config& into, const toml_value& value) {
  return take_text(into.bus.credentials_file, value, a_path);
}
std::string take_bus_nkey_file(daemon_config& into, const toml_value& value) {
  return take_text(into.bus.nkey_file, value, a_path);
}
std::string take_bus_ca_file(daemon_config& into, const toml_value& value) {
  return take_text(into.bus.tls.ca, value, a_path);
}
std::string take_bus_cert_file(daemon_config& into, const toml_value& value) {
  return take_text(into.bus.tls.cert, value, a_path);
}
std::string take_bus_key_file(daemon_config& into, const toml_value& value) {
  return take_text(into.bus.tls.key, value, a_path);
}

result<> check_backends(const daemon_config& config, std::string_view source_name) {
  const store_config& store = config.store;
  const bool consul = store.kind == store_kind::consul;
  if (consul && !store.path.empty()) {
    return wrong(source_name, "store.path", "is for store.kind = \"sqlite\"; take it out");
  }
  if (store.tls.cert.empty() != store.tls.key.empty()) {
    return wrong(source_name, store.tls.cert.empty() ? "store.cert_file" : "store.key_file",
                 "is missing: a certificate and its key go together");
  }
  if (config.bus.tls.cert.empty() != config.bus.tls.key.empty()) {
    return wrong(source_name, config.bus.tls.cert.empty() ? "bus.cert_file" : "bus.key_file",
                 "is missing: a certificate and its key go together");
  }
  if (config.api && config.gateway) return {};
  const std::string_view role = config.api ? "[gateway]" : "[api]";
  const std::string why = "there is no section " + std::string(role) + ", so another process has " +
                          "that role, and the two need ";
  const std::string both =
      " (or give this process both roles: an empty " + std::string(role) + " takes the defaults)";
  const auto lacks = [&](std::string_view key, const std::string& what) {
    return fail(errc::invalid, std::string(source_name) + ": " + why + what + both,
                std::string(key));
  };
  if (!consul) {
    return lacks("store.kind", "a store that both can reach: set [store] kind = \"consul\"");
  }
  if (config.bus.kind != bus_kind::nats) {
    return lacks("bus.kind", "a bus between them: set [bus] kind = \"nats\"");
  }
  return {};
}

}  // namespace peerage
