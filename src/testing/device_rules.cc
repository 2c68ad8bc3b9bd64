#include "testing/device_rules.h"

#include <algorithm>

namespace peerage::fakes {

void make_change(device_peers& peers, const device_change& change,
                 const std::optional<public_key>& own) {
  if (const auto* drop = std::get_if<drop_peer>(&change)) {
    peers.erase(drop->public_key);
    return;
  }
  if (const auto* strip = std::get_if<strip_peer>(&change)) {
    const auto known = peers.find(strip->public_key);
    if (known != peers.end()) known->second.peer.allowed_ips.clear();
    return;
  }
  const set_peer& set = std::get<set_peer>(change);
  device_peer wanted = set.peer;
  if (wanted.public_key == own) return;
  // A device keeps each allowed IP once, and an all-zero preshared key is none.
  std::ranges::sort(wanted.allowed_ips);
  const auto repeated = std::ranges::unique(wanted.allowed_ips);
  wanted.allowed_ips.erase(repeated.begin(), repeated.end());
  if (wanted.preshared_key == secret_key{}) wanted.preshared_key.reset();
  for (auto& [key, other] : peers) {
    std::erase_if(other.peer.allowed_ips, [&](const prefix& ip) {
      return std::ranges::binary_search(wanted.allowed_ips, ip);
    });
  }
  device_entry& entry = peers[wanted.public_key];
  entry.status.public_key = wanted.public_key;
  entry.peer = std::move(wanted);
  if (!set.endpoint.empty()) entry.status.endpoint = set.endpoint;
  if (set.keepalive_s) entry.keepalive_s = *set.keepalive_s;
}

}  // namespace peerage::fakes
