// The checks after every step, and the last one.
#include <algorithm>
#include <set>

#include "plan/address.h"
#include "tests/sim/model.h"

namespace peerage::sim {

void model::check() {
  if (broken_) return;
  check_live();
  check_gone();
  check_addresses();
  if (std::exchange(store_changed_, false)) check_store();
}

void model::check_live() {
  for (auto at = live_.begin(); at != live_.end();) {
    live_claim& claim = at->second;
    const auto& past = history_.at(at->first);
    const bool meant = !past.empty() && past.back().value && past.back().since <= claim.at;
    if (!meant || over(claim)) {
      at = live_.erase(at);
      continue;
    }
    if (on_device(claim.value)) {
      claim.excused = false;
    } else if (!claim.excused) {
      breaks("live_stays_live", at->first.network.text() + "/" + at->first.name.text() +
                                    " with key " + short_text(claim.value.public_key) +
                                    " was confirmed live, and " + claim.value.gateway.text() +
                                    " no longer has it: " + seen_of(claim.value));
    }
    ++at;
  }
}

void model::check_gone() {
  for (const auto& [where, who] : gone_) {
    const auto host = hosts_.find(where.first);
    if (host == hosts_.end() || !host->second.device.peers.contains(where.second)) continue;
    breaks("removed_stays_removed", "key " + short_text(where.second) + " is on " +
                                        where.first.text() + " again, after " + who);
  }
}

void model::check_addresses() {
  for (const auto& [name, host] : hosts_) {
    std::set<prefix> seen;
    for (const auto& [key, entry] : host.device.peers) {
      for (const prefix& each : entry.peer.allowed_ips) {
        if (!seen.insert(each).second) {
          breaks("one_peer_an_address", each.text() + " is on two peers of " + name.text());
        }
      }
    }
  }
}

void model::check_store() {
  std::set<std::string> seen;
  store_.each_peer([&](const peer& one, revision) {
    for (const prefix& each : one.addresses()) {
      if (!seen.insert(one.id.network.text() + " " + each.text()).second) {
        breaks("no_address_twice", each.text() + " is twice in network " + one.id.network.text());
      }
    }
  });
  std::vector<prefix> ranges;
  for (const auto& [name, one] : store_.networks()) {
    for (const prefix& other : ranges) {
      if (other.overlaps(one.ipv6)) {
        breaks("no_network_overlaps", name.text() + " overlaps another network");
      }
    }
    ranges.push_back(one.ipv6);
  }
  if (const auto wrong = store_.disagreement(); !wrong.empty()) breaks("keys_agree", wrong);
}

bool model::equal(const gateway_name& on, std::string* difference) const {
  const auto say = [&](std::string what) {
    if (difference != nullptr) *difference = on.text() + ": " + std::move(what);
    return false;
  };
  const device_world& device = hosts_.at(on).device;
  std::size_t wanted = 0;
  bool all = true;
  store_.each_peer([&](const peer& one, revision) {
    if (!all || one.gateway != on) return;
    ++wanted;
    if (on_device(one)) return;
    all = say(one.id.name.text() + " with key " + short_text(one.public_key) +
              " is in the store and not on the device: " + seen_of(one));
  });
  if (!all) return false;
  if (device.peers.size() == wanted) return true;
  for (const auto& [key, entry] : device.peers) {
    bool known = false;
    store_.each_peer([&](const peer& one, revision) {
      known = known || (one.gateway == on && one.public_key == key);
    });
    if (!known) return say("key " + short_text(key) + " is on the device and not in the store");
  }
  return say("the device has more peers than the store");
}

void model::check_settled(const gateway_name& on) {
  std::string difference;
  if (!equal(on, &difference)) breaks("settles", difference);
}

}  // namespace peerage::sim
