#include "tests/sim/model.h"

#include <algorithm>
#include <set>

#include "plan/address.h"

namespace peerage::sim {
namespace {

device_peer device_peer_of(const peer& one) {
  device_peer made{one.public_key, one.preshared_key, one.addresses()};
  std::ranges::sort(made.allowed_ips);
  return made;
}

}  // namespace

bool same_on_device(const peer& a, const peer& b) {
  return a.gateway == b.gateway && a.public_key == b.public_key &&
         a.preshared_key == b.preshared_key && a.addresses() == b.addresses();
}

std::string name_of_peer(const peer_id& who) {
  return who.network.text() + "/" + who.name.text();
}

const principal& bounded_caller() {
  static const principal one{*token_id::parse("bounded"), {}, {scope::peers_manage}, quota};
  return one;
}

std::string short_text(const public_key& key) {
  return key.text().substr(0, 6);
}

std::string text_of(const operation& one) {
  constexpr const char* names[] = {"POST", "PUT",   "DELETE",         "GET",
                                   "list", "drain", "remove gateway", "make network"};
  std::string text = "#" + std::to_string(one.number) + " " + names[static_cast<int>(one.what)];
  if (one.what <= act::show) text += " " + name_of_peer(one.who);
  if (one.what == act::list) text += " " + one.who.network.text();
  if (one.wanted.public_key) text += " key " + short_text(*one.wanted.public_key);
  if (one.wanted.gateway.value) text += " on " + one.wanted.gateway.value->text();
  if (one.wanted.ttl.given) {
    const auto ttl = one.wanted.ttl.value;
    text += " ttl " + (ttl ? std::to_string(ttl->count()) : "none");
  }
  if (!one.gateway.empty()) text += " " + one.gateway.text();
  if (one.bounded) text += " by the bounded caller";
  return text;
}

void model::breaks(std::string invariant, std::string what) {
  if (!broken_) broken_ = violation{std::move(invariant), std::move(what)};
}

void model::record(const peer_changed& change) {
  const peer_id who = change.after ? change.after->value.id : change.before->value.id;
  moment now{change.at, {}, change.at};
  if (change.after) now.value = change.after->value;
  auto& past = history_[who];
  const bool same = now.value && change.before && !past.empty() &&
                    same_on_device(*now.value, change.before->value);
  if (same) now.since = past.back().since;
  past.push_back(std::move(now));
  there_[who].emplace_back(step, change.after.has_value());
  if (change.before) had_[change.before->value.public_key].emplace_back(step, who);
  if (change.after) gone_.erase({change.after->value.gateway, change.after->value.public_key});
  store_changed_ = true;
}

/// After each commit: a token's peers are never more than it may have.
void model::count_bounded() {
  std::uint32_t count = 0;
  store_.each_peer(
      [&](const peer& one, revision) { count += one.created_by == bounded_caller().id ? 1 : 0; });
  if (quota_full_) quota_full_until_ = step;
  quota_full_ = count >= quota;
  if (count > quota) {
    breaks("quota_holds", "the bounded caller has " + std::to_string(count) +
                              " peers and may have " + std::to_string(quota));
  }
}

void model::preloaded(const std::vector<peer_changed>& what) {
  for (const auto& each : what) record(each);
}

void model::committed_by(const std::string& process, const std::vector<peer_changed>& what) {
  for (const auto& each : what) {
    wished(process, each);
    record(each);
  }
  if (!what.empty()) count_bounded();
}

/// Whether the change is what this request wishes, made of what was there.
bool model::fits(const operation& by, const peer_changed& change, wall_time now) const {
  const auto& before = change.before;
  if (!change.after) return by.what == act::remove;
  if (by.what != act::put && by.what != act::post) return false;
  if (by.what == act::post && before) return false;
  const peer& made = change.after->value;
  const auto& wanted = by.wanted;
  const peer* old = before ? &before->value : nullptr;
  if (wanted.public_key ? made.public_key != *wanted.public_key
                        : !old || made.public_key != old->public_key) {
    return false;
  }
  const bool same_secret = wanted.preshared_key.given || !old
                               ? made.preshared_key == wanted.preshared_key.value
                               : made.preshared_key == old->preshared_key;
  if (!same_secret) return false;
  if (old && !wanted.gateway.value && made.gateway != old->gateway) return false;
  if (wanted.gateway.value && made.gateway != *wanted.gateway.value) return false;
  if (!wanted.ttl.given) return made.expires_at == (old ? old->expires_at : std::nullopt);
  if (!wanted.ttl.value) return !made.expires_at;
  // A request may have taken the time long before it is stored.
  const steady_time asked = time_.steady - (now - by.begun);
  const seconds off{asked >= api_clock_wrong_until ? 0 : api_times_off ? 200'000 : 120};
  return made.expires_at && *made.expires_at >= by.begun + *wanted.ttl.value - off &&
         *made.expires_at <= now + *wanted.ttl.value + off;
}

/// Every change of a peer is one caller's wish applied to what was there, or its time is over.
void model::wished(const std::string& process, const peer_changed& change) {
  const peer& one = change.after ? change.after->value : change.before->value;
  if (!change.after && change.before->value.expires_at &&
      *change.before->value.expires_at <= time_.wall) {
    return;
  }
  std::vector<operation*> by;
  bool spans_restore = false;
  for (const auto& each : operations) {
    const bool may = each->process == process && (!each->ended || each->doubtful);
    if (!may || each->who != one.id) continue;
    if (fits(*each, change, time_.wall)) by.push_back(each.get());
    spans_restore = spans_restore || (restored_at_ != 0 && each->begun_at <= restored_at_);
  }
  // A restored store counts its revisions once more: one may be another's now.
  if (by.empty() && !spans_restore) {
    breaks("no_update_lost",
           name_of_peer(one.id) + (change.after ? " was changed" : " was removed") + " at " +
               std::to_string(change.at.number) + " by " + process + ", as nobody wished");
  }
  if (by.size() == 1) by.front()->done.push_back(change);
}

bool model::on_device(const peer& one) const {
  const auto host = hosts_.find(one.gateway);
  if (host == hosts_.end()) return false;
  const auto& plan = host->second.device.plan;
  const prefix route = prefix::of(one.ipv6, 64);
  return host->second.device.has(device_peer_of(one)) &&
         (renumbered(one) || std::ranges::find(plan.routes, route) != plan.routes.end());
}

/// Placed by a number of its gateway that a restored store has given to another.
bool model::renumbered(const peer& one) const {
  if (restored_at_ == 0) return false;
  const gateway* found = store_.find(one.gateway);
  if (found == nullptr) return true;
  const prefix whole = prefix::of(one.ipv6, 48);
  return gateway_prefix(whole, found->number) != prefix::of(one.ipv6, 64);
}

/// What the device has instead, for people.
std::string model::seen_of(const peer& one) const {
  const auto& device = hosts_.at(one.gateway).device;
  const auto found = device.peers.find(one.public_key);
  std::string text = device.present ? "peer absent" : "no device";
  if (found != device.peers.end()) {
    text = "peer with";
    for (const prefix& each : found->second.peer.allowed_ips) text += " " + each.text();
  }
  text += ", wanted with";
  for (const prefix& each : one.addresses()) text += " " + each.text();
  text += "; routes";
  for (const prefix& each : device.plan.routes) text += " " + each.text();
  return text;
}

/// Whether, by some word that the gateway may have heard, its time is over.
bool model::over(const live_claim& claim) const {
  const auto wrong = clock_wrong_until_.find(claim.value.gateway);
  const bool doubtful = wrong != clock_wrong_until_.end() && time_.steady < wrong->second;
  for (const moment& each : history_.at(claim.value.id)) {
    if (each.at < claim.at || !each.value || !each.value->expires_at) continue;
    if (doubtful || *each.value->expires_at <= time_.wall) return true;
  }
  return false;
}

/// The peer was there at some moment since that step.
bool model::was_there_since(const peer_id& who, std::size_t since) const {
  const auto known = there_.find(who);
  if (known == there_.end()) return false;
  bool there = false, any = false;
  for (const auto& [at, is] : known->second) {
    if (at >= since) any = any || there || is;
    there = is;
  }
  return any || there;
}

bool model::there_since(const peer_id& who, std::size_t since) const {
  const auto known = there_.find(who);
  if (known == there_.end()) return false;
  bool there = false;
  for (const auto& [at, is] : known->second) {
    if (at >= since && (!is || !there)) return false;
    there = is;
  }
  return there;
}

/// Whether a peer other than the operation's has had its key since the operation began. One that is
/// only moved may have any that its peer ever had.
bool model::anothers_key(const operation& of) const {
  std::set<public_key> keys;
  if (of.wanted.public_key) {
    keys.insert(*of.wanted.public_key);
  } else if (const auto past = history_.find(of.who); past != history_.end()) {
    for (const moment& each : past->second)
      if (each.value) keys.insert(each.value->public_key);
  }
  bool found = false;
  store_.each_peer([&](const peer& one, revision) {
    found = found || (keys.contains(one.public_key) && one.id != of.who);
  });
  for (const auto& [key, left] : had_) {
    found = found || (keys.contains(key) && std::ranges::any_of(left, [&](const auto& each) {
                        return each.first >= of.begun_at && each.second != of.who;
                      }));
  }
  return found;
}

void model::check_refusal(const operation& of, const error& why) {
  if (restored_at_ >= of.begun_at && restored_at_ != 0) return;
  const bool unsure = why.code == errc::outcome_unknown;
  if (!unsure && !of.done.empty()) {
    breaks("a_refusal_stores_nothing",
           text_of(of) + " was refused (" + why.message + "), and yet it was stored");
  }
  const bool busy = unsure || why.code == errc::unavailable || why.code == errc::full;
  if (busy || why.field == "network" || why.field == "gateway") return;
  bool right = false;
  if (why.code == errc::conflict && why.field == "name" && of.what == act::post) {
    right = was_there_since(of.who, of.begun_at);
  }
  if (why.code == errc::conflict && why.field == "public_key") right = anothers_key(of);
  if (why.code == errc::conflict && why.field == "max_peers") {
    right = of.bounded && (quota_full_ || quota_full_until_ >= of.begun_at);
  }
  if (why.code == errc::invalid && why.field == "public_key" && !of.wanted.public_key) {
    right = !there_since(of.who, of.begun_at);
  }
  if (why.code == errc::not_found && (of.what == act::remove || of.what == act::show)) {
    right = !there_since(of.who, of.begun_at);
  }
  if (!right) {
    breaks("no_false_refusal",
           text_of(of) + " was refused: " + why.message + " (" + why.field + ")");
  }
}

void model::device_lost(const gateway_name& on) {
  lost_at_[on] = step;
  beaten_.erase(on);
  for (auto& [who, claim] : live_)
    if (claim.value.gateway == on) claim.excused = true;
}

void model::clock_wrong(const gateway_name& on, steady_time until) {
  auto& known = clock_wrong_until_[on];
  known = std::max(known, until);
}

void model::mirror_lost(const gateway_name& on) {
  for (const auto& [key, row] : hosts_.at(on).saved.now.peers) {
    back_at_[{on, key}] = step;
    gone_.erase({on, key});
  }
}

/// The store is what it was: what came since is forgotten, by everyone.
void model::restored() {
  restored_at_ = step;
  store_changed_ = true;
  live_.clear();
  gone_.clear();
  for (auto& [who, past] : history_) {
    past.clear();
    there_[who].emplace_back(step, false);
  }
  store_.each_peer([&](const peer& one, revision at) {
    history_[one.id].push_back({at, one, at});
    there_[one.id].emplace_back(step, true);
  });
  for (const auto& each : operations) each->doubtful = true;
  count_bounded();
}

}  // namespace peerage::sim
