// What gateways say, and what callers are told: each true at that moment, and kept in mind.
#include <algorithm>

#include "tests/sim/model.h"

namespace peerage::sim {

/// Whether the loss is so fresh that its process may not have heard of it.
bool model::just_lost(const gateway_name& on) const {
  const auto lost = lost_at_.find(on);
  return lost != lost_at_.end() && lost->second == step;
}

void model::said(const gateway_name& by, const apply_request& asked, const apply_reply& reply,
                 const status_reply& has) {
  const bool current = asked.epoch.id == store_.epoch();
  for (std::size_t i = 0; i < reply.results.size(); ++i) {
    const public_key& key = reply.results[i].public_key;
    const std::string text = by.text() + " said at " + std::to_string(asked.revision.number) +
                             " that key " + short_text(key) + " is ";
    if (reply.results[i].state == change_state::live) {
      if (current) said_live_[{by, key}] = step;
      said_live(by, std::get<put_peer_change>(asked.changes[i]).peer,
                current ? asked.revision : revision{}, text + "live");
    } else if (reply.results[i].state == change_state::removed) {
      said_gone_[{by, key}] = step;
      // It may have been created again since, or a restored store has it; then the gateway knows.
      const auto& newer = has.reports[i].revision;
      const bool again = newer && (*newer > asked.revision || has.epoch != asked.epoch);
      if (hosts_.at(by).device.peers.contains(key) && !again) {
        breaks("gateways_speak_true", text + "gone, and it is not");
      }
      if (current && !created_since({by, key}, asked.revision)) gone_[{by, key}] = text + "gone";
    }
  }
}

void model::said_live(const gateway_name& by, const assignment& what, revision at,
                      const std::string& text) {
  if (just_lost(by)) return;
  device_peer right{what.public_key, what.preshared_key, what.addresses};
  std::ranges::sort(right.allowed_ips);
  if (!hosts_.at(by).device.has(right)) breaks("gateways_speak_true", text + ", and it is not");
  // From now on it stays so, as long as the store has the same.
  const auto now = store_.find(what.id);
  if (!now || now->value.gateway != by || now->value.public_key != what.public_key) return;
  if (at < history_.at(what.id).back().since) return;
  live_claim claim{now->value, at, false};
  if (now->value.preshared_key != what.preshared_key || now->value.addresses() != what.addresses) {
    return;
  }
  if (on_device(now->value) && !over(claim)) live_.insert_or_assign(what.id, std::move(claim));
}

void model::said(const gateway_name& by, const status_reply& reply) {
  const device_world& device = hosts_.at(by).device;
  const bool current = reply.epoch && reply.epoch->id == store_.epoch();
  for (const peer_report& each : reply.reports) {
    if (!each.live) continue;
    if (current) said_live_[{by, each.public_key}] = step;
    if (device.peers.contains(each.public_key) || just_lost(by)) continue;
    breaks("gateways_speak_true", by.text() + " said, being asked, that key " +
                                      short_text(each.public_key) + " is live, and it is not");
  }
}

void model::said(const heartbeat& beat) {
  if (!just_lost(beat.name)) beaten_[beat.name] = beat.applied;
}

void model::check_stored(const operation& of, const stored<peer>& what) {
  if (restored_at_ >= of.begun_at && restored_at_ != 0) return;
  const auto past = history_.find(what.value.id);
  if (past != history_.end()) {
    for (const moment& each : past->second)
      if (each.at == what.revision && each.value == what.value) return;
  }
  breaks("confirmed_is_stored", text_of(of) + " was answered with revision " +
                                    std::to_string(what.revision.number) +
                                    ", which the store never had");
}

/// Whether the gateway's device lost it after the gateway last spoke of it. What is known from a
/// heartbeat, `asked_now` tells, counts where no later one says otherwise.
bool model::lost_since(const stored<peer>& what, bool asked_now) const {
  const gateway_name& on = what.value.gateway;
  const auto lost = lost_at_.find(on);
  if (lost == lost_at_.end()) return false;
  const auto said = said_live_.find({on, what.value.public_key});
  if (said != said_live_.end() && said->second > lost->second) return false;
  const auto beaten = beaten_.find(on);
  return asked_now || beaten == beaten_.end() || beaten->second < what.revision;
}

/// `asked_now`: the gateway itself was asked during this request.
void model::claim_live(const operation& of, const stored<peer>& what, bool asked_now) {
  check_stored(of, what);
  const auto now = store_.find(what.value.id);
  if (!now || !same_on_device(now->value, what.value)) return;
  if (what.revision < history_.at(what.value.id).back().since) return;
  live_claim claim{what.value, what.revision, false};
  if (over(claim)) return;
  // A heartbeat does not say of which epoch of the store its revision is, and who has not heard of
  // a restore yet speaks of another store.
  const auto said = said_live_.find({what.value.gateway, what.value.public_key});
  const bool said_since = said != said_live_.end() && said->second > restored_at_;
  if (restored_at_ != 0 && !(asked_now && said_since)) return;
  if (!on_device(what.value)) {
    claim.excused = lost_since(what, asked_now);
    if (!claim.excused) {
      breaks("live_means_live", text_of(of) + " was told that " + name_of_peer(what.value.id) +
                                    " is live with key " + short_text(what.value.public_key) +
                                    " on " + what.value.gateway.text() +
                                    ", and it is not: " + seen_of(what.value));
    }
  }
  live_.insert_or_assign(what.value.id, std::move(claim));
}

/// Whether a peer was given that key there after that.
bool model::created_since(const place& where, revision since) const {
  for (const auto& [who, past] : history_) {
    for (const moment& each : past) {
      if (each.at > since && each.value && each.value->gateway == where.first &&
          each.value->public_key == where.second) {
        return true;
      }
    }
  }
  return false;
}

void model::claim_gone(const operation& of, const peer_changed& change, const char* invariant) {
  const peer& old = change.before->value;
  const place where{old.gateway, old.public_key};
  if (created_since(where, change.at)) return;
  // A restore under the request has brought it back.
  if (restored_at_ != 0 && restored_at_ >= of.begun_at) return;
  // A power cut has brought it back after the gateway said that it is gone.
  const auto back = back_at_.find(where);
  if (back != back_at_.end() && said_gone_[where] <= back->second) return;
  const auto host = hosts_.find(old.gateway);
  if (host != hosts_.end() && host->second.device.peers.contains(old.public_key)) {
    breaks(invariant, text_of(of) + " was told that key " + short_text(old.public_key) +
                          " is gone from " + old.gateway.text() + ", and it is not");
  }
  gone_[where] = text_of(of) + " was told that it is gone";
}

void model::answered(operation& of, const result<enrolment>& how) {
  of.ended = true;
  of.doubtful = !how && how.error().code == errc::outcome_unknown;
  if (!of.heard) return;
  if (!how) return check_refusal(of, how.error());
  check_stored(of, how->view.what);
  if (how->view.state != peer_state::live) return;
  claim_live(of, how->view.what, true);
  for (const auto& each : of.done) {
    if (each.at != how->view.what.revision || !each.before || !each.after) continue;
    const bool moved = each.before->value.gateway != each.after->value.gateway;
    const bool rekeyed = each.before->value.public_key != each.after->value.public_key;
    if (moved || rekeyed) claim_gone(of, each, "rekeyed_means_gone");
  }
}

void model::answered(operation& of, const result<removal_outcome>& how) {
  of.ended = true;
  of.doubtful = !how && how.error().code == errc::outcome_unknown;
  if (!of.heard) return;
  if (!how) return check_refusal(of, how.error());
  if (!how->gone || of.done.empty()) return;
  claim_gone(of, of.done.back(), "removed_means_gone");
}

void model::answered(operation& of, const result<peer_view>& how) {
  of.ended = true;
  if (!of.heard) return;
  if (!how) return check_refusal(of, how.error());
  if (how->state == peer_state::live) claim_live(of, how->what, true);
}

void model::answered(operation& of, const result<peer_page>& how) {
  of.ended = true;
  if (!of.heard || !how) return;
  for (const peer_view& each : how->items)
    if (each.state == peer_state::live) claim_live(of, each.what, false);
}

void model::cut_off(operation& of) {
  of.ended = true;
  of.doubtful = true;
}

}  // namespace peerage::sim
