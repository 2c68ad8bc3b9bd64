#include "model/apply.h"

namespace peerage {
namespace {

struct key_reader {
  const public_key& operator()(const put_peer_change& change) const {
    return change.peer.public_key;
  }
  const public_key& operator()(const remove_peer_change& change) const { return change.public_key; }
};

}  // namespace

assignment assignment_of(const peer& from, std::optional<prefix> network_ipv4) {
  return {from.id,          from.public_key, from.preshared_key,
          from.addresses(), network_ipv4,    from.expires_at};
}

const public_key& key_of(const peer_change& change) {
  return std::visit(key_reader{}, change);
}

}  // namespace peerage
