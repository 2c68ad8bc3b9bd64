#include "plan/ledger.h"

#include <algorithm>
#include <unordered_set>

#include "plan/ledger_device.h"

namespace peerage {
namespace {

hearing superseded(revision by) {
  return {verdict::superseded, "revision " + std::to_string(by.number) + " is newer", {}};
}

}  // namespace

hearing ledger::hear(const peer_change& change, revision at) {
  const public_key& key = key_of(change);
  const auto known = entries_.find(key);
  const auto* put = std::get_if<put_peer_change>(&change);
  if (at <= as_of_) return hear_settled(change, known == entries_.end() ? nullptr : &known->second);

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
  if (entries_.at(key).confirmed) return {verdict::done, {}, {}};
  return heard;
}

/// A word that the store's view has passed: it is repeated, or late, and changes nothing.
hearing ledger::hear_settled(const peer_change& change, const entry* now) const {
  const auto* put = std::get_if<put_peer_change>(&change);
  const bool wanted = now != nullptr && now->wanted;
  const bool written = now == nullptr || now->confirmed;
  if (put == nullptr && wanted) return {verdict::done, {}, {}};  // it came back since
  if (put != nullptr && (!wanted || now->peer != put->peer)) return superseded(as_of_);
  if (written) return {verdict::done, {}, {}};
  return {verdict::write, {}, {key_of(change)}};
}

ledger::observation ledger::observe(const assigned& said, wall_time now) {
  observation made;
  // Removals first: they free the addresses that the others may have got.
  remove_unlisted(said, now, made);
  as_of_ = std::max(as_of_, said.as_of);
  std::erase_if(ahead_, [this](const auto& each) { return each.second <= as_of_; });
  take(said.peers, made);
  return made;
}

void ledger::remove_unlisted(const assigned& said, wall_time now, observation& into) {
  std::unordered_set<public_key> listed;
  listed.reserve(said.peers.size());
  for (const auto& each : said.peers) listed.insert(each.peer.public_key);
  std::vector<public_key> gone;
  if (said.whole) {
    std::erase_if(held_, [&](const public_key& key) { return listed.contains(key); });
    std::size_t unexplained = 0;
    for (const auto& [key, mine] : entries_) {
      if (mine.heard > said.as_of || !mine.wanted || listed.contains(key)) continue;
      gone.push_back(key);
      const bool expired = mine.peer.expires_at && *mine.peer.expires_at <= now;
      if (!expired) ++unexplained;
    }
    unexplained -= std::min<std::uint64_t>(unexplained, said.recorded);
    if (!held_.empty() || implausible(unexplained, wanted_)) {
      held_.insert(gone.begin(), gone.end());
      gone.clear();
    }
  } else {
    for (const public_key& key : said.keys) {
      held_.erase(key);
      const entry* mine = find(key);
      if (mine == nullptr || mine->heard > said.as_of || listed.contains(key)) continue;
      if (mine->wanted) gone.push_back(key);
    }
  }
  for (const public_key& key : gone) {
    unwant(key, said.as_of);
    into.write.push_back(key);
  }
}

void ledger::take(const std::vector<stored_assignment>& peers, observation& into) {
  for (const auto& each : peers) {
    const public_key& key = each.peer.public_key;
    const auto known = entries_.find(key);
    if (known != entries_.end() && known->second.heard >= each.at) {
      held_.erase(key);
      continue;
    }
    if (owner_of_any(each.peer) != nullptr) {
      into.contested.push_back(key);
      continue;
    }
    want(each.peer, each.at);
    if (!entries_.at(key).confirmed) into.write.push_back(key);
  }
}

ledger::observation ledger::settle(const assigned& said, std::uint64_t since) {
  observation made;
  std::unordered_set<public_key> listed;
  for (const auto& each : said.peers) listed.insert(each.peer.public_key);
  for (const public_key& key : said.keys) {
    held_.erase(key);
    const entry* mine = find(key);
    if (mine == nullptr || mine->touched > since || listed.contains(key)) continue;
    if (mine->wanted) made.write.push_back(key);
    unwant(key, said.as_of);
    heard(key, entries_.at(key), said.as_of);  // whatever was claimed
  }
  for (const auto& each : said.peers) {
    const public_key& key = each.peer.public_key;
    const auto known = entries_.find(key);
    if (known != entries_.end()) {
      entry& mine = known->second;
      if (mine.touched > since) continue;
      if (mine.wanted && mine.peer == each.peer) {
        heard(key, mine, each.at);
        continue;
      }
    }
    if (owner_of_any(each.peer) != nullptr) {
      made.contested.push_back(key);
      continue;
    }
    want(each.peer, each.at);
    if (!entries_.at(key).confirmed) made.write.push_back(key);
  }
  return made;
}

std::vector<public_key> ledger::rivals(const assignment& peer) const {
  std::vector<public_key> all{peer.public_key};
  for (const prefix& address : peer.addresses) {
    const auto owner = owners_.find(address);
    if (owner == owners_.end() || std::ranges::find(all, owner->second) != all.end()) continue;
    all.push_back(owner->second);
  }
  return all;
}

void ledger::restart() {
  as_of_ = {};
  ahead_.clear();
  for (auto& [key, mine] : entries_) mine.heard = {};
  std::erase_if(entries_,
                [](const auto& each) { return !each.second.wanted && each.second.confirmed; });
}

std::vector<public_key> ledger::accept_removals() {
  std::vector<public_key> keys(held_.begin(), held_.end());
  for (const public_key& key : keys) unwant(key, as_of_);
  held_.clear();
  strangers_accepted_ = held_strangers_ > 0;
  held_strangers_ = 0;
  return keys;
}

const ledger::entry* ledger::find(const public_key& key) const {
  const auto known = entries_.find(key);
  return known == entries_.end() ? nullptr : &known->second;
}

const public_key* ledger::owner_of_any(const assignment& peer) const {
  for (const prefix& address : peer.addresses) {
    const auto owner = owners_.find(address);
    if (owner != owners_.end() && owner->second != peer.public_key) return &owner->second;
  }
  return nullptr;
}

void ledger::heard(const public_key& key, entry& mine, revision at) {
  mine.heard = at;
  if (at > as_of_) {
    ahead_[key] = at;
  } else {
    ahead_.erase(key);
  }
}

void ledger::want(const assignment& peer, revision at) {
  entry& mine = entries_[peer.public_key];
  held_.erase(peer.public_key);
  heard(peer.public_key, mine, at);
  // The same to the device: what is written, or being written, stays so.
  const bool same = mine.wanted && as_device_peer(mine.peer) == as_device_peer(peer) &&
                    mine.peer.id == peer.id && mine.peer.network_ipv4 == peer.network_ipv4;
  if (same) {
    mine.peer.expires_at = peer.expires_at;
    return;
  }
  release(mine);
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

/// One that is gone already is only heard of again.
void ledger::unwant(const public_key& key, revision at) {
  entry& mine = entries_[key];
  held_.erase(key);
  heard(key, mine, std::max(mine.heard, at));
  if (!mine.wanted && mine.touched != 0) return;
  release(mine);
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
