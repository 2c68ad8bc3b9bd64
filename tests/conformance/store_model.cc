#include "tests/conformance/store_model.h"

namespace peerage::conformance {
namespace {

struct key_text {
  std::string operator()(const network_name& key) const { return "network " + key.text(); }
  std::string operator()(const gateway_name& key) const { return "gateway " + key.text(); }
  std::string operator()(const peer_id& key) const {
    return "peer " + key.network.text() + "/" + key.name.text();
  }
  std::string operator()(const token_id& key) const { return "token " + key.text(); }
  std::string operator()(const mark_name& key) const { return "mark " + key.text; }
};

void check_expected(const expectation& expected, const model_record* now,
                    std::set<std::string>& into) {
  if (std::holds_alternative<absent>(expected) && now) into.insert("conflict name");
  const auto* at = std::get_if<revision>(&expected);
  if (!now && (at || std::holds_alternative<present>(expected))) into.insert("not_found name");
  if (now && at && (now->written_by != 0 || now->at != *at)) into.insert("conflict revision");
}

/// Whether its token has more peers that count than it may.
bool over_quota(const peer& one, const model_state& now) {
  std::uint32_t counted = 1;
  for (const auto& [text, other] : now) {
    const auto* rival = std::get_if<peer>(&other.value);
    const bool counts = rival && rival->id != one.id && rival->created_by == one.created_by;
    counted += counts && rival->quota ? 1 : 0;
  }
  return one.quota && counted > *one.quota;
}

void check_peer(const peer& one, const model_state& now, std::set<std::string>& into) {
  if (!now.contains(text_of(one.id.network))) into.insert("not_found network");
  if (!now.contains(text_of(one.gateway))) into.insert("not_found gateway");
  for (const auto& [text, other] : now) {
    const auto* rival = std::get_if<peer>(&other.value);
    if (rival == nullptr || rival->id == one.id) continue;
    const bool same_gateway = rival->gateway == one.gateway;
    if (same_gateway && rival->public_key == one.public_key) into.insert("conflict public_key");
    if (rival->ipv6 == one.ipv6 || (one.ipv4 && rival->ipv4 == one.ipv4)) {
      into.insert("conflict addresses");
    }
  }
}

void check_removal(const record_key& key, const model_state& now, std::set<std::string>& into) {
  for (const auto& [text, other] : now) {
    const auto* user = std::get_if<peer>(&other.value);
    if (user && (record_key(user->id.network) == key || record_key(user->gateway) == key)) {
      into.insert("conflict peers");
    }
  }
}

}  // namespace

std::string text_of(const record_key& key) {
  return std::visit(key_text{}, key);
}

model_answer apply(const model_state& now, const transaction& writes, std::size_t number,
                   bool marks) {
  model_answer made{{}, {}, now};
  std::vector<peer> created;
  for (const write& each : writes) {
    const auto* adding = std::get_if<put>(&each);
    const record_key key = adding ? key_of(adding->value) : std::get<removal>(each).key;
    const std::string text = text_of(key);
    const auto found = made.next.find(text);
    const auto& expected = adding ? adding->expected : std::get<removal>(each).expected;
    check_expected(expected, found == made.next.end() ? nullptr : &found->second, made.refusals);
    const bool marked =
        std::holds_alternative<network_name>(key) || std::holds_alternative<gateway_name>(key);
    if (marks && marked && std::holds_alternative<revision>(expected)) {
      made.may_be_refused.insert("conflict revision");
    }
    if (!adding) {
      check_removal(key, made.next, made.refusals);
      made.next.erase(text);
      continue;
    }
    if (const auto* one = std::get_if<peer>(&adding->value)) {
      check_peer(*one, made.next, made.refusals);
      const bool fresh = found == made.next.end();
      if (fresh) created.push_back(*one);
      // A removal later in the same transaction may make room.
      if (fresh && over_quota(*one, made.next)) made.may_be_refused.insert("conflict max_peers");
    }
    if (const auto* one = std::get_if<token>(&adding->value); one && one->network) {
      const auto in = made.next.find(text_of(*one->network));
      const bool held =
          in != made.next.end() && std::get<network>(in->second.value).id == one->network_id;
      if (!held) made.refusals.insert("not_found network");
    }
    if (const auto* one = std::get_if<gateway>(&adding->value)) {
      for (const auto& [name, other] : made.next) {
        const auto* same = std::get_if<gateway>(&other.value);
        if (same && same->name != one->name && same->number == one->number) {
          made.refusals.insert("conflict number");
        }
      }
    }
    made.next.insert_or_assign(text, model_record{adding->value, {}, number});
  }
  for (const peer& each : created)
    if (over_quota(each, made.next)) made.refusals.insert("conflict max_peers");
  return made;
}

}  // namespace peerage::conformance
