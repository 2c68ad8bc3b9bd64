// The names of the store's keys, as docs/protocol/consul.md lists them, all under one prefix. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/record.h"

namespace peerage::consul {

struct key_space {
  std::string prefix;  // ends with "/"

  std::string epoch() const { return prefix + "epoch"; }
  /// Never written: the answer to reading it tells the index of the whole KV store.
  std::string nothing() const { return prefix + "none"; }

  std::string networks() const { return prefix + "networks/"; }
  std::string gateways() const { return prefix + "gateways/"; }
  std::string tokens() const { return prefix + "tokens/"; }
  std::string of(const record_key& key) const;

  std::string peers_of(const network_name& network) const;
  std::string number(std::uint16_t number) const;
  std::string address(const ip_address& address) const;

  std::string at(const gateway_name& gateway, const public_key& key) const;
  /// The public key that a key under at_all(gateway) names; nothing for any other.
  std::optional<public_key> key_at(const gateway_name& gateway, std::string_view key) const;
  std::string placed_on(const gateway_name& gateway) const;
  std::string placed(const gateway_name& gateway, const peer_id& id) const;
  /// The id in a key under placed_on(); nothing when it is none.
  static std::optional<peer_id> id_at_end(std::string_view key);

  std::string expiries() const { return prefix + "expiry/"; }
  /// The folder of everything that expires in that minute.
  std::string expiry_minute(wall_time time) const;
  /// Where what expires at that millisecond begins; keys of one minute are in order of time.
  std::string expiry_moment(wall_time time) const;
  std::string expiry(wall_time time, const peer_id& id) const;

  /// How many peers with a quota the token has.
  std::string quota(const std::string& token) const { return prefix + "quotas/" + token; }

  /// Keys for the bus, by the name of who has them.
  std::string bus_apis() const { return prefix + "bus/apis/"; }
  std::string bus_gateways() const { return prefix + "bus/gateways/"; }

  /// Everything of a gateway, or those of its keys that begin with these hex digits.
  std::string at_all(const gateway_name& gateway, std::string_view digits = {}) const;

  std::string owner(const gateway_name& gateway) const { return rings_of(gateway) + "~owner"; }
  std::string challenge(const gateway_name& gateway) const { return rings_of(gateway) + "~claim"; }
  std::string rings_of(const gateway_name& gateway) const;
  std::string ring(std::string_view gateway, std::string_view api) const;
};

}  // namespace peerage::consul
