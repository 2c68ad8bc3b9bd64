#include "plan/address.h"

#include <algorithm>
#include <array>
#include <string>

namespace peerage {
namespace {

/// FNV-1a over the bytes, then the finalizer of MurmurHash3: well mixed, and the same for ever.
std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
  hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdULL;
  hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53ULL;
  return hash ^ hash >> 33;
}

std::uint64_t hash_of(const peer_id& id, unsigned attempt) {
  // A label has no '/', so no two ids give one text.
  return stable_hash(id.network.text() + "/" + id.name.text() + "/" + std::to_string(attempt));
}

ip_address in_gateway(const prefix& network, std::uint16_t number, std::uint64_t host) {
  std::array<std::uint8_t, 16> bytes{};
  const auto from = network.address().bytes();
  std::copy(from.begin(), from.begin() + 6, bytes.begin());
  bytes[6] = static_cast<std::uint8_t>(number >> 8);
  bytes[7] = static_cast<std::uint8_t>(number);
  for (unsigned i = 0; i < 8; ++i) bytes[8 + i] = static_cast<std::uint8_t>(host >> (56 - 8 * i));
  return ip_address::v6(bytes);
}

}  // namespace

ip_address peer_ipv6(const prefix& network, std::uint16_t gateway_number, const peer_id& id,
                     unsigned attempt) {
  const std::uint64_t host = hash_of(id, attempt);
  // ::0 is the subnet-router anycast address and ::1 the gateway.
  return in_gateway(network, gateway_number, std::max<std::uint64_t>(host, 2));
}

ip_address gateway_ipv6(const prefix& network, std::uint16_t gateway_number) {
  return in_gateway(network, gateway_number, 1);
}

prefix gateway_prefix(const prefix& network, std::uint16_t gateway_number) {
  return prefix::of(gateway_ipv6(network, gateway_number), 64);
}

std::uint64_t ipv4_room(const prefix& range) {
  const std::uint64_t all = 1ULL << (32 - range.length());
  return all > 2 ? all - 2 : all;
}

ip_address ipv4_at(const prefix& range, std::uint64_t index) {
  const std::uint64_t first = range.length() < 31 ? 1 : 0;
  return ip_address::v4(static_cast<std::uint32_t>(range.address().v4_value() + first + index));
}

std::uint64_t ipv4_start(const prefix& range, const peer_id& id, unsigned attempt) {
  return hash_of(id, attempt) % ipv4_room(range);
}

std::optional<std::uint64_t> ipv4_index(const prefix& range, const ip_address& address) {
  if (!range.contains(address)) return {};
  const std::uint64_t first = range.length() < 31 ? 1 : 0;
  const std::uint64_t offset = address.v4_value() - range.address().v4_value();
  if (offset < first || offset - first >= ipv4_room(range)) return {};
  return offset - first;
}

prefix unique_local(std::uint64_t random) {
  std::array<std::uint8_t, 16> bytes{0xfd};
  for (unsigned i = 0; i < 5; ++i) bytes[1 + i] = static_cast<std::uint8_t>(random >> (8 * i));
  return prefix::of(ip_address::v6(bytes), 48);
}

}  // namespace peerage
