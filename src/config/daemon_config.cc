#include <algorithm>
#include <array>
#include <charconv>

#include "config/backends.h"
#include "config/config.h"
#include "config/endpoint.h"
#include "config/reference.h"
#include "config/rules.h"
#include "config/toml.h"
#include "model/gateway.h"
#include "model/ip.h"

namespace peerage {
namespace {

constexpr std::string_view a_label = "a label in quotes: 1 to 63 of a-z, 0-9 and -";

std::optional<std::int64_t> whole(const toml_value& value, std::int64_t least, std::int64_t most) {
  const std::int64_t* number = value.if_integer();
  if (number == nullptr || *number < least || *number > most) return {};
  return *number;
}

constexpr std::string_view unix_prefix = "unix:";
constexpr std::size_t longest_unix_path = 107;  // what a sockaddr_un holds

bool is_listen_address(std::string_view text) {
  if (text.starts_with(unix_prefix)) {
    const auto path = text.substr(unix_prefix.size());
    const bool plain = std::none_of(path.begin(), path.end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
    return path.size() > 1 && path.size() <= longest_unix_path && path.front() == '/' && plain;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = ip_address::parse(host);
  if (!address || (address->family() == family::ipv6) != bracketed) return false;
  std::uint16_t number = 0;
  const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), number);
  return failure == std::errc{} && end == port.data() + port.size() && !port.empty();
}

std::string take_listen(std::string& into, const toml_value& value) {
  const std::string* text = value.if_string();
  if (text == nullptr || !is_listen_address(*text)) {
    return must_be(
        "\"ADDRESS:PORT\" with an IP address, like \"127.0.0.1:7420\", or \"unix:/PATH\"", value);
  }
  into = *text;
  return {};
}

template <class Label>
std::string take_label(Label& into, const toml_value& value) {
  const std::string* text = value.if_string();
  if (text == nullptr) return must_be(a_label, value);
  auto parsed = Label::parse(*text);
  if (!parsed) return must_be(a_label, value);
  into = std::move(*parsed);
  return {};
}

std::string take_state_dir(daemon_config& into, const toml_value& value) {
  return take_text(into.state_dir, value, a_path);
}

/// What is nobody's is every service's that runs as nobody.
std::string take_user(daemon_config& into, const toml_value& value) {
  constexpr const char* wanted = "the name of a user of its own, or \"root\"";
  if (auto problem = take_text(into.user, value, wanted); !problem.empty()) return problem;
  return into.user == "nobody" ? must_be(wanted, value) + ", whom other services share" : "";
}

std::string take_api(daemon_config& into, const toml_value&) {
  into.api.emplace();
  return {};
}

std::string take_api_listen(daemon_config& into, const toml_value& value) {
  return take_listen(into.api->listen, value);
}

template <std::uint32_t api_config::* Member, std::int64_t Least>
std::string take_api_number(daemon_config& into, const toml_value& value) {
  constexpr std::int64_t most = 1'000'000;
  const auto number = whole(value, Least, most);
  if (!number) {
    return must_be("a whole number from " + std::to_string(Least) + " to " + std::to_string(most),
                   value);
  }
  (*into.api).*Member = static_cast<std::uint32_t>(*number);
  return {};
}

std::string take_audit_dir(daemon_config& into, const toml_value& value) {
  return take_text(into.api->audit_dir, value, a_path);
}

std::string take_audit_keep(daemon_config& into, const toml_value& value) {
  const auto days = whole(value, 1, 3'650);
  if (!days) return must_be("a whole number of days from 1 to 3650", value);
  into.api->audit_keep = std::chrono::days{*days};
  return {};
}

std::string take_audit_max(daemon_config& into, const toml_value& value) {
  const auto megabytes = whole(value, 1, 1'000'000);
  if (!megabytes) return must_be("a whole number of megabytes from 1 to 1000000", value);
  into.api->audit_max_bytes = static_cast<std::uint64_t>(*megabytes) * 1'000'000;
  return {};
}

std::string take_network_ranges(daemon_config& into, const toml_value& value) {
  constexpr std::size_t most = 64;
  const auto* list = std::get_if<toml_array>(&value.data);
  constexpr std::string_view ranges = "a list of 1 to 64 ranges like \"fd00::/8\", \"10.0.0.0/8\"";
  if (list == nullptr || list->empty() || list->size() > most) return must_be(ranges, value);
  into.api->network_ranges.clear();
  for (const toml_value& each : *list) {
    const std::string* text = each.if_string();
    const auto range = text == nullptr ? fail(errc::invalid, "") : prefix::parse(*text);
    if (!range) return must_be(ranges, each);
    into.api->network_ranges.push_back(*range);
  }
  return {};
}

std::string take_api_cert_file(daemon_config& into, const toml_value& value) {
  return take_text(into.api->tls.cert, value, a_path);
}

std::string take_api_key_file(daemon_config& into, const toml_value& value) {
  return take_text(into.api->tls.key, value, a_path);
}

std::string take_api_plain_http(daemon_config& into, const toml_value& value) {
  if (value.if_bool() == nullptr) return must_be("true or false", value);
  into.api->plain_http = *value.if_bool();
  return {};
}

bool is_proxy(std::string_view text) {
  return text == unix_prefix || prefix::parse(text) || ip_address::parse(text);
}

std::string take_trusted_proxies(daemon_config& into, const toml_value& value) {
  constexpr std::string_view wanted =
      "a list like [\"10.0.0.0/8\", \"2001:db8::5\", \"unix:\"], 64 at most";
  const auto* list = std::get_if<toml_array>(&value.data);
  if (list == nullptr || list->size() > 64) return must_be(wanted, value);
  into.api->trusted_proxies.clear();
  for (const toml_value& each : *list) {
    const std::string* text = each.if_string();
    if (text == nullptr || !is_proxy(*text)) return must_be(wanted, each);
    into.api->trusted_proxies.push_back(*text);
  }
  return {};
}

std::string take_proxy_protocol(daemon_config& into, const toml_value& value) {
  if (value.if_bool() == nullptr) return must_be("true or false", value);
  into.api->proxy_protocol = *value.if_bool();
  return {};
}

std::string take_gateway(daemon_config& into, const toml_value&) {
  into.gateway.emplace();
  return {};
}

std::string take_name(daemon_config& into, const toml_value& value) {
  into.gateway->named = true;
  return take_label(into.gateway->name, value);
}

std::string take_region(daemon_config& into, const toml_value& value) {
  return take_label(into.gateway->region, value);
}

std::string take_endpoint(daemon_config& into, const toml_value& value) {
  const std::string* text = value.if_string();
  auto parsed = text == nullptr ? fail(errc::invalid, "") : parse_endpoint(*text);
  if (!parsed) return must_be("\"ADDRESS:PORT\" or \"HOST:PORT\"", value);
  if (const std::string why = useless_because(*parsed); !why.empty()) {
    return must_be("what clients can connect to", value) + ": that is " + why;
  }
  into.gateway->endpoint = std::move(*parsed);
  return {};
}

std::string take_interface(daemon_config& into, const toml_value& value) {
  constexpr std::string_view others = "_=+.-";
  const auto fits = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.find(c) != std::string_view::npos;
  };
  const std::string* text = value.if_string();
  if (text == nullptr || text->empty() || text->size() > 15 || *text == "." || *text == ".." ||
      !std::all_of(text->begin(), text->end(), fits)) {
    return must_be("an interface's name in quotes: 1 to 15 of a-z, A-Z, 0-9 and _=+.-", value);
  }
  into.gateway->interface = *text;
  return {};
}

std::string take_listen_port(daemon_config& into, const toml_value& value) {
  const auto port = whole(value, 1, 65'535);
  if (!port) return must_be("a whole number from 1 to 65535", value);
  into.gateway->listen_port = static_cast<std::uint16_t>(*port);
  return {};
}

std::string take_mtu(daemon_config& into, const toml_value& value) {
  const auto mtu = whole(value, least_mtu, most_mtu);
  if (!mtu) {
    return must_be(
        "a whole number from " + std::to_string(least_mtu) + " to " + std::to_string(most_mtu),
        value);
  }
  into.gateway->mtu = static_cast<std::uint32_t>(*mtu);
  return {};
}

/// One of three words.
template <class Choice>
std::string take_choice(Choice& into, const toml_value& value,
                        const std::array<std::pair<std::string_view, Choice>, 3>& all) {
  const std::string* text = value.if_string();
  for (const auto& [word, choice] : all) {
    if (text == nullptr || *text != word) continue;
    into = choice;
    return {};
  }
  const auto quoted = [&](std::size_t at) { return "\"" + std::string(all.at(at).first) + "\""; };
  return must_be(quoted(0) + ", " + quoted(1) + " or " + quoted(2), value);
}

std::string take_device(daemon_config& into, const toml_value& value) {
  using enum device_choice;
  return take_choice<device_choice>(
      into.gateway->device, value,
      {{{"auto", automatic}, {"kernel", kernel}, {"userspace", userspace}}});
}

std::string take_forwarding(daemon_config& into, const toml_value& value) {
  using enum forwarding_choice;
  return take_choice<forwarding_choice>(into.gateway->forwarding, value,
                                        {{{"tell", tell}, {"set", set}, {"ignore", ignore}}});
}

std::string take_private_key_file(daemon_config& into, const toml_value& value) {
  return take_text(into.gateway->private_key_file, value, a_path);
}

std::string take_reconcile(daemon_config& into, const toml_value& value) {
  const auto count = whole(value, 1, 86'400);
  if (!count) return must_be("a whole number of seconds from 1 to 86400", value);
  into.gateway->reconcile = seconds{*count};
  return {};
}

std::string take_admin_listen(daemon_config& into, const toml_value& value) {
  return take_listen(into.gateway->admin_listen, value);
}

std::string take_adopt(daemon_config& into, const toml_value& value) {
  if (value.if_bool() == nullptr) return must_be("true or false", value);
  into.gateway->adopt = *value.if_bool();
  return {};
}

std::string take_firewall(daemon_config& into, const toml_value& value) {
  if (value.if_bool() == nullptr) return must_be("true or false", value);
  into.gateway->firewall = *value.if_bool();
  return {};
}

std::optional<open_port> parse_open(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return {};
  open_port made{std::string(text.substr(0, slash)), 0};
  const std::string_view port = text.substr(slash + 1);
  const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), made.port);
  const bool whole = failure == std::errc{} && end == port.data() + port.size() && made.port > 0;
  if (!whole || (made.protocol != "tcp" && made.protocol != "udp")) return {};
  return made;
}

std::string take_open(daemon_config& into, const toml_value& value) {
  constexpr std::string_view wanted = "a list like [\"udp/53\", \"tcp/53\"], 64 at most";
  const auto* list = std::get_if<toml_array>(&value.data);
  if (list == nullptr || list->size() > 64) return must_be(wanted, value);
  into.gateway->open.clear();
  for (const toml_value& each : *list) {
    const std::string* text = each.if_string();
    auto parsed = text == nullptr ? std::optional<open_port>{} : parse_open(*text);
    if (!parsed) return must_be(wanted, each);
    into.gateway->open.push_back(*std::move(parsed));
  }
  return {};
}

constexpr auto rules = std::to_array<config_rule<daemon_config>>({
    {"", "state_dir", take_state_dir},
    {"", "user", take_user},
    {"store", "kind", take_store_kind},
    {"store", "path", take_store_path},
    {"store", "address", take_store_address},
    {"store", "prefix", take_store_prefix},
    {"store", "token_file", take_store_token_file},
    {"store", "ca_file", take_store_ca_file},
    {"store", "cert_file", take_store_cert_file},
    {"store", "key_file", take_store_key_file},
    {"bus", "kind", take_bus_kind},
    {"bus", "servers", take_bus_servers},
    {"bus", "credentials_file", take_bus_credentials_file},
    {"bus", "nkey_file", take_bus_nkey_file},
    {"bus", "ca_file", take_bus_ca_file},
    {"bus", "cert_file", take_bus_cert_file},
    {"bus", "key_file", take_bus_key_file},
    {"api", "", take_api},
    {"api", "listen", take_api_listen},
    {"api", "token_creations_per_s", take_api_number<&api_config::token_creations_per_s, 0>},
    {"api", "token_reads_per_s", take_api_number<&api_config::token_reads_per_s, 0>},
    {"api", "network_reads_per_s", take_api_number<&api_config::network_reads_per_s, 0>},
    {"api", "network_creations_per_s", take_api_number<&api_config::network_creations_per_s, 0>},
    {"api", "connections", take_api_number<&api_config::connections, 1>},
    {"api", "connections_per_host", take_api_number<&api_config::connections_per_host, 1>},
    {"api", "requests", take_api_number<&api_config::requests, 1>},
    {"api", "requests_per_host", take_api_number<&api_config::requests_per_host, 1>},
    {"api", "audit_dir", take_audit_dir},
    {"api", "audit_keep_days", take_audit_keep},
    {"api", "audit_max_mb", take_audit_max},
    {"api", "network_ranges", take_network_ranges},
    {"api", "cert_file", take_api_cert_file},
    {"api", "key_file", take_api_key_file},
    {"api", "plain_http", take_api_plain_http},
    {"api", "trusted_proxies", take_trusted_proxies},
    {"api", "proxy_protocol", take_proxy_protocol},
    {"gateway", "", take_gateway},
    {"gateway", "name", take_name},
    {"gateway", "region", take_region},
    {"gateway", "endpoint", take_endpoint},
    {"gateway", "interface", take_interface},
    {"gateway", "listen_port", take_listen_port},
    {"gateway", "mtu", take_mtu},
    {"gateway", "device", take_device},
    {"gateway", "private_key_file", take_private_key_file},
    {"gateway", "reconcile_s", take_reconcile},
    {"gateway", "admin_listen", take_admin_listen},
    {"gateway", "adopt", take_adopt},
    {"gateway", "firewall", take_firewall},
    {"gateway", "forwarding", take_forwarding},
    {"gateway", "open", take_open},
});

/// 127.0.0.0/8 and ::1; a Unix socket never leaves the host.
bool is_loopback(std::string_view listen) {
  return listen.starts_with(unix_prefix) || listen.starts_with("127.") ||
         listen.starts_with("[::1]:");
}

/// Tokens do not cross a network in the clear unless somebody says so.
result<> check_api(const api_config& api, std::string_view source_name) {
  const auto wrong = [&](const std::string& key, const std::string& what) {
    return fail(errc::invalid, std::string(source_name) + ": " + key + " " + what, key);
  };
  if (api.tls.cert.empty() != api.tls.key.empty()) {
    return wrong(api.tls.cert.empty() ? "api.cert_file" : "api.key_file",
                 "is missing: a certificate and its key go together");
  }
  if (!api.tls.cert.empty() && api.plain_http) {
    return wrong("api.plain_http", "is for an API without cert_file and key_file; take one out");
  }
  if (api.proxy_protocol && api.trusted_proxies.empty()) {
    return wrong("api.proxy_protocol",
                 "is for connections of trusted proxies; name them in api.trusted_proxies");
  }
  if (api.tls.cert.empty() && !api.plain_http && !is_loopback(api.listen)) {
    return wrong("api.listen",
                 "is not a loopback address, and tokens would cross the network in "
                 "the clear: set api.cert_file and api.key_file, or api.plain_http = "
                 "true where something else keeps them secret");
  }
  return {};
}

/// The whole host name, so that hosts of one name in two domains stay two gateways.
std::string label_of(std::string_view host_name) {
  std::string label;
  for (const char c : host_name) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool fits = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    if (fits) {
      label += lower;
    } else if (!label.empty() && label.back() != '-') {
      label += '-';
    }
  }
  if (label.size() > 63) label.resize(63);
  while (!label.empty() && label.back() == '-') label.pop_back();
  return label;
}

/// What is absent and follows from something else.
result<> complete(daemon_config& config, std::string_view source_name, std::string_view host_name) {
  const bool on_disk = config.store.kind == store_kind::sqlite;
  if (on_disk && config.store.path.empty()) config.store.path = config.state_dir + "/peerage.db";
  if (config.api && config.api->audit_dir.empty()) {
    config.api->audit_dir = config.state_dir + "/audit";
  }
  if (!config.gateway) return {};
  gateway_config& gateway = *config.gateway;
  if (gateway.private_key_file.empty())
    gateway.private_key_file = config.state_dir + "/gateway.key";
  if (gateway.region.empty()) gateway.region = region_name::parse("local").value();
  if (!gateway.name.empty()) return {};
  auto name = gateway_name::parse(label_of(host_name));
  if (!name) {
    return fail(errc::invalid,
                std::string(source_name) +
                    ": gateway.name is not set and this host's name gives none; set it",
                "gateway.name");
  }
  gateway.name = std::move(*name);
  return {};
}

}  // namespace

std::vector<std::string> names_of_daemon_rules() {
  return names_of<daemon_config>(rules);
}

std::vector<prefix> default_network_ranges() {
  std::vector<prefix> all;
  for (const char* each :
       {"fd00::/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"}) {
    all.push_back(prefix::parse(each).value());
  }
  return all;
}

result<daemon_config> default_daemon_config(std::string_view host_name) {
  daemon_config config;
  config.api.emplace();
  config.gateway.emplace();
  if (auto done = complete(config, "no config file", host_name); !done) {
    return std::unexpected(std::move(done.error()));
  }
  return config;
}

result<daemon_config> parse_daemon_config(std::string_view toml_text, std::string_view source_name,
                                          std::string_view host_name) {
  const auto file = parse_toml(toml_text, source_name);
  if (!file) return std::unexpected(file.error());
  daemon_config config;
  config.text = toml_text;
  config_reader<daemon_config> reader(rules, source_name);
  if (auto done = reader.read(*file, config); !done) {
    return std::unexpected(std::move(done.error()));
  }
  if (!config.api && !config.gateway) {
    return fail(errc::invalid, std::string(source_name) +
                                   ": has neither [api] nor [gateway], so this process would have "
                                   "no role; add one or both");
  }
  if (auto fits = check_backends(config, source_name); !fits) {
    return std::unexpected(std::move(fits.error()));
  }
  if (config.api) {
    if (auto fits = check_api(*config.api, source_name); !fits) {
      return std::unexpected(std::move(fits.error()));
    }
  }
  if (auto done = complete(config, source_name, host_name); !done) {
    return std::unexpected(std::move(done.error()));
  }
  return config;
}

}  // namespace peerage
