#include "consul/keys.h"

#include "base/base64.h"

namespace peerage::consul {
namespace {

std::string id_text(const peer_id& id) {
  return id.network.text() + "/" + id.name.text();
}

std::string padded(std::int64_t number, std::size_t width) {
  const std::string digits = std::to_string(number);
  return std::string(width - std::min(width, digits.size()), '0') + digits;
}

}  // namespace

std::string key_space::of(const record_key& key) const {
  struct namer {
    const std::string& prefix;
    std::string operator()(const network_name& name) const {
      return prefix + "networks/" + name.text();
    }
    std::string operator()(const gateway_name& name) const {
      return prefix + "gateways/" + name.text();
    }
    std::string operator()(const peer_id& id) const { return prefix + "peers/" + id_text(id); }
    std::string operator()(const token_id& id) const { return prefix + "tokens/" + id.text(); }
    std::string operator()(const mark_name& name) const { return prefix + "marks/" + name.text; }
  };
  return std::visit(namer{prefix}, key);
}

std::string key_space::peers_of(const network_name& network) const {
  return prefix + "peers/" + network.text() + "/";
}

std::string key_space::number(std::uint16_t number) const {
  return prefix + "numbers/" + padded(number, 5);
}

std::string key_space::address(const ip_address& address) const {
  return prefix + "addresses/" + hex_encode(address.bytes());
}

std::string key_space::at(const gateway_name& gateway, const public_key& key) const {
  return prefix + "at/" + gateway.text() + "/" + hex_encode(key.bytes());
}

std::string key_space::at_all(const gateway_name& gateway, std::string_view digits) const {
  return prefix + "at/" + gateway.text() + "/" + std::string(digits);
}

std::optional<public_key> key_space::key_at(const gateway_name& gateway,
                                            std::string_view key) const {
  const std::string folder = at_all(gateway);
  if (!key.starts_with(folder)) return {};
  std::array<std::uint8_t, 32> bytes{};
  if (!hex_decode(key.substr(folder.size()), bytes)) return {};
  const auto made = public_key::parse(base64_encode(bytes));
  if (!made) return {};
  return *made;
}

std::string key_space::placed_on(const gateway_name& gateway) const {
  return prefix + "placed/" + gateway.text() + "/";
}

std::string key_space::placed(const gateway_name& gateway, const peer_id& id) const {
  return placed_on(gateway) + id_text(id);
}

std::optional<peer_id> key_space::id_at_end(std::string_view key) {
  const auto last = key.rfind('/');
  if (last == std::string_view::npos || last == 0) return {};
  const auto before = key.rfind('/', last - 1);
  if (before == std::string_view::npos) return {};
  const auto network = network_name::parse(key.substr(before + 1, last - before - 1));
  const auto name = peer_name::parse(key.substr(last + 1));
  if (!network || !name) return {};
  return peer_id{*network, *name};
}

std::string key_space::expiry_minute(wall_time time) const {
  const auto minute = std::chrono::floor<std::chrono::minutes>(time);
  return expiries() + padded(minute.time_since_epoch().count(), 10) + "/";
}

std::string key_space::expiry_moment(wall_time time) const {
  const auto minute = std::chrono::floor<std::chrono::minutes>(time);
  return expiry_minute(time) + padded((time - minute).count(), 5) + "/";
}

std::string key_space::expiry(wall_time time, const peer_id& id) const {
  return expiry_moment(time) + id_text(id);
}

std::string key_space::rings_of(const gateway_name& gateway) const {
  return prefix + "rings/" + gateway.text() + "/";
}

std::string key_space::ring(std::string_view gateway, std::string_view api) const {
  return prefix + "rings/" + std::string(gateway) + "/" + std::string(api);
}

}  // namespace peerage::consul
