#include "tests/sim/store_state.h"

#include <algorithm>

namespace peerage::sim {
namespace {

struct key_text {
  std::string operator()(const network_name& key) const { return "n/" + key.text(); }
  std::string operator()(const gateway_name& key) const { return "g/" + key.text(); }
  std::string operator()(const peer_id& key) const {
    return "p/" + key.network.text() + "/" + key.name.text();
  }
  std::string operator()(const token_id& key) const { return "t/" + key.text(); }
  std::string operator()(const mark_name& key) const { return "m/" + key.text; }
};

result<> check_expectation(const expectation& expected, const stored<record>* now) {
  if (std::holds_alternative<absent>(expected) && now != nullptr) {
    return fail(errc::conflict, "there is one of that name", "name");
  }
  const auto* at = std::get_if<revision>(&expected);
  if (now == nullptr && (at != nullptr || std::holds_alternative<present>(expected))) {
    return fail(errc::not_found, "there is none of that name", "name");
  }
  if (at != nullptr && now->revision != *at) {
    return fail(errc::conflict, "it has changed since it was read", "revision");
  }
  return {};
}

struct matcher {
  const record& item;
  bool operator()(const all_networks&) const { return std::holds_alternative<network>(item); }
  bool operator()(const all_gateways&) const { return std::holds_alternative<gateway>(item); }
  bool operator()(const all_tokens&) const { return std::holds_alternative<token>(item); }
  bool operator()(const peers_of_network& what) const {
    const auto* one = std::get_if<peer>(&item);
    return one != nullptr && one->id.network == what.network;
  }
  bool operator()(const peers_on_gateway& what) const {
    const auto* one = std::get_if<peer>(&item);
    return one != nullptr && one->gateway == what.gateway;
  }
  bool operator()(const peers_expiring& what) const {
    const auto* one = std::get_if<peer>(&item);
    return one != nullptr && one->expires_at && *one->expires_at < what.before;
  }
};

std::optional<stored<peer>> peer_in(const stored<record>& from) {
  const auto* one = std::get_if<peer>(&from.value);
  if (one == nullptr) return {};
  return stored<peer>{*one, from.revision};
}

/// What a peer takes up besides its name.
void add_places(const record& of, std::set<std::string>& into) {
  const auto* one = std::get_if<peer>(&of);
  if (one == nullptr) return;
  into.insert(one->gateway.text() + " " + one->public_key.text());
  for (const prefix& each : one->addresses())
    into.insert(one->id.network.text() + " " + each.text());
}

record_key key_of_write(const write& one) {
  const auto* adding = std::get_if<put>(&one);
  return adding != nullptr ? key_of(adding->value) : std::get<removal>(one).key;
}

}  // namespace

std::string text_of(const record_key& key) {
  return std::visit(key_text{}, key);
}

result<committed> store_state::commit(const transaction& writes, bool joined) {
  std::set<std::string> touches;
  for (const write& one : writes) {
    const record_key key = key_of_write(one);
    touches.insert(text_of(key));
    // Consul has a key for each of these too.
    const auto* adding = std::get_if<put>(&one);
    const auto before = records_.find(text_of(key));
    if (adding != nullptr) add_places(adding->value, touches);
    if (before != records_.end()) add_places(before->second.value, touches);
  }
  joined =
      joined && place_ < 60 &&
      std::ranges::none_of(touches, [this](const auto& each) { return touched_.contains(each); });
  const std::uint64_t index = joined ? index_ : index_ + 1;
  const unsigned place = joined ? place_ + 1 : 0;
  const revision made{index * 64 + place};

  table next = records_;
  committed done{made, {}};
  for (const write& one : writes) {
    if (const auto checked = check(one, next); !checked) return std::unexpected(checked.error());
    const std::string text = text_of(key_of_write(one));
    const auto before = next.find(text);
    peer_changed change{{}, {}, made};
    if (before != next.end()) change.before = peer_in(before->second);
    if (const auto* adding = std::get_if<put>(&one)) {
      const auto& now =
          next.insert_or_assign(text, stored<record>{adding->value, made}).first->second;
      change.after = peer_in(now);
    } else {
      next.erase(text);
    }
    if (change.before || change.after) done.peers.push_back(std::move(change));
  }
  records_ = std::move(next);
  index_ = index;
  place_ = place;
  touched_ = std::move(touches);
  for (const auto& each : done.peers) {
    for (const auto* side : {&each.before, &each.after})
      if (*side) log_.push_back({index, (*side)->value.gateway, (*side)->value.public_key});
  }
  return done;
}

result<> store_state::check(const write& one, const table& now) const {
  const auto* adding = std::get_if<put>(&one);
  const record_key key = key_of_write(one);
  const auto found = now.find(text_of(key));
  const auto& expected = adding ? adding->expected : std::get<removal>(one).expected;
  if (const auto met = check_expectation(expected, found == now.end() ? nullptr : &found->second);
      !met) {
    return met;
  }
  if (adding != nullptr) {
    if (const auto* added = std::get_if<peer>(&adding->value)) {
      const auto in = now.find(text_of(added->id.network));
      if (in != now.end() && !adding->network_id.empty() &&
          std::get<network>(in->second.value).id != adding->network_id) {
        return fail(errc::not_found, "there is no such network", "network");
      }
      return check_peer(*added, now);
    }
    const auto* added = std::get_if<gateway>(&adding->value);
    for (const auto& [text, other] : now) {
      const auto* same = std::get_if<gateway>(&other.value);
      if (added && same && same->name != added->name && same->number == added->number) {
        return fail(errc::conflict, "another gateway has that number", "number");
      }
    }
    return {};
  }
  for (const auto& [text, other] : now) {
    const auto* user = std::get_if<peer>(&other.value);
    if (user && (record_key(user->id.network) == key || record_key(user->gateway) == key)) {
      return fail(errc::conflict, "it still has peers", "peers");
    }
  }
  return {};
}

result<> store_state::check_peer(const peer& one, const table& now) const {
  const auto in = now.find(text_of(one.id.network));
  if (in == now.end() || !std::get<network>(in->second.value).ipv6.contains(one.ipv6)) {
    return fail(errc::not_found, "there is no such network", "network");
  }
  if (!now.contains(text_of(one.gateway))) {
    return fail(errc::not_found, "there is no such gateway", "gateway");
  }
  std::uint32_t counted = 1;
  for (const auto& [text, other] : now) {
    const auto* rival = std::get_if<peer>(&other.value);
    if (rival == nullptr || rival->id == one.id) continue;
    counted += rival->quota && rival->created_by == one.created_by ? 1 : 0;
    if (rival->gateway == one.gateway && rival->public_key == one.public_key) {
      return fail(errc::conflict, "that gateway has the key", "public_key");
    }
    if (rival->ipv6 == one.ipv6 || (one.ipv4 && rival->ipv4 == one.ipv4)) {
      return fail(errc::conflict, "another peer has the address", "addresses");
    }
  }
  if (one.quota && counted > *one.quota) {
    return fail(errc::conflict, "the token has as many peers as it may", "max_peers");
  }
  return {};
}

std::optional<stored<record>> store_state::find(const record_key& key) const {
  const auto found = records_.find(text_of(key));
  if (found == records_.end()) return {};
  return found->second;
}

std::optional<stored<peer>> store_state::find(const peer_id& id) const {
  const auto found = records_.find(text_of(id));
  if (found == records_.end()) return {};
  return peer_in(found->second);
}

page store_state::list(const page_query& query) const {
  std::vector<stored<record>> all;
  for (const auto& [text, each] : records_)
    if (std::visit(matcher{each.value}, query.what)) all.push_back(each);
  const bool by_time = std::holds_alternative<peers_expiring>(query.what);
  std::ranges::sort(all, [&](const auto& a, const auto& b) {
    if (by_time) return std::get<peer>(a.value).expires_at < std::get<peer>(b.value).expires_at;
    return position(query.what, a.value) < position(query.what, b.value);
  });
  page made;
  for (auto& each : all) {
    if (!by_time && position(query.what, each.value) <= query.after) continue;
    made.more = made.items.size() == query.limit;
    if (made.more) break;
    made.items.push_back(std::move(each));
  }
  return made;
}

std::vector<stored_assignment> store_state::on(const gateway_name& gateway,
                                               const std::set<public_key>* keys) const {
  std::vector<stored_assignment> made;
  each_peer([&](const peer& one, revision at) {
    if (one.gateway != gateway || (keys && !keys->contains(one.public_key))) return;
    const auto in = records_.find(text_of(one.id.network));
    made.push_back({assignment_of(one, std::get<network>(in->second.value).ipv4), at});
  });
  return made;
}

std::set<public_key> store_state::changed(const gateway_name& gateway, std::uint64_t behind) const {
  std::set<public_key> keys;
  for (auto at = log_.rbegin(); at != log_.rend() && at->index > behind; ++at)
    if (at->gateway == gateway) keys.insert(at->key);
  return keys;
}

std::uint64_t store_state::changes(const gateway_name& gateway, std::uint64_t behind) const {
  std::uint64_t count = 0;
  for (auto at = log_.rbegin(); at != log_.rend() && at->index > behind; ++at)
    count += at->gateway == gateway ? 1 : 0;
  return count;
}

std::uint64_t store_state::last_of(const gateway_name& gateway) const {
  for (auto at = log_.rbegin(); at != log_.rend(); ++at)
    if (at->gateway == gateway) return at->index;
  return 1;
}

}  // namespace peerage::sim
