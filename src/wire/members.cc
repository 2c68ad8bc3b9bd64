#include "wire/members.h"

#include "base/base64.h"

namespace peerage::wire {

json::value time_or_null(const std::optional<wall_time>& from) {
  if (!from) return nullptr;
  return json::value(to_rfc3339(*from));
}

// As a network may have allowed IPs.
constexpr std::size_t most_routes = 1'000;

json::value value_of(const secret_key& from) {
  return json::value(base64_encode(from.reveal()));
}

json::object object_of(const assignment& from) {
  json::object made;
  made["network"] = from.id.network.text();
  made["name"] = from.id.name.text();
  made["public_key"] = from.public_key.text();
  made["addresses"] = texts(from.addresses);
  if (from.preshared_key) made["preshared_key"] = value_of(*from.preshared_key);
  if (from.network_ipv4) made["network_ipv4"] = from.network_ipv4->text();
  if (!from.network_routes.empty()) made["network_routes"] = texts(from.network_routes);
  if (from.expires_at) made["expires_at"] = to_rfc3339(*from.expires_at);
  return made;
}

result<wall_time> parse_time(std::string_view text) {
  if (const auto time = from_rfc3339(text)) return *time;
  return fail(errc::invalid, "must be a time like 2026-11-23T14:15:32.120Z");
}

result<ip_address> parse_ipv6(std::string_view text) {
  auto made = ip_address::parse(text);
  if (made && made->family() != family::ipv6) return fail(errc::invalid, "must be IPv6");
  return made;
}

result<ip_address> parse_ipv4(std::string_view text) {
  auto made = ip_address::parse(text);
  if (made && made->family() != family::ipv4) return fail(errc::invalid, "must be IPv4");
  return made;
}

std::uint64_t required_count(json::fields& in, std::string_view name, std::int64_t most) {
  const auto found = in.whole(name, 0, most);
  if (!found) in.blame(name, "is missing");
  return static_cast<std::uint64_t>(found.value_or(0));
}

result<assignment> assignment_in(const json::object& from) {
  json::fields in(from);
  assignment made;
  made.id.network = in.required<network_name>("network", network_name::parse);
  made.id.name = in.required<peer_name>("name", peer_name::parse);
  made.public_key = in.required<public_key>("public_key", public_key::parse);
  made.preshared_key = in.parsed<secret_key>("preshared_key", parse_secret_key);
  made.addresses =
      in.parsed_list<prefix>("addresses", 2, prefix::parse).value_or(std::vector<prefix>{});
  for (const prefix& each : made.addresses) {
    if (each.length() != each.address().bits()) in.blame("addresses", "must be /32 or /128");
  }
  if (made.addresses.empty()) in.blame("addresses", "is missing");
  made.network_ipv4 = in.parsed<prefix>("network_ipv4", prefix::parse);
  made.network_routes = in.parsed_list<prefix>("network_routes", most_routes, prefix::parse)
                            .value_or(std::vector<prefix>{});
  made.expires_at = in.parsed<wall_time>("expires_at", parse_time);
  if (auto good = finish(in); !good) return std::unexpected(good.error());
  return made;
}

result<json::object> object_in(std::string_view text) {
  auto parsed = json::parse(text);
  if (!parsed) return fail(errc::corrupt, parsed.error().message, parsed.error().field);
  if (!parsed->is_object()) return fail(errc::corrupt, "is not one JSON object");
  return std::move(parsed->get_object());
}

std::optional<error> refusal_in(const json::object& from) {
  const auto* refusal = from.if_contains("error");
  if (refusal == nullptr || !refusal->is_string()) return {};
  return error{errc::invalid,
               "the gateway could not read the request: " + std::string(refusal->get_string()),
               {}};
}

result<> finish(json::fields& in) {
  auto good = in.finish(json::unknown_members::allowed);
  if (good) return good;
  return fail(errc::corrupt, good.error().message, good.error().field);
}

}  // namespace peerage::wire
