#include "api/read.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "json/fields.h"
#include "model/reserved.h"
#include "plan/ranges.h"

namespace peerage {
namespace {

constexpr std::int64_t longest_s = 315'360'000;  // ten years
constexpr std::int64_t most_peers = 1'000'000;
constexpr std::size_t most_dns = 8;
constexpr std::size_t most_routes = 64;
constexpr std::size_t longest_token_name = 100;

result<std::int64_t> whole_number(std::string_view text, std::int64_t least, std::int64_t most) {
  std::int64_t value = 0;
  const char* last = text.data() + text.size();
  const auto [end, failure] = std::from_chars(text.data(), last, value);
  if (failure != std::errc{} || end != last || text.empty() || value < least || value > most) {
    return fail(errc::invalid, "must be a whole number from " + std::to_string(least) + " to " +
                                   std::to_string(most));
  }
  return value;
}

template <class Number>
std::optional<seconds> as_seconds(const std::optional<Number>& from) {
  if (!from) return {};
  return seconds{*from};
}

result<prefix> parse_ipv6_range(std::string_view text) {
  auto made = prefix::parse(text);
  if (!made) return made;
  if (auto fit = check_network_ipv6(*made); !fit) return std::unexpected(fit.error());
  return made;
}

result<prefix> parse_ipv4_range(std::string_view text) {
  auto made = prefix::parse(text);
  if (!made) return made;
  if (auto fit = check_network_ipv4(*made); !fit) return std::unexpected(fit.error());
  return made;
}

result<std::string> parse_token_name(std::string_view text) {
  const bool plain = std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (plain && text.size() <= longest_token_name) return std::string(text);
  return fail(errc::invalid, "must be at most 100 bytes, without control characters");
}

result<scope> parse_scope(std::string_view text) {
  if (const auto known = scope_named(text)) return *known;
  return fail(errc::invalid,
              "is no scope: admin, peers:read, peers:write, peers:manage, networks:manage, "
              "gateways:read or gateways:manage");
}

result<http::query_parameters> read_query(std::string_view query) {
  auto parameters = http::parse_query(query);
  if (!parameters) parameters.error().field = json::shortened(parameters.error().field);
  return parameters;
}

template <class T>
member<T> member_of(json::fields& in, std::string_view name, std::optional<T> value) {
  member<T> made;
  made.given = in.given(name);
  made.value = std::move(value);
  return made;
}

}  // namespace

result<json::object> read_body(const http::request& from) {
  const std::string_view type = from.header("Content-Type");
  const std::string_view media = type.substr(0, type.find_first_of("; \t"));
  if (!http::same_word(media, "application/json")) {
    return fail(errc::unsupported, "Content-Type must be application/json", "Content-Type");
  }
  for (const auto& [name, coding] : from.headers) {
    if (!http::same_word(name, "Content-Encoding") || http::same_word(coding, "identity")) continue;
    return fail(errc::unsupported, "the body must be sent as it is, without a Content-Encoding",
                "Content-Encoding");
  }
  auto parsed = json::parse(from.body);
  if (!parsed) {
    return fail(errc::invalid, "the body " + parsed.error().message,
                json::shortened(parsed.error().field));
  }
  if (!parsed->is_object()) return fail(errc::invalid, "the body must be one JSON object");
  return std::move(parsed->get_object());
}

namespace {

std::unexpected<error> leads_nowhere(std::string_view why) {
  return fail(errc::invalid, "is " + std::string(why) + ", and leads no peer anywhere");
}

/// Refused where no peer can send anything through a gateway to it.
result<> leads_somewhere(const prefix& wanted) {
  if (const auto why = reserved_as(wanted); !why.empty()) return leads_nowhere(why);
  if (is_loopback(wanted)) return leads_nowhere("the peer's own loopback");
  return {};
}

result<prefix> parse_route(std::string_view text) {
  auto made = prefix::parse(text);
  if (!made) return made;
  if (auto leads = leads_somewhere(*made); !leads) return std::unexpected(leads.error());
  return made;
}

result<ip_address> parse_resolver(std::string_view text) {
  auto made = ip_address::parse(text);
  if (!made) return made;
  if (auto leads = leads_somewhere(prefix::host(*made)); !leads) {
    return std::unexpected(leads.error());
  }
  return made;
}

template <class Item>
bool has_twice(std::vector<Item> list) {
  std::ranges::sort(list);
  return std::ranges::adjacent_find(list) != list.end();
}

}  // namespace

result<network_request> read_network(const json::object& from) {
  json::fields in(from);
  network_request made;
  made.name = in.required<network_name>("name", network_name::parse);
  made.ipv6 = in.parsed<prefix>("ipv6", parse_ipv6_range);
  made.ipv4 = in.parsed<prefix>("ipv4", parse_ipv4_range);
  made.dns = in.parsed_list<ip_address>("dns", most_dns, parse_resolver)
                 .value_or(std::vector<ip_address>{});
  if (has_twice(made.dns)) in.blame("dns", "names an address twice");
  made.allowed_ips = in.parsed_list<prefix>("allowed_ips", most_routes, parse_route);
  if (made.allowed_ips && has_twice(*made.allowed_ips)) {
    in.blame("allowed_ips", "names a prefix twice");
  }
  if (made.allowed_ips && made.allowed_ips->empty()) {
    in.blame("allowed_ips", "must have at least one prefix, or be left out");
  }
  if (auto good = in.finish(); !good) return std::unexpected(good.error());
  return made;
}

result<token_request> read_token(const json::object& from) {
  json::fields in(from);
  token_request made;
  made.name = in.parsed<std::string>("name", parse_token_name).value_or("");
  made.network = in.parsed<network_name>("network", network_name::parse);
  made.scopes = in.parsed_list<scope>("scopes", 16, parse_scope).value_or(std::vector<scope>{});
  if (made.scopes.empty()) in.blame("scopes", "must name at least one scope");
  std::sort(made.scopes.begin(), made.scopes.end());
  made.scopes.erase(std::unique(made.scopes.begin(), made.scopes.end()), made.scopes.end());
  made.expires_in = as_seconds(in.whole("expires_in_s", 1, longest_s));
  if (const auto most = in.whole("max_peers", 1, most_peers)) {
    made.max_peers = static_cast<std::uint32_t>(*most);
  }
  made.max_ttl = as_seconds(in.whole("max_ttl_s", 1, longest_s));
  if (auto good = in.finish(); !good) return std::unexpected(good.error());
  return made;
}

result<enrol_request> read_enrol(const json::object& from, const peer_name* in_path) {
  json::fields in(from);
  enrol_request made;
  made.name = in.parsed<peer_name>("name", peer_name::parse);
  if (in_path != nullptr && in.given("name") && made.name != *in_path) {
    in.blame("name", "must equal the name in the path");
  }
  if (in_path == nullptr) {
    made.public_key = in.required<public_key>("public_key", public_key::parse);
  } else {
    made.public_key = in.parsed<public_key>("public_key", public_key::parse);
    if (in.null("public_key")) in.blame("public_key", "can't be cleared");
  }
  made.region = member_of(in, "region", in.parsed<region_name>("region", region_name::parse));
  made.gateway = member_of(in, "gateway", in.parsed<gateway_name>("gateway", gateway_name::parse));
  made.ttl = member_of(in, "ttl_s", as_seconds(in.whole("ttl_s", 1, longest_s)));
  made.preshared_key =
      member_of(in, "preshared_key", in.parsed<secret_key>("preshared_key", parse_secret_key));
  made.wait = milliseconds{in.whole("wait_ms", 0, 30'000).value_or(5'000)};
  if (auto good = in.finish(); !good) return std::unexpected(good.error());
  return made;
}

result<bool> read_drain(const json::object& from) {
  json::fields in(from);
  const auto drain = in.boolean("drain");
  if (!drain) in.blame("drain", "is missing");
  if (auto good = in.finish(); !good) return std::unexpected(good.error());
  return *drain;
}

namespace {

/// A position that only the server can read.
bool is_sealed(std::string_view text) {
  return text.size() > 1 && text.size() <= 200 && text.front() == '~' && text.size() % 2 == 1 &&
         std::all_of(text.begin() + 1, text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

result<> take_limit(list_query& into, const std::string& name, std::string_view value) {
  const auto limit = whole_number(value, 1, 1'000);
  if (!limit) return fail(errc::invalid, limit.error().message, name);
  into.limit = static_cast<std::size_t>(*limit);
  return {};
}

}  // namespace

result<list_query> read_list_query(std::string_view query) {
  auto parameters = read_query(query);
  if (!parameters) return std::unexpected(parameters.error());
  list_query made;
  for (const auto& [name, value] : *parameters) {
    if (name == "limit") {
      if (auto good = take_limit(made, name, value); !good) return std::unexpected(good.error());
    } else if (name == "cursor") {
      if (!is_label(value) && !is_sealed(value))
        return fail(errc::invalid, "is not one that a list gave", name);
      made.cursor = value;
    } else if (name == "stale_s") {
      const auto stale = whole_number(value, 1, longest_s);
      if (!stale) return fail(errc::invalid, stale.error().message, name);
      made.stale = seconds{*stale};
    } else {
      return fail(errc::invalid, "there is no such parameter", json::shortened(name));
    }
  }
  return made;
}

result<list_query> read_audit_query(std::string_view query) {
  auto parameters = read_query(query);
  if (!parameters) return std::unexpected(parameters.error());
  list_query made;
  for (const auto& [name, value] : *parameters) {
    if (name == "limit") {
      if (auto good = take_limit(made, name, value); !good) return std::unexpected(good.error());
    } else if (name == "cursor") {
      if (value.empty()) return fail(errc::invalid, "is not one that a page gave", name);
      made.cursor = value;
    } else {
      return fail(errc::invalid, "there is no such parameter", json::shortened(name));
    }
  }
  return made;
}

result<std::optional<network_name>> read_events_query(std::string_view query) {
  auto parameters = read_query(query);
  if (!parameters) return std::unexpected(parameters.error());
  std::optional<network_name> made;
  for (const auto& [name, value] : *parameters) {
    if (name != "network") {
      return fail(errc::invalid, "there is no such parameter", json::shortened(name));
    }
    auto network = network_name::parse(value);
    if (!network) return fail(errc::invalid, network.error().message, name);
    made = std::move(*network);
  }
  return made;
}

result<bool> read_force_query(std::string_view query) {
  auto parameters = read_query(query);
  if (!parameters) return std::unexpected(parameters.error());
  bool force = false;
  for (const auto& [name, value] : *parameters) {
    if (name != "force") {
      return fail(errc::invalid, "there is no such parameter", json::shortened(name));
    }
    if (value != "true" && value != "false") {
      return fail(errc::invalid, "must be true or false", name);
    }
    force = value == "true";
  }
  return force;
}

result<> read_no_query(std::string_view query) {
  auto parameters = read_query(query);
  if (!parameters) return std::unexpected(parameters.error());
  if (parameters->empty()) return {};
  return fail(errc::invalid, "there is no such parameter",
              json::shortened(parameters->front().first));
}

}  // namespace peerage
