#include "plan/ledger.h"

#include <algorithm>

#include "plan/ledger_device.h"

namespace peerage {
namespace {

// A peer's own time ends first on its gateway, and then in the store.
constexpr seconds just_over{10};

hearing superseded(revision by) {
  return {verdict::superseded, "revision " + std::to_string(by.number) + " is newer", {}};
}

}  // namespace

hearing ledger::hear(const peer_change& change, revision at) {
  const public_key& key = key_of(change);
  const auto known = entries_.find(key);
  const auto* put = std::get_if<put_peer_change>(&change);
  if (at <= as_of_) {
    return hear_settled(change, at, known == entries_.end() ? nullptr : &known->second);
  }

  if (known != entries_.end()) {
    const entry& now = known->second;
    const bool same = put == nullptr ? !now.wanted : now.is(put->peer);
    if (same && now.confirmed && now.heard >= at) return {verdict::done, {}, {}};
    if (now.heard > at && put != nullptr) return superseded(now.heard);
    // A removal that was overtaken by a new creation has happened: in between the peer was gone.
    // By another removal, when the device says so.
    if (now.heard > at && now.wanted) return {verdict::done, {}, {}};
    if (now.heard > at) return {verdict::write, {}, {key}};
  }
  if (put == nullptr) {
    unwant(key, at);
    return {verdict::write, {}, {key}};
  }
  if (over(put->peer)) return {verdict::superseded, "its time is over", {}};
  hearing heard{verdict::write, {}, {key}};
  if (const entry* other = owner_of_any(put->peer)) {
    // The same peer under an older key: the store has replaced it, and the removal was lost.
    if (other->id() != put->peer.id || other->heard >= at) {
      return {verdict::taken, "its address belongs to another peer of this gateway", {}};
    }
    const public_key old = *other->key;
    heard.write.insert(heard.write.begin(), old);
    unwant(old, at);
  }
  want(put->peer, at);
  if (entries_.at(key).confirmed) return {verdict::done, {}, {}};
  return heard;
}

/// A word that the store's view has passed: it is repeated, or late, and changes nothing.
hearing ledger::hear_settled(const peer_change& change, revision at, const entry* now) const {
  const auto* put = std::get_if<put_peer_change>(&change);
  const bool wanted = now != nullptr && now->wanted;
  // One that is not known may still be on the device, from before this start.
  const bool written = now != nullptr && now->confirmed;
  if (put == nullptr && wanted) {
    // It came back since, or it is kept although the store lacks it: held, say.
    return now->heard > at ? hearing{verdict::done, {}, {}} : superseded(as_of_);
  }
  if (put != nullptr && (!wanted || !now->is(put->peer))) return superseded(as_of_);
  if (written) return {verdict::done, {}, {}};
  return {verdict::write, {}, {key_of(change)}};
}

ledger::observation ledger::observe(const assigned& said) {
  observation made;
  if (said.whole) ++listing_;
  // Removals first: they free the addresses that the others may have got.
  remove_unlisted(said, made);
  as_of_ = std::max(as_of_, said.as_of);
  std::erase_if(ahead_, [this](const auto& each) { return each.second.at <= as_of_; });
  take(said.peers, said.whole, made);
  note_unreadable(said);
  return made;
}

void ledger::note_unreadable(const assigned& said) {
  for (const public_key& key : said.unreadable) left_out_[key] = {omission::unreadable};
}

bool ledger::is_unreadable(const public_key& key) const {
  const auto found = left_out_.find(key);
  return found != left_out_.end() && found->second.why == omission::unreadable;
}

void ledger::remove_unlisted(const assigned& said, observation& into) {
  std::vector<public_key> gone;
  if (said.whole) {
    for (const auto& each : said.peers) {
      const auto mine = entries_.find(each.peer.public_key);
      if (mine == entries_.end()) continue;
      mine->second.listed = listing_;
      held_.erase(mine->first);
    }
    // What is on the device of one that can't be read stays there.
    for (const public_key& key : said.unreadable) {
      const auto mine = entries_.find(key);
      if (mine != entries_.end()) mine->second.listed = listing_;
    }
    left_out_.clear();  // take() finds them again
    gone = unlisted(said.as_of, said.recorded);
  } else {
    std::unordered_set<public_key> listed;
    for (const auto& each : said.peers) listed.insert(each.peer.public_key);
    listed.insert(said.unreadable.begin(), said.unreadable.end());
    for (const public_key& key : said.keys) {
      held_.erase(key);
      left_out_.erase(key);
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

/// Those that the full listing under way does not have any more. Those that an earlier listing had
/// are held instead where fewer changes were counted since then, or others are held already.
std::vector<public_key> ledger::unlisted(revision as_of, std::uint64_t recorded) {
  std::vector<public_key> gone, listed_before;
  for (const auto& [key, mine] : entries_) {
    if (mine.heard > as_of || !mine.wanted || mine.listed == listing_) continue;
    (mine.heard > as_of_ ? gone : listed_before).push_back(key);
  }
  if (held_.empty() && listed_before.size() <= recorded) {
    gone.insert(gone.end(), listed_before.begin(), listed_before.end());
  } else {
    held_.insert(listed_before.begin(), listed_before.end());
  }
  return gone;
}

void ledger::leave_out(const assignment& peer, omission why) {
  left_out_[peer.public_key] = {why, peer.expires_at.value_or(wall_time::max())};
}

std::size_t ledger::left_out() const {
  return static_cast<std::size_t>(std::ranges::count_if(left_out_, [this](const auto& each) {
    return each.second.why != omission::over || each.second.expires_at < now_ - just_over;
  }));
}

std::vector<public_key> ledger::left_out_keys() const {
  std::vector<public_key> keys;
  keys.reserve(left_out_.size());
  for (const auto& [key, each] : left_out_) keys.push_back(key);
  return keys;
}

std::vector<public_key> ledger::overdue(std::size_t most) const {
  std::vector<public_key> keys;
  for (const auto& [key, each] : left_out_) {
    if (keys.size() == most) break;
    // An unreadable one has no end of its time.
    const bool late = each.expires_at < now_ - just_over;
    if (each.why == omission::over && late) keys.push_back(key);
  }
  return keys;
}

std::vector<public_key> ledger::over() const {
  std::vector<public_key> keys;
  for (const auto& [key, each] : left_out_)
    if (each.why == omission::over) keys.push_back(key);
  return keys;
}

std::string_view ledger::why_left_out(const public_key& key) const {
  const auto found = left_out_.find(key);
  if (found == left_out_.end()) return {};
  switch (found->second.why) {
    case omission::over: return "its time is over by the gateway's clock";
    case omission::address: return "another peer of the gateway has one of its addresses";
    case omission::unreadable: return "the gateway can't read its record in the store";
  }
  return {};
}

void ledger::take(const std::vector<stored_assignment>& peers, bool whole, observation& into) {
  for (const auto& each : peers) {
    const public_key& key = each.peer.public_key;
    const auto known = entries_.find(key);
    if (known != entries_.end() && known->second.heard >= each.at) {
      held_.erase(key);
      if (!known->second.wanted && over(each.peer)) leave_out(each.peer, omission::over);
      // The store's view has passed what is known of the key, and has an older record of it: the
      // store was restored, or once answered without it.
      const bool older = known->second.heard > each.at && known->second.heard <= as_of_;
      if (older && !over(each.peer) && !known->second.is(each.peer)) into.contested.push_back(key);
      continue;
    }
    if (over(each.peer)) {
      leave_out(each.peer, omission::over);
      if (known != entries_.end() && known->second.wanted) into.write.push_back(key);
      unwant(key, each.at);
      continue;
    }
    if (owner_of_any(each.peer) != nullptr) {
      leave_out(each.peer, omission::address);
      into.contested.push_back(key);
      continue;
    }
    want(each.peer, each.at);
    entry& mine = entries_.at(key);
    if (whole) mine.listed = listing_;
    (mine.confirmed ? into.renewed : into.write).push_back(key);
  }
}

ledger::observation ledger::settle(const assigned& said, std::uint64_t since) {
  observation made;
  std::unordered_set<public_key> listed;
  for (const auto& each : said.peers) listed.insert(each.peer.public_key);
  listed.insert(said.unreadable.begin(), said.unreadable.end());
  for (const public_key& key : said.keys) {
    held_.erase(key);
    const entry* mine = find(key);
    if (!listed.contains(key)) left_out_.erase(key);
    if (mine == nullptr || listed.contains(key) || heard_since(*mine, said, since)) continue;
    if (mine->wanted) made.write.push_back(key);
    unwant(key, said.as_of);
    heard(entries_.at(key), said.as_of);  // whatever was claimed
  }
  for (const auto& each : said.peers) {
    const public_key& key = each.peer.public_key;
    const auto known = entries_.find(key);
    if (known != entries_.end()) {
      entry& mine = known->second;
      if (heard_since(mine, said, since)) continue;
      if (mine.is(each.peer)) {
        heard(mine, each.at);
        continue;
      }
    }
    if (over(each.peer)) continue;  // expire() has seen to it, or will
    if (owner_of_any(each.peer) != nullptr) {
      leave_out(each.peer, omission::address);
      made.contested.push_back(key);
      continue;
    }
    want(each.peer, each.at);
    (entries_.at(key).confirmed ? made.renewed : made.write).push_back(key);
  }
  return made;
}

std::vector<public_key> ledger::expire(wall_time now, std::size_t most) {
  now_ = now;
  std::vector<public_key> keys;
  for (entry* next = expiring_.next();
       next != nullptr && next->expires_at <= now && keys.size() < most; next = expiring_.next()) {
    keys.push_back(*next->key);
    left_out_[keys.back()] = {omission::over, next->expires_at};
    unwant(keys.back(), next->heard);
  }
  return keys;
}

std::vector<public_key> ledger::rivals(const assignment& peer) const {
  std::vector<public_key> all{peer.public_key};
  for (const prefix& address : peer.addresses) {
    const entry* owner = owner_of(address);
    if (owner == nullptr || std::ranges::find(all, *owner->key) != all.end()) continue;
    all.push_back(*owner->key);
  }
  return all;
}

void ledger::restart() {
  as_of_ = {};
  restored_ = true;
  ahead_.clear();
  for (auto& [key, mine] : entries_) mine.heard = {};
  std::erase_if(gone_, [this](const public_key& key) {
    if (!entries_.at(key).confirmed) return false;
    entries_.erase(key);
    return true;
  });
}

std::vector<public_key> ledger::accept_removals() {
  std::vector<public_key> keys(held_.begin(), held_.end());
  for (const public_key& key : keys) unwant(key, as_of_);
  held_.clear();
  restored_ = false;
  strangers_accepted_ = !held_strangers_.empty();
  held_strangers_.clear();
  return keys;
}

const ledger::entry* ledger::find(const public_key& key) const {
  const auto known = entries_.find(key);
  return known == entries_.end() ? nullptr : &known->second;
}

const ledger::entry* ledger::owner_of(const prefix& address) const {
  const auto owner = owners_.find(address);
  return owner == owners_.end() ? nullptr : owner->owner;
}

const ledger::entry* ledger::owner_of_any(const assignment& peer) const {
  for (const prefix& address : peer.addresses) {
    const entry* owner = owner_of(address);
    if (owner != nullptr && *owner->key != peer.public_key) return owner;
  }
  return nullptr;
}

bool ledger::over(const assignment& peer) const {
  return peer.expires_at && *peer.expires_at <= now_;
}

ledger::entry& ledger::known(const public_key& key) {
  const auto [at, fresh] = entries_.try_emplace(key);
  if (fresh) at->second.key = &at->first;
  return at->second;
}

void ledger::heard(entry& mine, revision at) {
  mine.heard = at;
  if (at > as_of_) {
    ahead_[*mine.key] = {at, ++words_};
  } else {
    ahead_.erase(*mine.key);
  }
}

/// Since a question was asked to which this is the answer. What is the same to the device, as a
/// renewal is, does not touch a peer.
bool ledger::heard_since(const entry& mine, const assigned& said, std::uint64_t since) const {
  const auto claimed = ahead_.find(*mine.key);
  const bool newer =
      claimed == ahead_.end() ? mine.heard > said.as_of : claimed->second.said > since;
  return newer || mine.touched > since;
}

void ledger::touch(entry& mine) {
  mine.touched = ++words_;
  exempt(mine);
}

/// The comparison under way can't tell what the device has of it.
void ledger::exempt(entry& mine) {
  if (mine.wanted && mine.looked != comparison_) ++looked_at_;
  mine.looked = comparison_;
}

void ledger::want(const assignment& peer, revision at) {
  entry& mine = known(peer.public_key);
  held_.erase(peer.public_key);
  held_strangers_.erase(peer.public_key);
  left_out_.erase(peer.public_key);
  heard(mine, at);
  // The same to the device: what is written, or being written, stays so.
  const bool same = same_on_device(mine, peer);
  if (!same) {
    auto seen_so_far = std::move(mine.status);
    release(mine);
    mine.status = std::move(seen_so_far);
    gone_.erase(*mine.key);
    mine.confirmed = false;
    mine.name = peer.id.name;
    if (peer.preshared_key) mine.preshared_key = std::make_unique<secret_key>(*peer.preshared_key);
    mine.addresses = peer.addresses;
    mine.addresses.shrink_to_fit();
    network_uses::value_type& in = *networks_.try_emplace(peer.id.network).first;
    const bool changed =
        in.second.ipv4 != peer.network_ipv4 || in.second.routes != peer.network_routes;
    if (in.second.peers++ == 0 || changed) ++network_changes_;
    in.second.ipv4 = peer.network_ipv4;
    in.second.routes = peer.network_routes;
    mine.network = &in;
    for (std::size_t i = 0; i < mine.addresses.size(); ++i) {
      owners_.insert({&mine, i});
      if (mine.addresses[i].family() == family::ipv6) in.second.ipv6 = mine.addresses[i].address();
    }
    ++wanted_;
    touch(mine);
    mine.wanted = true;
    ++looked_at_;
    recall(mine);
  }
  let_expire_at(mine, peer.expires_at);
}

/// One that is gone already is only heard of again.
void ledger::unwant(const public_key& key, revision at) {
  entry& mine = known(key);
  held_.erase(key);
  heard(mine, std::max(mine.heard, at));
  if (!mine.wanted && mine.touched != 0) return;
  release(mine);
  mine.confirmed = false;
  gone_.insert(key);
  touch(mine);
}

void ledger::recall(entry& mine) {
  const auto earlier = remembered_.find(*mine.key);
  if (earlier == remembered_.end()) return;
  mine.status = std::make_unique<peer_status>();
  mine.status->public_key = *mine.key;
  mine.status->last_handshake_at = earlier->second.last_handshake_at;
  mine.status->endpoint = earlier->second.endpoint;
  remembered_.erase(earlier);
}

void ledger::let_expire_at(entry& mine, std::optional<wall_time> when) {
  mine.expires_at = when.value_or(wall_time::max());
  if (when) {
    expiring_.put(mine);
  } else {
    expiring_.erase(mine);
  }
}

void ledger::release(entry& gone) {
  if (!gone.wanted) return;
  gone.wanted = false;
  --wanted_;
  if (gone.looked == comparison_) --looked_at_;
  expiring_.erase(gone);
  for (std::size_t i = 0; i < gone.addresses.size(); ++i) {
    const auto owner = owners_.find(gone.addresses[i]);
    // Its own, since want() is told nothing that another has; gone where it was named twice.
    if (owner != owners_.end()) owners_.erase(owner);
  }
  if (--gone.network->second.peers == 0) {
    networks_.erase(gone.network->first);
    ++network_changes_;
  }
  gone.network = nullptr;
  gone.name = {};
  gone.preshared_key.reset();
  gone.addresses = {};
  gone.shown = gone.absent = false;
  if (gone.status && gone.status->last_handshake_at) unsaved_sightings_.insert(*gone.key);
  gone.status.reset();
}

}  // namespace peerage
