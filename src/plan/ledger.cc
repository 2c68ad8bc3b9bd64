#include "plan/ledger.h"

#include <algorithm>
#include <unordered_set>

namespace peerage {
namespace {

device_peer as_device_peer(const assignment& peer) {
  device_peer made{peer.public_key, peer.preshared_key, peer.addresses};
  std::sort(made.allowed_ips.begin(), made.allowed_ips.end());
  return made;
}

hearing superseded(revision by) {
  return {verdict::superseded, "revision " + std::to_string(by.number) + " is newer", {}};
}

}  // namespace

hearing ledger::hear(const peer_change& change, revision at) {
  const public_key& key = key_of(change);
  const auto known = entries_.find(key);
  const auto* put = std::get_if<put_peer_change>(&change);

  if (known != entries_.end()) {
    const entry& now = known->second;
    const bool same = put == nullptr ? !now.wanted : now.wanted && now.peer == put->peer;
    if (same && now.confirmed && now.heard >= at) return {verdict::done, {}, {}};
    // A removal that was overtaken by a new creation has happened: in between the peer was gone.
    if (now.heard > at)
      return put == nullptr ? hearing{verdict::done, {}, {}} : superseded(now.heard);
  }
  if (put == nullptr) {
    unwant(key, at);
    return {verdict::write, {}, {key}};
  }
  hearing heard{verdict::write, {}, {key}};
  if (const public_key* owner = owner_of_any(put->peer)) {
    const entry& other = entries_.at(*owner);
    // The same peer under an older key: the store has replaced it, and the removal was lost.
    if (other.peer.id != put->peer.id || other.heard >= at) {
      return {verdict::taken, "its address belongs to another peer of this gateway", {}};
    }
    heard.write.insert(heard.write.begin(), *owner);
    const public_key old = *owner;
    unwant(old, at);
  }
  want(put->peer, at);
  return heard;
}

std::vector<public_key> ledger::observe(const std::vector<stored_assignment>& all, revision as_of) {
  std::vector<public_key> changed;
  std::unordered_set<public_key> listed;
  listed.reserve(all.size());
  for (const auto& each : all) listed.insert(each.peer.public_key);

  // Removals first: they free the addresses that the others may have got.
  std::vector<public_key> gone;
  for (auto it = entries_.begin(); it != entries_.end();) {
    const entry& now = it->second;
    const bool decided = now.heard <= as_of && !listed.contains(it->first);
    if (decided && now.wanted) gone.push_back(it->first);
    if (decided && !now.wanted && now.confirmed) {
      it = entries_.erase(it);
    } else {
      ++it;
    }
  }
  for (const public_key& key : gone) {
    unwant(key, as_of);
    changed.push_back(key);
  }
  for (const auto& each : all) {
    const auto known = entries_.find(each.peer.public_key);
    if (known != entries_.end() && known->second.heard >= each.at) continue;
    // An owner that the listing doesn't have was heard of after it: the next listing decides.
    if (owner_of_any(each.peer) != nullptr) continue;
    want(each.peer, each.at);
    changed.push_back(each.peer.public_key);
  }
  return changed;
}

std::vector<public_key> ledger::compare(const std::vector<device_entry>& dump, std::uint64_t since,
                                        wall_time now) {
  std::vector<public_key> write;
  std::unordered_set<public_key> seen;
  seen.reserve(dump.size());
  for (const device_entry& each : dump) {
    const public_key& key = each.peer.public_key;
    seen.insert(key);
    const auto known = entries_.find(key);
    if (known == entries_.end()) {
      write.push_back(key);
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

const ledger::entry* ledger::find(const public_key& key) const {
  const auto known = entries_.find(key);
  return known == entries_.end() ? nullptr : &known->second;
}

std::vector<public_key> ledger::unconfirmed() const {
  std::vector<public_key> keys;
  for (const auto& [key, mine] : entries_)
    if (!mine.confirmed) keys.push_back(key);
  return keys;
}

const public_key* ledger::owner_of_any(const assignment& peer) const {
  for (const prefix& address : peer.addresses) {
    const auto owner = owners_.find(address);
    if (owner != owners_.end() && owner->second != peer.public_key) return &owner->second;
  }
  return nullptr;
}

void ledger::want(const assignment& peer, revision at) {
  entry& mine = entries_[peer.public_key];
  release(mine);
  mine.heard = at;
  mine.wanted = true;
  mine.confirmed = false;
  mine.touched = ++words_;
  mine.peer = peer;
  ++wanted_;
  network_use& use = networks_[peer.id.network];
  if (use.peers++ == 0 || use.ipv4 != peer.network_ipv4) ++network_changes_;
  use.ipv4 = peer.network_ipv4;
  for (const prefix& address : peer.addresses) {
    owners_[address] = peer.public_key;
    if (address.family() == family::ipv6) use.ipv6 = address.address();
  }
}

void ledger::unwant(const public_key& key, revision at) {
  entry& mine = entries_[key];
  release(mine);
  mine.heard = at;
  mine.wanted = false;
  mine.confirmed = false;
  mine.touched = ++words_;
}

void ledger::release(entry& gone) {
  if (!gone.wanted) return;
  --wanted_;
  for (const prefix& address : gone.peer.addresses) {
    const auto owner = owners_.find(address);
    if (owner != owners_.end() && owner->second == gone.peer.public_key) owners_.erase(owner);
  }
  const auto use = networks_.find(gone.peer.id.network);
  if (use != networks_.end() && --use->second.peers == 0) {
    networks_.erase(use);
    ++network_changes_;
  }
  gone.peer = {};
}

}  // namespace peerage
