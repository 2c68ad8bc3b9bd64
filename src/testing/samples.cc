#include "testing/samples.h"

#include <array>
#include <cstring>

namespace peerage::fakes {
namespace {

constexpr wall_time some_time{seconds{1'700'000'000}};

}  // namespace

public_key sample_key(std::uint32_t n) {
  std::array<std::uint8_t, key_size> bytes{};
  bytes.fill(0x42);
  std::memcpy(bytes.data(), &n, sizeof n);
  return public_key(bytes);
}

network sample_network(std::string_view name, std::string_view ipv6) {
  network made;
  made.name = *network_name::parse(name);
  made.ipv6 = *prefix::parse(ipv6);
  made.ipv4 = prefix::parse("10.9.0.0/16").value();
  made.dns = {*ip_address::parse("fd00::53"), *ip_address::parse("10.0.0.53")};
  made.allowed_ips = {made.ipv6};
  made.created_at = some_time;
  return made;
}

gateway sample_gateway(std::string_view name, std::uint16_t number) {
  gateway made{};
  made.name = *gateway_name::parse(name);
  made.number = number;
  made.region = *region_name::parse("fra");
  made.public_key = sample_key(1'000'000U + number);
  made.endpoint = "203.0.113.7:51820";
  made.device = "kernel";
  made.capacity = 1'000;
  made.owner = "somebody";
  made.registered_at = some_time;
  return made;
}

peer sample_peer(std::string_view network, std::string_view name, std::uint32_t n,
                 std::string_view gateway) {
  peer made;
  made.id = {*network_name::parse(network), *peer_name::parse(name)};
  made.public_key = sample_key(n);
  made.gateway = *gateway_name::parse(gateway);
  // In "other" the address is in the prefix that tests give to it.
  const std::uint8_t block = network == "other" ? 2 : 1;
  std::array<std::uint8_t, 16> bytes{0xfd, 0x00, 0x00, block};
  std::memcpy(bytes.data() + 12, &n, sizeof n);
  made.ipv6 = ip_address::v6(bytes);
  made.created_at = made.assigned_at = some_time;
  made.created_by = *token_id::parse("t1");
  return made;
}

token sample_token(std::string_view id) {
  token made;
  made.id = *token_id::parse(id);
  made.name = "a token";
  made.network = *network_name::parse("acme");
  made.scopes = {scope::peers_read, scope::peers_write};
  made.hash.fill(7);
  made.created_at = some_time;
  made.expires_at = some_time + std::chrono::hours{1};
  return made;
}

}  // namespace peerage::fakes
