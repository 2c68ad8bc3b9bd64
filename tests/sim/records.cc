#include "tests/sim/records.h"

#include "tests/conformance/raw_keys.h"
#include "wire/records.h"

namespace peerage::sim {
namespace {

bool of_peer(const std::string& key) {
  return key.starts_with(keys_of_all.prefix + "peers/");
}

/// The name of the record at the end of its key.
std::string name_in(const std::string& key) {
  return key.substr(key.rfind('/') + 1);
}

}  // namespace

/// Peers are answered; networks and gateways are kept. What can't be read is a fault of the sim.
std::optional<stored<peer>> records::take(const consul::entry& from) {
  if (of_peer(from.key)) {
    stored<peer> made{wire::read_peer(from.value).value(), consul::revision_of(from)};
    ids_.insert_or_assign(from.key, made.value.id);
    return peers_.insert_or_assign(made.value.id, std::move(made)).first->second;
  }
  if (from.key.starts_with(keys_of_all.networks())) {
    auto made = wire::read_network(from.value).value();
    networks_.insert_or_assign(made.name, std::move(made));
  } else if (from.key.starts_with(keys_of_all.gateways())) {
    auto made = wire::read_gateway(from.value).value();
    gateways_.insert_or_assign(made.name, std::move(made));
  }
  return {};
}

void records::forget(const std::string& key) {
  if (const auto found = ids_.find(key); found != ids_.end()) {
    peers_.erase(found->second);
    ids_.erase(found);
  } else if (key.starts_with(keys_of_all.networks())) {
    networks_.erase(*network_name::parse(name_in(key)));
  } else if (key.starts_with(keys_of_all.gateways())) {
    gateways_.erase(*gateway_name::parse(name_in(key)));
  }
}

std::vector<peer_changed> records::changed(const fakes::consul_kv::changed_keys& before) {
  std::vector<peer_changed> made;
  for (const auto& [key, old] : before) {
    const auto after = kv_.entries().find(key);
    const bool there = after != kv_.entries().end();
    const auto known = ids_.find(key);
    // A removal's place in its transaction is known to who made it alone.
    peer_changed change{{}, {}, consul::revision_of(kv_.index(), 0)};
    if (known != ids_.end()) change.before = peers_.at(known->second);
    if (there) {
      change.after = take(after->second);
    } else {
      forget(key);
    }
    if (change.after) change.at = change.after->revision;
    if (change.before || change.after) made.push_back(std::move(change));
  }
  return made;
}

void records::read_all() {
  peers_.clear();
  ids_.clear();
  networks_.clear();
  gateways_.clear();
  for (const auto& [key, each] : kv_.entries()) take(each);
}

std::optional<stored<peer>> records::find(const peer_id& id) const {
  const auto found = peers_.find(id);
  if (found == peers_.end()) return {};
  return found->second;
}

const gateway* records::find(const gateway_name& name) const {
  const auto found = gateways_.find(name);
  return found == gateways_.end() ? nullptr : &found->second;
}

std::string records::epoch() const {
  const auto found = kv_.entries().find(keys_of_all.epoch());
  return found == kv_.entries().end() ? std::string() : found->second.value;
}

std::string records::disagreement() const {
  std::vector<consul::entry> all;
  for (const auto& [key, each] : kv_.entries()) all.push_back(each);
  const auto wrong = conformance::disagreements(all, keys_of_all.prefix);
  return wrong.empty() ? std::string() : wrong.front();
}

}  // namespace peerage::sim
