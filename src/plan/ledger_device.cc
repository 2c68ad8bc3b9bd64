// The ledger's side towards the device: what should be on it, and what it has acknowledged.
#include "plan/ledger_device.h"

#include <algorithm>
#include <unordered_set>

#include "plan/ledger.h"

namespace peerage {

device_peer as_device_peer(const assignment& peer) {
  device_peer made{peer.public_key, peer.preshared_key, peer.addresses};
  std::sort(made.allowed_ips.begin(), made.allowed_ips.end());
  return made;
}

bool implausible(std::uint64_t gone, std::uint64_t of) {
  return gone >= 100 && 2 * gone > of;
}

std::vector<public_key> ledger::compare(const std::vector<device_entry>& dump, std::uint64_t since,
                                        wall_time now, strangers unknown) {
  // What the store's view has passed, and the device has let go of, need not be remembered.
  std::erase_if(entries_, [this](const auto& each) {
    return !each.second.wanted && each.second.confirmed && each.second.heard <= as_of_;
  });
  std::vector<public_key> write, strange;
  std::unordered_set<public_key> seen;
  seen.reserve(dump.size());
  for (const device_entry& each : dump) {
    const public_key& key = each.peer.public_key;
    seen.insert(key);
    const auto known = entries_.find(key);
    if (known == entries_.end()) {
      strange.push_back(key);
      continue;
    }
    entry& mine = known->second;
    if (mine.touched > since) continue;
    if (mine.wanted && as_device_peer(mine.peer) == each.peer) {
      if (!mine.confirmed) mine.live_at = now;
      mine.confirmed = true;
    } else {
      mine.confirmed = false;
      write.push_back(key);
    }
  }
  for (auto& [key, mine] : entries_) {
    if (mine.touched > since || seen.contains(key)) continue;
    if (mine.wanted) write.push_back(key);
    mine.confirmed = !mine.wanted;
  }
  if (unknown == strangers::leave) return write;
  const bool too_many = implausible(strange.size(), dump.size());
  held_strangers_ = too_many && !strangers_accepted_ ? strange.size() : 0;
  strangers_accepted_ = strangers_accepted_ && too_many;
  if (held_strangers_ == 0) write.insert(write.begin(), strange.begin(), strange.end());
  return write;
}

device_change ledger::wanted_change(const public_key& key) const {
  const auto known = entries_.find(key);
  if (known == entries_.end() || !known->second.wanted) return drop_peer{key};
  return set_peer{as_device_peer(known->second.peer)};
}

void ledger::confirm(const public_key& key, std::uint64_t since, wall_time now) {
  const auto known = entries_.find(key);
  if (known == entries_.end() || known->second.touched > since) return;
  if (!known->second.confirmed) known->second.live_at = now;
  known->second.confirmed = true;
}

void ledger::doubt(const public_key& key) {
  const auto known = entries_.find(key);
  if (known != entries_.end()) known->second.confirmed = false;
}

void ledger::doubt_all() {
  for (auto& [key, mine] : entries_) mine.confirmed = false;
}

std::vector<public_key> ledger::unconfirmed() const {
  std::vector<public_key> keys;
  for (const auto& [key, mine] : entries_)
    if (!mine.confirmed) keys.push_back(key);
  return keys;
}

}  // namespace peerage
