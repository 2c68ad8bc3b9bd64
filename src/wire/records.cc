#include "wire/records.h"

#include <utility>

#include "base/base64.h"
#include "wire/members.h"

namespace peerage::wire {
namespace {

constexpr std::int64_t most_capacity = 0xffffffff;
constexpr std::int64_t most_quota = 0xffffffff;
constexpr std::int64_t longest_s = 1'000'000'000'000;

result<std::string> any_text(std::string_view text) {
  return std::string(text);
}

result<scope> parse_scope(std::string_view text) {
  if (const auto known = scope_named(text)) return *known;
  return fail(errc::invalid, "is no scope");
}

result<std::array<std::uint8_t, 32>> parse_hash(std::string_view text) {
  std::array<std::uint8_t, 32> made{};
  if (hex_decode(text, made)) return made;
  return fail(errc::invalid, "must be 64 hexadecimal digits");
}

std::optional<std::uint32_t> quota_in(json::fields& in, std::string_view name) {
  const auto number = in.whole(name, 1, most_quota);
  if (!number) return {};
  return static_cast<std::uint32_t>(*number);
}

}  // namespace

std::string write(const network& from) {
  json::object made;
  made["name"] = from.name.text();
  if (!from.id.empty()) made["id"] = from.id;
  made["ipv6"] = from.ipv6.text();
  made["ipv4"] = text_or_null(from.ipv4);
  made["dns"] = texts(from.dns);
  made["allowed_ips"] = texts(from.allowed_ips);
  made["created_at"] = to_rfc3339(from.created_at);
  return json::serialize(made);
}

std::string write(const gateway& from) {
  json::object made;
  made["name"] = from.name.text();
  made["number"] = from.number;
  made["region"] = from.region.text();
  made["public_key"] = from.public_key.text();
  made["endpoint"] = from.endpoint;
  made["device"] = from.device;
  made["capacity"] = from.capacity;
  made["draining"] = from.draining;
  made["owner"] = from.owner;
  made["registered_at"] = to_rfc3339(from.registered_at);
  if (from.mtu != usual_mtu) made["mtu"] = from.mtu;
  return json::serialize(made);
}

std::string write(const peer& from) {
  json::object made;
  made["network"] = from.id.network.text();
  made["name"] = from.id.name.text();
  made["public_key"] = from.public_key.text();
  if (from.preshared_key) made["preshared_key"] = value_of(*from.preshared_key);
  made["gateway"] = from.gateway.text();
  made["ipv6"] = from.ipv6.text();
  if (from.ipv4) made["ipv4"] = from.ipv4->text();
  made["created_at"] = to_rfc3339(from.created_at);
  made["assigned_at"] = to_rfc3339(from.assigned_at);
  if (from.expires_at) made["expires_at"] = to_rfc3339(*from.expires_at);
  made["created_by"] = from.created_by.text();
  if (from.quota) made["quota"] = *from.quota;
  return json::serialize(made);
}

std::string write(const token& from) {
  json::array scopes;
  for (const scope each : from.scopes) scopes.emplace_back(std::string(name_of(each)));
  json::object made;
  made["id"] = from.id.text();
  made["name"] = from.name;
  made["network"] = text_or_null(from.network);
  if (!from.network_id.empty()) made["network_id"] = from.network_id;
  made["scopes"] = std::move(scopes);
  made["hash"] = hex_encode(from.hash);
  made["created_at"] = to_rfc3339(from.created_at);
  made["expires_at"] = time_or_null(from.expires_at);
  made["last_used_at"] = time_or_null(from.last_used_at);
  if (from.max_peers) made["max_peers"] = *from.max_peers;
  if (from.max_ttl) made["max_ttl_s"] = from.max_ttl->count();
  return json::serialize(made);
}

std::string write(const mark& from) {
  json::object made;
  made["name"] = from.name;
  made["value"] = from.value;
  return json::serialize(made);
}

std::string write(const assignment& from) {
  return json::serialize(object_of(from));
}

result<network> read_network(std::string_view text) {
  auto object = object_in(text);
  if (!object) return std::unexpected(object.error());
  json::fields in(*object);
  network made;
  made.name = in.required<network_name>("name", network_name::parse);
  made.id = in.parsed<std::string>("id", any_text).value_or("");
  made.ipv6 = in.required<prefix>("ipv6", prefix::parse);
  made.ipv4 = in.parsed<prefix>("ipv4", prefix::parse);
  made.dns =
      in.parsed_list<ip_address>("dns", 64, ip_address::parse).value_or(std::vector<ip_address>{});
  made.allowed_ips =
      in.parsed_list<prefix>("allowed_ips", 1'000, prefix::parse).value_or(std::vector<prefix>{});
  made.created_at = in.required<wall_time>("created_at", parse_time);
  if (auto good = finish(in); !good) return std::unexpected(good.error());
  return made;
}

result<gateway> read_gateway(std::string_view text) {
  auto object = object_in(text);
  if (!object) return std::unexpected(object.error());
  json::fields in(*object);
  gateway made{};
  made.name = in.required<gateway_name>("name", gateway_name::parse);
  made.number = static_cast<std::uint16_t>(required_count(in, "number", 65'535));
  made.region = in.required<region_name>("region", region_name::parse);
  made.public_key = in.required<public_key>("public_key", public_key::parse);
  made.endpoint = in.required<std::string>("endpoint", parse_endpoint);
  made.device = in.required<std::string>("device", any_text);
  made.capacity = static_cast<std::uint32_t>(required_count(in, "capacity", most_capacity));
  made.draining = in.boolean("draining").value_or(false);
  made.owner = in.required<std::string>("owner", any_text);
  made.registered_at = in.required<wall_time>("registered_at", parse_time);
  const auto mtu = in.whole("mtu", least_mtu, most_mtu);
  made.mtu = mtu ? static_cast<std::uint32_t>(*mtu) : usual_mtu;
  if (auto good = finish(in); !good) return std::unexpected(good.error());
  return made;
}

result<peer> read_peer(std::string_view text) {
  auto object = object_in(text);
  if (!object) return std::unexpected(object.error());
  json::fields in(*object);
  peer made;
  made.id.network = in.required<network_name>("network", network_name::parse);
  made.id.name = in.required<peer_name>("name", peer_name::parse);
  made.public_key = in.required<public_key>("public_key", public_key::parse);
  made.preshared_key = in.parsed<secret_key>("preshared_key", parse_secret_key);
  made.gateway = in.required<gateway_name>("gateway", gateway_name::parse);
  made.ipv6 = in.required<ip_address>("ipv6", parse_ipv6);
  made.ipv4 = in.parsed<ip_address>("ipv4", parse_ipv4);
  made.created_at = in.required<wall_time>("created_at", parse_time);
  made.assigned_at = in.parsed<wall_time>("assigned_at", parse_time).value_or(made.created_at);
  made.expires_at = in.parsed<wall_time>("expires_at", parse_time);
  made.created_by = in.required<token_id>("created_by", token_id::parse);
  made.quota = quota_in(in, "quota");
  if (auto good = finish(in); !good) return std::unexpected(good.error());
  return made;
}

result<token> read_token(std::string_view text) {
  auto object = object_in(text);
  if (!object) return std::unexpected(object.error());
  json::fields in(*object);
  token made;
  made.id = in.required<token_id>("id", token_id::parse);
  made.name = in.required<std::string>("name", any_text);
  made.network = in.parsed<network_name>("network", network_name::parse);
  made.network_id = in.parsed<std::string>("network_id", any_text).value_or("");
  made.scopes = in.parsed_list<scope>("scopes", 64, parse_scope).value_or(std::vector<scope>{});
  made.hash = in.required<std::array<std::uint8_t, 32>>("hash", parse_hash);
  made.created_at = in.required<wall_time>("created_at", parse_time);
  made.expires_at = in.parsed<wall_time>("expires_at", parse_time);
  made.last_used_at = in.parsed<wall_time>("last_used_at", parse_time);
  made.max_peers = quota_in(in, "max_peers");
  if (const auto ttl = in.whole("max_ttl_s", 1, longest_s)) made.max_ttl = seconds{*ttl};
  if (auto good = finish(in); !good) return std::unexpected(good.error());
  return made;
}

result<mark> read_mark(std::string_view text) {
  auto object = object_in(text);
  if (!object) return std::unexpected(object.error());
  json::fields in(*object);
  mark made;
  made.name = in.required<std::string>("name", any_text);
  made.value = in.required<std::string>("value", any_text);
  if (auto good = finish(in); !good) return std::unexpected(good.error());
  return made;
}

result<assignment> read_assignment(std::string_view text) {
  auto object = object_in(text);
  if (!object) return std::unexpected(object.error());
  return assignment_in(*object);
}

}  // namespace peerage::wire
