// Commits as Consul's transactions, on a store of keys that behaves as Consul does. After each of
// them the keys beside the peers are exactly those that the peers call for.
#include <map>
#include <set>

#include "consul/change.h"
#include "fuzz/fuzz.h"
#include "testing/samples.h"
#include "wire/records.h"

namespace peerage {
namespace {

using consul::verb;

const consul::key_space keys{"p/"};

class store {
 public:
  const consul::entry* find(const std::string& key) const {
    const auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : &found->second;
  }

  /// All of it, or the first step that Consul would refuse.
  const consul::step* apply(const consul::change& from) {
    std::set<std::string> touched;
    for (const consul::step& each : from.steps) {
      const bool checks =
          each.call.what == verb::check_index || each.call.what == verb::check_not_exists;
      fuzz::hold(checks || touched.insert(each.call.key).second, "a key is written once");
      if (!fits(each.call)) return &each;
    }
    ++index_;
    for (const consul::step& each : from.steps) carry_out(each.call);
    return nullptr;
  }

  std::set<std::string> beside(std::string_view folder) const {
    std::set<std::string> found;
    for (const auto& [key, entry] : entries_)
      if (key.starts_with(folder)) found.insert(key);
    return found;
  }

 private:
  bool fits(const consul::operation& call) const {
    const consul::entry* now = find(call.key);
    switch (call.what) {
      case verb::cas: return call.index == 0 ? now == nullptr : now && now->index == call.index;
      // As in Consul, it succeeds where the key is already gone.
      case verb::remove_cas: return now == nullptr || now->index == call.index;
      case verb::check_index: return now && now->index == call.index;
      case verb::check_not_exists: return now == nullptr;
      default: return true;
    }
  }
  void carry_out(const consul::operation& call) {
    if (call.what == verb::set || call.what == verb::cas) {
      entries_[call.key] = {call.key, call.value, call.flags, index_};
    } else if (call.what == verb::remove || call.what == verb::remove_cas) {
      entries_.erase(call.key);
    }
  }

  std::map<std::string, consul::entry> entries_;
  std::uint64_t index_ = 1;
};

std::optional<consul::known<peer>> read(const store& from, const peer_id& id) {
  const consul::entry* entry = from.find(keys.of(id));
  if (entry == nullptr) return {};
  const auto record = consul::read_record(keys, id, *entry);
  fuzz::hold(record.has_value(), "a record that was written can be read");
  return consul::known<peer>{*entry, std::get<peer>(*record)};
}

peer some_peer(fuzz::choices& from) {
  const auto name = "p" + std::to_string(from.of(3));
  peer made = fakes::sample_peer("acme", name, static_cast<std::uint32_t>(from.of(4)),
                                 from.of(2) == 0 ? "gw-1" : "gw-2");
  if (from.of(2) == 1) made.ipv4 = ip_address::v4(0x0a090000U + from.byte() % 3U);
  if (from.of(2) == 1) made.expires_at = made.created_at + seconds{from.of(3) * 40};
  return made;
}

/// By id, what the store must have.
using wanted = std::map<peer_id, peer>;

void compare(const store& have, const wanted& want) {
  std::set<std::string> at, placed, addresses, expiries;
  for (const auto& [id, each] : want) {
    at.insert(keys.at(each.gateway, each.public_key));
    placed.insert(keys.placed(each.gateway, id));
    addresses.insert(keys.address(each.ipv6));
    if (each.ipv4) addresses.insert(keys.address(*each.ipv4));
    if (each.expires_at) expiries.insert(keys.expiry(*each.expires_at, id));
    const auto* assigned = have.find(keys.at(each.gateway, each.public_key));
    fuzz::hold(assigned && wire::read_assignment(assigned->value) == assignment_of(each, {}),
               "a gateway reads its peer");
  }
  fuzz::hold(at.size() == want.size(), "no key is twice on a gateway");
  fuzz::hold(have.beside("p/at/") == at, "assignments are those of the peers");
  fuzz::hold(have.beside("p/placed/") == placed, "places are those of the peers");
  fuzz::hold(have.beside("p/addresses/") == addresses, "addresses are those of the peers");
  fuzz::hold(have.beside("p/expiry/") == expiries, "expiries are those of the peers");
}

void put_one(store& into, wanted& want, const peer& each, const expectation& expected) {
  const auto old = read(into, each.id);
  if (!consul::meets(expected, old ? &old->raw : nullptr)) return;
  consul::change change;
  consul::put_peer(change, keys, each, {}, {}, old, expected);
  fuzz::hold(change.touched.at(each.gateway.text()).contains(each.public_key.text()),
             "its gateway is told");
  const consul::step* refused = into.apply(change);
  if (refused == nullptr) want[each.id] = each;
  if (refused) {
    fuzz::hold(
        refused->why == consul::blame::public_key || refused->why == consul::blame::addresses,
        "nothing moved, so a key or an address is to blame");
  }
}

}  // namespace
}  // namespace peerage

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerage;
  fuzz::choices from(data, size);
  store kept;
  wanted want;
  while (!from.done()) {
    const std::size_t kind = from.of(4);
    const peer each = some_peer(from);
    if (kind == 0) {
      if (const auto old = read(kept, each.id)) {
        consul::change change;
        consul::remove_peer(change, keys, *old);
        fuzz::hold(kept.apply(change) == nullptr, "what was read can be removed");
        want.erase(each.id);
      }
    } else {
      put_one(kept, want, each, kind == 1 ? expectation{absent{}} : expectation{anything{}});
    }
    compare(kept, want);
  }
  return 0;
}
