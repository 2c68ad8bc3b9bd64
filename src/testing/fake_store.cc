#include "testing/fake_store.h"

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <charconv>

namespace peerage::fakes {
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

std::string text_of(const record_key& key) {
  return std::visit(key_text{}, key);
}

result<> check_expectation(const expectation& expected, const stored<record>* now) {
  if (std::holds_alternative<absent>(expected) && now != nullptr) {
    return fail(errc::conflict, "there is one of that name", "name");
  }
  if (std::holds_alternative<present>(expected) && now == nullptr) {
    return fail(errc::not_found, "there is none of that name", "name");
  }
  if (const auto* at = std::get_if<revision>(&expected)) {
    if (now == nullptr) return fail(errc::not_found, "there is none of that name", "name");
    if (now->revision != *at) {
      return fail(errc::conflict, "it has changed since it was read", "revision");
    }
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
  bool operator()(const marks_under& what) const {
    const auto* one = std::get_if<mark>(&item);
    return one != nullptr && one->name.starts_with(what.beginning);
  }
  bool operator()(const peers_expiring& what) const {
    const auto* one = std::get_if<peer>(&item);
    return one != nullptr && one->expires_at && *one->expires_at < what.before;
  }
};

}  // namespace

task<result<revision>> fake_store::commit(transaction writes) {
  ++commits;
  if (failing) co_return std::unexpected(*failing);
  if (away) co_return fail(errc::unavailable, "the store is away");
  trouble now = trouble::none;
  if (!next_commits.empty()) {
    now = next_commits.front();
    next_commits.pop_front();
  }
  if (now == trouble::refuses) co_return fail(errc::unavailable, "the store refuses");
  if (now == trouble::loses_question) co_return fail(errc::outcome_unknown, "no answer");

  table next = records_;
  const revision made{last_ + 1};
  for (const write& one : writes) {
    if (const auto checked = check(one, next); !checked) {
      co_return std::unexpected(checked.error());
    }
    const auto* adding = std::get_if<put>(&one);
    const std::string text = text_of(adding ? key_of(adding->value) : std::get<removal>(one).key);
    const auto before = next.find(text);
    if (before != next.end()) note(before->second.value, made.number);
    if (adding != nullptr) note(adding->value, made.number);
    if (adding != nullptr) {
      next.insert_or_assign(text, stored<record>{adding->value, made});
    } else {
      next.erase(text);
    }
  }
  records_ = std::move(next);
  last_ = made.number;
  wake();
  if (now == trouble::loses_answer) co_return fail(errc::outcome_unknown, "no answer");
  co_return made;
}

void fake_store::put_raw(const transaction& writes) {
  ++last_;
  for (const write& each : writes) {
    const record& value = std::get<put>(each).value;
    records_.insert_or_assign(text_of(key_of(value)), stored<record>{value, revision{last_}});
  }
}

result<> fake_store::check(const write& one, const table& now) const {
  const auto* adding = std::get_if<put>(&one);
  const record_key key = adding ? key_of(adding->value) : std::get<removal>(one).key;
  const auto found = now.find(text_of(key));
  const auto& expected = adding ? adding->expected : std::get<removal>(one).expected;
  if (const auto met = check_expectation(expected, found == now.end() ? nullptr : &found->second);
      !met) {
    return met;
  }
  if (adding != nullptr) {
    if (auto held = check_network(*adding, now); !held) return held;
    if (const auto* added = std::get_if<peer>(&adding->value)) return check_peer(*added, now);
    if (const auto* added = std::get_if<gateway>(&adding->value)) {
      for (const auto& [text, other] : now) {
        const auto* same = std::get_if<gateway>(&other.value);
        if (same && same->name != added->name && same->number == added->number) {
          return fail(errc::conflict, "another gateway has that number", "number");
        }
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

result<> fake_store::check_network(const put& wanted, const table& now) {
  const auto* of_peer = std::get_if<peer>(&wanted.value);
  const auto* of_token = std::get_if<token>(&wanted.value);
  if (of_peer == nullptr && (of_token == nullptr || !of_token->network)) return {};
  if (of_peer != nullptr && wanted.network_id.empty()) return {};
  const network_name& name = of_peer ? of_peer->id.network : *of_token->network;
  const auto found = now.find(text_of(name));
  const std::string& id = of_peer ? wanted.network_id : of_token->network_id;
  if (found == now.end() || std::get<network>(found->second.value).id != id) {
    return fail(errc::not_found, "there is no such network", "network");
  }
  if (of_token == nullptr || wanted.most_tokens == 0 || now.contains(text_of(of_token->id))) {
    return {};
  }
  std::uint32_t counted = 0;
  for (const auto& [text, other] : now) {
    const auto* rival = std::get_if<token>(&other.value);
    counted += rival && rival->network == name && rival->network_id == id ? 1 : 0;
  }
  if (counted < wanted.most_tokens) return {};
  return fail(errc::conflict, "the network has as many tokens as it may", "max_tokens");
}

result<> fake_store::check_peer(const peer& one, const table& now) const {
  if (!now.contains(text_of(one.id.network))) {
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

task<result<std::optional<stored<record>>>> fake_store::get(record_key key) {
  ++reads;
  if (failing) co_return std::unexpected(*failing);
  if (away) co_return fail(errc::unavailable, "the store is away");
  const auto found = records_.find(text_of(key));
  if (found == records_.end()) co_return std::optional<stored<record>>{};
  co_return found->second;
}

task<result<std::optional<stored<record>>>> fake_store::find_peer(gateway_name on, public_key key) {
  if (away) co_return fail(errc::unavailable, "the store is away");
  for (const auto& [text, each] : records_) {
    const auto* one = std::get_if<peer>(&each.value);
    if (one != nullptr && one->gateway == on && one->public_key == key) co_return each;
  }
  co_return std::optional<stored<record>>{};
}

task<result<page>> fake_store::list(page_query query) {
  ++reads;
  if (failing) co_return std::unexpected(*failing);
  if (away) co_return fail(errc::unavailable, "the store is away");
  std::vector<stored<record>> all;
  for (const auto& [text, each] : records_)
    if (std::visit(matcher{each.value}, query.what)) all.push_back(each);
  const bool by_time = std::holds_alternative<peers_expiring>(query.what);
  std::sort(all.begin(), all.end(), [&](const auto& a, const auto& b) {
    if (by_time) {
      return std::get<peer>(a.value).expires_at < std::get<peer>(b.value).expires_at;
    }
    return position(query.what, a.value) < position(query.what, b.value);
  });
  page made;
  made.as_of = revision{last_};
  for (auto& each : all) {
    if (!by_time && position(query.what, each.value) <= query.after) continue;
    if (made.items.size() == query.limit) {
      made.more = true;
      break;
    }
    made.items.push_back(std::move(each));
  }
  co_return made;
}

/// A refused transaction leaves a note of a change that did not happen, which is allowed.
void fake_store::note(const record& of, std::uint64_t at) {
  const auto* one = std::get_if<peer>(&of);
  if (one != nullptr) log_.push_back({at, one->gateway, one->public_key});
}

void fake_store::wake() {
  for (const auto& each : waiting_) each->notify();
}

void fake_store::lose_peers() {
  std::erase_if(records_,
                [](const auto& each) { return std::holds_alternative<peer>(each.second.value); });
  log_.clear();
  log_begins_ = ++last_;
  wake();
}

std::vector<prefix> fake_store::all_routes_of(const network_name& name) const {
  const auto found = records_.find(text_of(name));
  return found == records_.end() ? std::vector<prefix>{}
                                 : routes_of(std::get<network>(found->second.value));
}

std::optional<prefix> fake_store::range_of(const network_name& name) const {
  const auto found = records_.find(text_of(name));
  if (found == records_.end()) return {};
  return std::get<network>(found->second.value).ipv4;
}

followed fake_store::changes(const gateway_name& on, const std::string& position) {
  followed made;
  made.of = epoch{id};
  made.position = std::to_string(last_);
  made.what.as_of = revision{last_};
  std::uint64_t since = 0;
  const char* last = position.data() + position.size();
  const auto [end, failure] = std::from_chars(position.data(), last, since);
  const bool known = failure == std::errc{} && end == last;
  if (!known) since = 0;
  made.what.whole = !known || since < log_begins_;
  std::set<public_key> keys;
  for (const changed& each : log_) {
    if (each.at > since && each.gateway == on) keys.insert(each.key);
  }
  for (const auto& [text, each] : records_) {
    const auto* one = std::get_if<peer>(&each.value);
    if (one == nullptr || one->gateway != on) continue;
    if (!made.what.whole && !keys.contains(one->public_key)) continue;
    made.what.peers.push_back(
        {assignment_of(*one, range_of(one->id.network), all_routes_of(one->id.network)),
         each.revision});
  }
  if (!made.what.whole) made.what.keys.assign(keys.begin(), keys.end());
  return made;
}

task<result<followed>> fake_store::follow(gateway_name gateway, std::string position,
                                          steady_duration wait) {
  using namespace asio::experimental::awaitable_operators;
  if (away) co_return fail(errc::unavailable, "the store is away");
  followed made = changes(gateway, position);
  if (!made.what.whole && made.what.keys.empty() && wait > steady_duration::zero()) {
    struct listed {
      std::set<std::shared_ptr<signal>>& all;
      std::shared_ptr<signal> mine;
      ~listed() { all.erase(mine); }
    };
    const auto mine = std::make_shared<signal>(co_await asio::this_coro::executor);
    waiting_.insert(mine);
    const listed until_then{waiting_, mine};
    if (time == nullptr) {
      co_await mine->wait();
    } else {
      co_await (mine->wait() || time->wait_until(time->steady() + wait));
    }
    if (away) co_return fail(errc::unavailable, "the store is away");
    made = changes(gateway, position);
  }
  whole_reads += made.what.whole ? 1 : 0;
  co_return made;
}

task<result<assigned>> fake_store::assignments(gateway_name gateway, std::vector<public_key> keys) {
  const bool lost = lose_questions > 0 && lose_questions-- > 0;
  if (away || lost) co_return fail(errc::unavailable, "the store is away");
  assigned made = changes(gateway, {}).what;
  made.whole = false;
  std::erase_if(made.peers, [&](const stored_assignment& each) {
    return std::ranges::find(keys, each.peer.public_key) == keys.end();
  });
  made.keys = std::move(keys);
  co_return made;
}

task<result<>> fake_store::claim(gateway_name gateway, claimant who) {
  if (claims_fail) co_return std::unexpected(*claims_fail);
  if (away) co_return fail(errc::unavailable, "the store is away");
  const auto found = claims_.find(gateway);
  if (found != claims_.end() && found->second.instance != who.instance) {
    co_return fail(errc::conflict,
                   "gateway " + gateway.text() + " is run by " + found->second.where);
  }
  claims_[gateway] = std::move(who);
  co_return result<>{};
}

task<> fake_store::release(gateway_name gateway) {
  claims_.erase(gateway);
  co_return;
}

task<result<epoch>> fake_store::identity() {
  if (away) co_return fail(errc::unavailable, "the store is away");
  co_return epoch{id};
}

task<result<sweep_report>> fake_store::sweep(bool) {
  if (away) co_return fail(errc::unavailable, "the store is away");
  ++sweeps;
  co_return sweep_finds.value_or(sweep_report{});
}

}  // namespace peerage::fakes
