// The rules of the sections [store] and [bus]. For daemon_config.cc. Pure.
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"
#include "config/toml.h"

namespace peerage {

inline constexpr std::string_view a_path = "a path in quotes";

std::string take_store_kind(daemon_config& into, const toml_value& value);
std::string take_store_path(daemon_config& into, const toml_value& value);
std::string take_store_address(daemon_config& into, const toml_value& value);
std::string take_store_prefix(daemon_config& into, const toml_value& value);
std::string take_store_token_file(daemon_config& into, const toml_value& value);
std::string take_store_ca_file(daemon_config& into, const toml_value& value);
std::string take_store_cert_file(daemon_config& into, const toml_value& value);
std::string take_store_key_file(daemon_config& into, const toml_value& value);
std::string take_bus_kind(daemon_config& into, const toml_value& value);
std::string take_bus_servers(daemon_config& into, const toml_value& value);
std::string take_bus_credentials_file(daemon_config& into, const toml_value& value);
std::string take_bus_nkey_file(daemon_config& into, const toml_value& value);
std::string take_bus_ca_file(daemon_config& into, const toml_value& value);
std::string take_bus_cert_file(daemon_config& into, const toml_value& value);
std::string take_bus_key_file(daemon_config& into, const toml_value& value);

/// Whether what was chosen goes together: keys of the kind that was chosen, and between processes a
/// store and a bus that several processes can share. errc::invalid, with the key.
result<> check_backends(const daemon_config& config, std::string_view source_name);

}  // namespace peerage
