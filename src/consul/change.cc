#include "consul/change.h"

#include <algorithm>
#include <limits>

#include "json/json.h"
#include "wire/records.h"

namespace peerage::consul {
namespace {

step set(std::string key, std::string value) {
  return {{verb::set, std::move(key), std::move(value), 0, 0}, blame::moved};
}

step create(std::string key, std::string value, blame why) {
  return {{verb::cas, std::move(key), std::move(value), 0, 0}, why};
}

step replace(const entry& old, std::string value) {
  return {{verb::cas, old.key, std::move(value), 0, old.index}, blame::moved};
}

step remove(std::string key) {
  return {{verb::remove, std::move(key), {}, 0, 0}, blame::moved};
}

/// Removes the record at the index at which it was read. Consul's delete-cas succeeds where the key
/// is already gone, and what follows in the transaction would then be taken from whoever has it
/// now; check-index fails there.
void remove_known(change& to, const entry& old) {
  to.steps.push_back({{verb::check_index, old.key, {}, 0, old.index}, blame::moved});
  to.steps.push_back(remove(old.key));
}

bool has(const std::vector<std::string>& all, const std::string& one) {
  return std::ranges::find(all, one) != all.end();
}

std::string id_text(const peer_id& id) {
  return id.network.text() + "/" + id.name.text();
}

/// The record's own key; nobody else's refusal of it means a taken name when it was seen absent.
void put_own(change& to, std::string key, std::string value, const entry* old,
             const expectation& expected) {
  if (old != nullptr) {
    to.steps.push_back(replace(*old, std::move(value)));
    return;
  }
  const bool wanted = std::holds_alternative<absent>(expected);
  to.steps.push_back(create(std::move(key), std::move(value), wanted ? blame::name : blame::moved));
}

std::vector<std::string> address_keys(const key_space& keys, const peer& of) {
  std::vector<std::string> made{keys.address(of.ipv6)};
  if (of.ipv4) made.push_back(keys.address(*of.ipv4));
  return made;
}

std::optional<std::string> expiry_key(const key_space& keys, const peer& of) {
  if (!of.expires_at) return {};
  return keys.expiry(*of.expires_at, of.id);
}

void touch(change& to, const peer& of) {
  to.touched[of.gateway.text()].insert(of.public_key.text());
}

void count(change& to, const peer& of, std::int64_t by) {
  if (!of.quota) return;
  count_change& of_token = to.counts[of.created_by.text()];
  of_token.by += by;
  if (by > 0) of_token.most = *of.quota;
}

/// What hangs on the old peer and not on the new one goes.
void let_go(change& to, const key_space& keys, const peer& old, const peer* wanted) {
  const bool same_gateway = wanted && wanted->gateway == old.gateway;
  if (!same_gateway || wanted->public_key != old.public_key) {
    to.steps.push_back(remove(keys.at(old.gateway, old.public_key)));
    touch(to, old);
  }
  if (!same_gateway) to.steps.push_back(remove(keys.placed(old.gateway, old.id)));
  const auto kept = wanted ? address_keys(keys, *wanted) : std::vector<std::string>{};
  for (auto& each : address_keys(keys, old)) {
    if (!has(kept, each)) to.steps.push_back(remove(std::move(each)));
  }
  const auto expiry = expiry_key(keys, old);
  if (expiry && !(wanted && expiry_key(keys, *wanted) == expiry))
    to.steps.push_back(remove(*expiry));
}

}  // namespace

void hold(change& to, const entry& what) {
  if (closing(what)) {
    to.steps.push_back(replace(what, what.value));
  } else {
    to.steps.push_back({{verb::check_index, what.key, {}, 0, what.index}, blame::moved});
  }
}

result<> meets(const expectation& expected, const entry* now) {
  if (std::holds_alternative<absent>(expected) && now != nullptr) {
    return std::unexpected(error_of(blame::name));
  }
  const auto* at = std::get_if<revision>(&expected);
  if (now == nullptr && (at != nullptr || std::holds_alternative<present>(expected))) {
    return fail(errc::not_found, "there is none of that name", "name");
  }
  if (at != nullptr && revision_of(*now) != *at) {
    return fail(errc::conflict, "it has changed since it was read", "revision");
  }
  return {};
}

error error_of(blame why) {
  switch (why) {
    case blame::name: return {errc::conflict, "there is one of that name", "name"};
    case blame::public_key: return {errc::conflict, "that gateway has the key", "public_key"};
    case blame::addresses: return {errc::conflict, "another peer has the address", "addresses"};
    case blame::max_peers:
      return {errc::conflict, "the token has as many peers as it may", "max_peers"};
    case blame::max_tokens:
      return {errc::conflict, "the network has as many tokens as it may", "max_tokens"};
    case blame::number: return {errc::conflict, "another gateway has that number", "number"};
    case blame::moved: break;
  }
  return {errc::conflict, "it has changed since it was read", "revision"};
}

void put_peer(change& to, const key_space& keys, const peer& wanted,
              std::optional<prefix> network_ipv4, std::vector<prefix> network_routes,
              const std::optional<known<peer>>& old, const expectation& expected) {
  put_own(to, keys.of(wanted.id), wire::write(wanted), old ? &old->raw : nullptr, expected);
  const peer* before = old ? &old->value : nullptr;
  if (before) {
    let_go(to, keys, *before, &wanted);
  } else {
    count(to, wanted, 1);
  }

  const auto at = keys.at(wanted.gateway, wanted.public_key);
  auto assigned = wire::write(assignment_of(wanted, network_ipv4, std::move(network_routes)));
  const bool same_gateway = before && before->gateway == wanted.gateway;
  if (same_gateway && before->public_key == wanted.public_key) {
    to.steps.push_back(set(at, std::move(assigned)));
  } else {
    to.steps.push_back(create(at, std::move(assigned), blame::public_key));
  }
  if (!same_gateway) to.steps.push_back(set(keys.placed(wanted.gateway, wanted.id), {}));
  const auto had = before ? address_keys(keys, *before) : std::vector<std::string>{};
  for (auto& each : address_keys(keys, wanted)) {
    if (has(had, each)) continue;
    to.steps.push_back(create(std::move(each), id_text(wanted.id), blame::addresses));
  }
  const auto expiry = expiry_key(keys, wanted);
  if (expiry && !(before && expiry_key(keys, *before) == expiry)) {
    to.steps.push_back(set(*expiry, {}));
  }
  touch(to, wanted);
}

std::vector<hanging_key> hanging_keys(const key_space& keys, const peer& of,
                                      std::optional<prefix> network_ipv4,
                                      std::vector<prefix> network_routes) {
  std::vector<hanging_key> made;
  made.push_back({keys.at(of.gateway, of.public_key),
                  wire::write(assignment_of(of, network_ipv4, std::move(network_routes)))});
  made.push_back({keys.placed(of.gateway, of.id), {}});
  for (auto& each : address_keys(keys, of)) made.push_back({std::move(each), id_text(of.id)});
  if (auto expiry = expiry_key(keys, of)) made.push_back({*std::move(expiry), {}});
  return made;
}

void remove_peer(change& to, const key_space& keys, const known<peer>& old) {
  remove_known(to, old.raw);
  let_go(to, keys, old.value, nullptr);
  count(to, old.value, -1);
}

void put_gateway(change& to, const key_space& keys, const gateway& wanted,
                 const std::optional<known<gateway>>& old, const expectation& expected) {
  put_own(to, keys.of(wanted.name), wire::write(wanted), old ? &old->raw : nullptr, expected);
  to.touched[wanted.name.text()];  // no peer; a gateway may write no other ring than one of its own
  if (old && old->value.number == wanted.number) return;
  if (old) to.steps.push_back(remove(keys.number(old->value.number)));
  to.steps.push_back(create(keys.number(wanted.number), wanted.name.text(), blame::number));
}

void remove_gateway(change& to, const key_space& keys, const gateway_name& name, const entry& old,
                    std::optional<std::uint16_t> number) {
  remove_known(to, old);
  if (number) to.steps.push_back(remove(keys.number(*number)));
  to.steps.push_back({{verb::remove_tree, keys.rings_of(name), {}, 0, 0}, blame::moved});
  to.steps.push_back(remove(keys.bus_gateways() + name.text()));
}

void put_token(change& to, const key_space& keys, const token& wanted, const entry* old,
               const expectation& expected, std::uint32_t most) {
  put_own(to, keys.of(wanted.id), wire::write(wanted), old, expected);
  if (old != nullptr || wanted.network_id.empty()) return;
  count_change& counted = to.counts[wanted.network_id];
  counted.by += 1;
  counted.most = most == 0 ? std::numeric_limits<std::int64_t>::max() : std::int64_t{most};
  counted.beyond = blame::max_tokens;
}

void remove_token(change& to, const known<token>& old) {
  remove_known(to, old.raw);
  if (!old.value.network_id.empty()) to.counts[old.value.network_id].by -= 1;
}

void put_plain(change& to, std::string key, std::string value, const entry* old,
               const expectation& expected) {
  put_own(to, std::move(key), std::move(value), old, expected);
}

void remove_plain(change& to, const entry& old) {
  remove_known(to, old);
}

result<record> read_record(const key_space& keys, const record_key& kind, const entry& from) {
  struct reader {
    std::string_view text;
    result<record> operator()(const network_name&) const { return wire::read_network(text); }
    result<record> operator()(const gateway_name&) const { return wire::read_gateway(text); }
    result<record> operator()(const peer_id&) const { return wire::read_peer(text); }
    result<record> operator()(const token_id&) const { return wire::read_token(text); }
    result<record> operator()(const mark_name&) const { return wire::read_mark(text); }
  };
  auto made = std::visit(reader{from.value}, kind);
  if (!made) return fail(errc::corrupt, "the value of " + from.key + ": " + made.error().message);
  if (keys.of(key_of(*made)) != from.key) {
    return fail(errc::corrupt, "the value of " + from.key + " is that of another key");
  }
  return made;
}

std::string write_record(const record& from) {
  return std::visit([](const auto& each) { return wire::write(each); }, from);
}

}  // namespace peerage::consul
