#include "model/apply.h"

#include <utility>

namespace peerage {
namespace {

struct key_reader {
  const public_key& operator()(const put_peer_change& change) const {
    return change.peer.public_key;
  }
  const public_key& operator()(const remove_peer_change& change) const { return change.public_key; }
};

}  // namespace

assignment assignment_of(const peer& from, std::optional<prefix> network_ipv4,
                         std::vector<prefix> network_routes) {
  return {from.id,      from.public_key,           from.preshared_key, from.addresses(),
          network_ipv4, std::move(network_routes), from.expires_at};
}

std::vector<prefix> routes_of(const network& from) {
  std::vector<prefix> made;
  for (const prefix& each : from.allowed_ips) {
    const bool own = from.ipv6.contains(each) || (from.ipv4 && from.ipv4->contains(each));
    if (!own) made.push_back(each);
  }
  return made;
}

const public_key& key_of(const peer_change& change) {
  return std::visit(key_reader{}, change);
}

}  // namespace peerage
