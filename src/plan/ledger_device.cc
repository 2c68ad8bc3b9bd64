// The ledger's side towards the device: what should be on it, and what it has acknowledged.
#include "plan/ledger_device.h"

#include <algorithm>
#include <utility>

#include "plan/ledger.h"

namespace peerage {

namespace {

// WireGuard's REJECT_AFTER_TIME: who has not been heard for so long begins anew by itself.
constexpr seconds session_lasts{180};
constexpr std::uint16_t call_back_keepalive_s = 25;

bool same_key(const std::unique_ptr<secret_key>& mine, const std::optional<secret_key>& other) {
  return mine ? other && *mine == *other : !other;
}

bool same_in_any_order(std::vector<prefix> mine, std::vector<prefix> other) {
  if (mine == other) return true;
  std::ranges::sort(mine);
  std::ranges::sort(other);
  return mine == other;
}

device_peer device_peer_of(const ledger::entry& mine) {
  device_peer made{*mine.key, {}, mine.addresses};
  if (mine.preshared_key) made.preshared_key = *mine.preshared_key;
  std::ranges::sort(made.allowed_ips);
  return made;
}

bool is_on_device(const ledger::entry& mine, const device_peer& there) {
  return same_key(mine.preshared_key, there.preshared_key) &&
         same_in_any_order(mine.addresses, there.allowed_ips);
}

/// Most of many peers were never heard of: those have nothing to keep. What an earlier life of the
/// device saw stays. True where the last handshake is another now.
bool see(ledger::entry& mine, const peer_status& status) {
  const auto before = mine.status ? mine.status->last_handshake_at : std::nullopt;
  const auto last = std::max(before, status.last_handshake_at);
  const bool something =
      !status.endpoint.empty() || last || status.rx_bytes != 0 || status.tx_bytes != 0;
  if (!something) {
    mine.status.reset();
    return false;
  }
  if (mine.status) {
    *mine.status = status;
  } else {
    mine.status = std::make_unique<peer_status>(status);
  }
  mine.status->last_handshake_at = last;
  return last != before;
}

}  // namespace

assignment ledger::entry::peer() const {
  assignment made;
  made.id = id();
  made.public_key = *key;
  if (preshared_key) made.preshared_key = *preshared_key;
  made.addresses = addresses;
  made.network_ipv4 = network->second.ipv4;
  made.network_routes = network->second.routes;
  if (expires_at != wall_time::max()) made.expires_at = expires_at;
  return made;
}

bool ledger::entry::is(const assignment& other) const {
  return wanted && id() == other.id && same_key(preshared_key, other.preshared_key) &&
         addresses == other.addresses && network->second.ipv4 == other.network_ipv4 &&
         network->second.routes == other.network_routes &&
         expires_at == other.expires_at.value_or(wall_time::max());
}

std::optional<peer_status> ledger::entry::seen() const {
  if (!shown) return {};
  if (status) return *status;
  peer_status nothing;
  nothing.public_key = *key;
  return nothing;
}

bool ledger::same_on_device(const entry& mine, const assignment& peer) const {
  return mine.wanted && mine.id() == peer.id && mine.network->second.ipv4 == peer.network_ipv4 &&
         mine.network->second.routes == peer.network_routes &&
         same_key(mine.preshared_key, peer.preshared_key) &&
         same_in_any_order(mine.addresses, peer.addresses);
}

bool implausible(std::uint64_t gone, std::uint64_t of) {
  return gone >= 100 && 2 * gone > of;
}

void ledger::begin_comparison(wall_time now) {
  compared_at_ = now;
  // What the store's view has passed, and the device has let go of, need not be remembered.
  std::erase_if(gone_, [this](const public_key& key) {
    const auto mine = entries_.find(key);
    if (!mine->second.confirmed || mine->second.heard > as_of_) return false;
    entries_.erase(mine);
    return true;
  });
  ++comparison_;
  looked_at_ = compared_ = 0;
  differing_.clear();
  strange_.clear();
  disputed_.clear();
  exempt_writing();
}

void ledger::exempt_writing() {
  for (const public_key& key : writing_) {
    const auto known = entries_.find(key);
    if (known != entries_.end()) exempt(known->second);
  }
}

void ledger::begin_write(std::vector<public_key> keys) {
  writing_ = std::move(keys);
  exempt_writing();
}

void ledger::end_write() {
  exempt_writing();
  writing_.clear();
}

void ledger::compare(const device_entry& there) {
  ++compared_;
  const auto known = entries_.find(there.peer.public_key);
  if (known == entries_.end()) {
    strange_.push_back(there.peer.public_key);
    dispute(there.peer.allowed_ips);
    return;
  }
  entry& mine = known->second;
  if (mine.looked == comparison_) return;  // touched meanwhile
  mine.looked = comparison_;
  mine.absent = false;
  mine.kept_alive = there.keepalive_s != 0;
  if (mine.wanted) {
    ++looked_at_;
    mine.shown = true;
    if (see(mine, there.status)) unsaved_sightings_.insert(there.peer.public_key);
  }
  if (mine.wanted && !mine.kept_alive && is_on_device(mine, there.peer)) {
    if (!mine.confirmed) mine.live_at = compared_at_;
    mine.confirmed = true;
    return;
  }
  mine.confirmed = false;
  differing_.push_back(there.peer.public_key);
  if (mine.wanted && mine.heard <= as_of_) {
    disputed_.insert(there.peer.public_key);
    dispute(there.peer.allowed_ips);
  }
}

/// An earlier start may have given them to whoever has them there.
void ledger::dispute(const std::vector<prefix>& addresses) {
  for (const prefix& address : addresses) {
    if (const entry* owner = owner_of(address)) disputed_.insert(*owner->key);
  }
}

std::vector<public_key> ledger::end_comparison(strangers unknown) {
  std::vector<public_key> write = std::exchange(differing_, {});
  std::vector<public_key> strange = std::exchange(strange_, {});
  for (const public_key& key : gone_) {
    entry& mine = entries_.at(key);
    if (mine.looked != comparison_) mine.confirmed = true;
  }
  // Where each was seen, which is the rule, nobody has to walk them all.
  if (looked_at_ < wanted_) {
    for (auto& [key, mine] : entries_) {
      if (!mine.wanted || mine.looked == comparison_) continue;
      mine.confirmed = false;
      mine.absent = true;
      write.push_back(key);
    }
  }
  // What is on the device of one that can't be read stays there.
  std::erase_if(strange, [this](const public_key& key) { return is_unreadable(key); });
  if (unknown == strangers::leave) {
    std::erase_if(write, [this](const public_key& key) { return disputed_.contains(key); });
    return write;
  }
  // Unknown peers of a device whose store was restored are a part of what that store lost.
  restored_ = restored_ && !strange.empty();
  const bool too_many = restored_ || implausible(strange.size(), compared_);
  held_strangers_.clear();
  if (too_many && !strangers_accepted_) held_strangers_.insert(strange.begin(), strange.end());
  strangers_accepted_ = strangers_accepted_ && too_many;
  if (held_strangers_.empty()) write.insert(write.begin(), strange.begin(), strange.end());
  return write;
}

void ledger::remember(const public_key& key, wall_time last_handshake_at, std::string endpoint) {
  remembered_.insert_or_assign(key, memory{last_handshake_at, std::move(endpoint)});
}

void ledger::forget_remembered() {
  for (const auto& [key, earlier] : remembered_) unsaved_sightings_.insert(key);
  remembered_.clear();
}

std::vector<public_key> ledger::take_unsaved_sightings() {
  const auto keys = std::exchange(unsaved_sightings_, {});
  return {keys.begin(), keys.end()};
}

void ledger::give_back_sightings(const std::vector<public_key>& keys) {
  unsaved_sightings_.insert(keys.begin(), keys.end());
}

device_change ledger::wanted_change(const public_key& key) const {
  const entry* mine = find(key);
  if (mine == nullptr || !mine->wanted) return drop_peer{key};
  set_peer made{device_peer_of(*mine)};
  if (mine->kept_alive) made.keepalive_s = 0;
  return made;
}

std::optional<device_change> ledger::call_back(const public_key& key, wall_time now) const {
  const entry* mine = find(key);
  if (mine == nullptr || !mine->wanted || !mine->absent || !mine->status) return {};
  const peer_status& last = *mine->status;
  const bool lately = last.last_handshake_at && *last.last_handshake_at + session_lasts > now;
  const auto where = parse_socket_address(last.endpoint);
  if (!lately || !where) return {};
  return set_peer{device_peer_of(*mine), last.endpoint, call_back_keepalive_s};
}

void ledger::confirm(const public_key& key, std::uint64_t since, wall_time now) {
  const auto known = entries_.find(key);
  if (known == entries_.end() || known->second.touched > since) return;
  if (!known->second.confirmed) known->second.live_at = now;
  known->second.confirmed = true;
  known->second.absent = false;
  exempt(known->second);
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
