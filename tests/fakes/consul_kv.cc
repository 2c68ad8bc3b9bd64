#include "tests/fakes/consul_kv.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "base/base64.h"
#include "http/target.h"
#include "json/json.h"

namespace peerage::fakes {
namespace {

using consul::entry;

constexpr std::size_t most_operations = 64;
constexpr std::string_view kv_path = "/v1/kv/";
const std::string denied = "Permission denied";

/// One operation of a transaction, as its JSON has it.
struct step {
  std::string verb, key, value;
  std::uint64_t flags = 0;
  std::uint64_t index = 0;
};

std::string bytes_of(std::string_view base64) {
  const auto padding = static_cast<std::size_t>(std::ranges::count(base64, '='));
  std::string made(base64.size() / 4 * 3 - padding, '\0');
  (void)base64_decode(base64, {reinterpret_cast<std::uint8_t*>(made.data()), made.size()});
  return made;
}

json::value base64_of(const std::string& value) {
  if (value.empty()) return nullptr;
  return json::value(
      base64_encode({reinterpret_cast<const std::uint8_t*>(value.data()), value.size()}));
}

std::optional<std::vector<step>> steps_in(std::string_view body) {
  const auto parsed = json::parse(body);
  if (!parsed || !parsed->is_array()) return {};
  std::vector<step> made;
  for (const json::value& each : parsed->get_array()) {
    const json::object& kv = each.as_object().at("KV").as_object();
    step one{std::string(kv.at("Verb").as_string()), std::string(kv.at("Key").as_string()), {}};
    if (const auto* value = kv.if_contains("Value"); value && value->is_string()) {
      one.value = bytes_of(value->get_string());
    }
    if (const auto* flags = kv.if_contains("Flags")) one.flags = flags->to_number<std::uint64_t>();
    if (const auto* index = kv.if_contains("Index")) one.index = index->to_number<std::uint64_t>();
    made.push_back(std::move(one));
  }
  return made;
}

json::object object_of(const entry& from, bool with_value) {
  return {{"LockIndex", 0},
          {"Key", from.key},
          {"Flags", from.flags},
          {"Value", with_value ? base64_of(from.value) : json::value(nullptr)},
          {"ModifyIndex", from.index}};
}

http::response answer_of(int status, std::string body, std::uint64_t index = 0) {
  http::response made;
  made.status = status;
  made.body = std::move(body);
  if (index > 0) made.set_header("X-Consul-Index", std::to_string(index));
  return made;
}

std::optional<std::string> parameter(const http::request& asked, std::string_view name) {
  std::string_view rest = asked.query;
  while (!rest.empty()) {
    const std::string_view one = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    if (one.substr(0, one.find('=')) != name) continue;
    const auto value = http::percent_decode(one.substr(std::min(name.size() + 1, one.size())));
    return value ? std::optional(*value) : std::nullopt;
  }
  return {};
}

bool only_reads(const std::vector<step>& steps) {
  return std::ranges::all_of(steps, [](const step& each) {
    return each.verb.starts_with("get") || each.verb.starts_with("check");
  });
}

}  // namespace

/// One transaction under way: each operation sees what those before it did; undone where one fails.
struct consul_kv::transaction {
  table& now;
  std::uint64_t index;
  std::map<std::string, std::optional<entry>> before = {};  // of each key that changed
  std::set<std::string> deleted = {};                       // keys, and prefixes of trees
  std::map<std::string, std::string> removed_with_tree = {};
  json::array results = {}, errors = {};

  const entry* find(const std::string& key) const {
    const auto found = now.find(key);
    return found == now.end() ? nullptr : &found->second;
  }
  void keep(const std::string& key) {
    const entry* old = find(key);
    before.emplace(key, old ? std::optional(*old) : std::nullopt);
  }
  void undo() {
    for (auto& [key, old] : before) {
      if (old) {
        now.insert_or_assign(key, *std::move(old));
      } else {
        now.erase(key);
      }
    }
  }
  /// A set that changes nothing leaves the index alone.
  void set(const step& one) {
    const entry* old = find(one.key);
    const bool same = old && old->value == one.value && old->flags == one.flags;
    if (!same) {
      keep(one.key);
      now.insert_or_assign(one.key, entry{one.key, one.value, one.flags, index});
    }
    results.push_back(json::object{{"KV", object_of(*find(one.key), false)}});
  }
  void remove(const std::string& key) {
    if (!find(key)) return;
    keep(key);
    now.erase(key);
    deleted.insert(key);
  }
  void remove_tree(const std::string& prefix) {
    const auto first = now.lower_bound(prefix);
    auto last = first;
    for (; last != now.end() && last->first.starts_with(prefix); ++last) {
      keep(last->first);
      removed_with_tree.insert_or_assign(last->first, prefix);
    }
    if (first == last) return;
    now.erase(first, last);
    if (!prefix.empty()) deleted.insert(prefix);
  }
  /// What is wrong; empty: nothing.
  std::string run(const step& one) {
    const entry* old = find(one.key);
    if (one.verb == "set") {
      set(one);
    } else if (one.verb == "cas") {
      const bool stale =
          one.index == 0 ? old != nullptr : old == nullptr || old->index != one.index;
      if (stale) return "failed to set key \"" + one.key + "\", index is stale";
      set(one);
    } else if (one.verb == "delete") {
      remove(one.key);
    } else if (one.verb == "delete-cas") {
      // It succeeds where the key is already gone.
      if (old && old->index != one.index) {
        return "failed to delete key \"" + one.key + "\", index is stale";
      }
      remove(one.key);
    } else if (one.verb == "delete-tree") {
      remove_tree(one.key);
    } else {
      return look(one, old);
    }
    return {};
  }
  std::string look(const step& one, const entry* old) {
    if (one.verb == "check-not-exists") {
      return old ? "key \"" + one.key + "\" exists" : std::string();
    }
    if (one.verb == "get-tree") {
      for (auto at = now.lower_bound(one.key); at != now.end() && at->first.starts_with(one.key);
           ++at) {
        results.push_back(json::object{{"KV", object_of(at->second, true)}});
      }
      return {};
    }
    if (one.verb != "get" && one.verb != "check-index") return "unknown KV verb " + one.verb;
    if (!old) return "key \"" + one.key + "\" doesn't exist";
    if (one.verb == "check-index" && old->index != one.index) {
      return "current modify index of key \"" + one.key + "\" is another";
    }
    results.push_back(json::object{{"KV", object_of(*old, one.verb == "get")}});
    return {};
  }
};

http::response consul_kv::answer(const http::request& asked) {
  if (asked.method == "PUT" && asked.path == "/v1/txn") return transact(asked);
  if (asked.method == "GET" && asked.path.starts_with(kv_path)) return read(asked);
  return answer_of(404, "no such endpoint");
}

void consul_kv::restrict(std::string token, std::vector<kv_rule> rules) {
  rules_.insert_or_assign(std::move(token), std::move(rules));
}

void consul_kv::forget_deletions() {
  deletions_.clear();
}

void consul_kv::restore(const snapshot& from) {
  entries_ = from.entries;
  deletions_ = from.deletions;
  index_ = from.index;
  removed_with_tree_.clear();
  ++next_;
}

bool consul_kv::allows(std::string_view token, std::string_view key, bool write) const {
  const auto found = rules_.find(std::string(token));
  if (found == rules_.end()) return true;
  const kv_rule* best = nullptr;
  for (const kv_rule& each : found->second) {
    if (!key.starts_with(each.prefix)) continue;
    if (best == nullptr || each.prefix.size() > best->prefix.size()) best = &each;
  }
  return best != nullptr && (best->write || (best->read && !write));
}

http::response consul_kv::transact(const http::request& asked) {
  const auto steps = steps_in(asked.body);
  if (!steps) return answer_of(400, "Failed to parse body");
  if (steps->size() > most_operations) {
    return answer_of(413, "Transaction contains too many operations (" +
                              std::to_string(steps->size()) + " > 64)");
  }
  const std::string_view token = asked.header("X-Consul-Token");
  transaction now{entries_, next_ + 1};
  const auto refuse = [&now](std::size_t at, const std::string& why) {
    now.errors.push_back(json::object{{"OpIndex", at}, {"What", why}});
  };
  for (std::size_t i = 0; i < steps->size(); ++i) {
    const step& one = (*steps)[i];
    if (one.verb.starts_with("get")) continue;  // what may not be read is left out below
    const bool write = one.verb != "check-index";
    if (!allows(token, one.key, write)) refuse(i, denied);
  }
  if (now.errors.empty()) {
    for (std::size_t i = 0; i < steps->size(); ++i) {
      if (const auto wrong = now.run((*steps)[i]); !wrong.empty()) refuse(i, wrong);
    }
  }
  const bool refused = !now.errors.empty();
  if (refused) {
    now.undo();
  } else if (!only_reads(*steps)) {
    ++next_;
    if (!now.before.empty()) index_ = next_;
    for (const std::string& each : now.deleted) deletions_[each] = next_;
    removed_with_tree_ = std::move(now.removed_with_tree);
    if (!now.before.empty() && on_change) on_change(now.before);
  }
  json::array visible;
  for (json::value& each : now.results) {
    const auto& key = each.as_object().at("KV").as_object().at("Key").as_string();
    if (allows(token, key, false)) visible.push_back(std::move(each));
  }
  json::object body;
  body["Results"] = refused || visible.empty() ? json::value(nullptr) : json::value(visible);
  body["Errors"] = refused ? json::value(now.errors) : json::value(nullptr);
  return answer_of(refused ? 409 : 200, json::serialize(body));
}

std::uint64_t consul_kv::index_of(const std::string& key) const {
  const auto found = entries_.find(key);
  return std::max<std::uint64_t>(found == entries_.end() ? index_ : found->second.index, 1);
}

/// The newest change or deletion in the folder; of the whole store where there never was one.
std::uint64_t consul_kv::index_of_folder(const std::string& prefix) const {
  std::uint64_t newest = 0;
  for (auto at = entries_.lower_bound(prefix);
       at != entries_.end() && at->first.starts_with(prefix); ++at) {
    newest = std::max(newest, at->second.index);
  }
  for (auto at = deletions_.lower_bound(prefix);
       at != deletions_.end() && at->first.starts_with(prefix); ++at) {
    newest = std::max(newest, at->second);
  }
  if (prefix.empty() || newest == 0) newest = index_;
  return std::max<std::uint64_t>(newest, 1);
}

bool consul_kv::blocks(const http::request& asked) const {
  const auto since = parameter(asked, "index");
  if (!since) return false;
  std::uint64_t index = 0;
  std::from_chars(since->data(), since->data() + since->size(), index);
  const auto key = http::percent_decode(asked.path.substr(kv_path.size()));
  const bool folder = parameter(asked, "recurse") || parameter(asked, "keys");
  return index > 0 && key && (folder ? index_of_folder(*key) : index_of(*key)) <= index;
}

bool consul_kv::wakes(const http::request& asked, const changed_keys& changed) const {
  const auto key = http::percent_decode(asked.path.substr(kv_path.size()));
  if (!key) return false;
  const bool folder = parameter(asked, "recurse") || parameter(asked, "keys");
  return std::ranges::any_of(changed, [&](const auto& each) {
    if (folder ? !each.first.starts_with(*key) : each.first != *key) return false;
    const auto tree = removed_with_tree_.find(each.first);
    return tree == removed_with_tree_.end() || (folder && tree->second.starts_with(*key));
  });
}

http::response consul_kv::read(const http::request& asked) {
  const auto key = http::percent_decode(asked.path.substr(kv_path.size()));
  if (!key) return answer_of(400, "bad path");
  const std::string_view token = asked.header("X-Consul-Token");
  const bool keys = parameter(asked, "keys").has_value();
  if (!keys && !parameter(asked, "recurse")) {
    if (!allows(token, *key, false)) return answer_of(403, denied);
    const auto found = entries_.find(*key);
    if (found == entries_.end()) return answer_of(404, {}, index_of(*key));
    return answer_of(200, json::serialize(json::array{object_of(found->second, true)}),
                     index_of(*key));
  }
  const std::string separator = keys ? parameter(asked, "separator").value_or("") : "";
  json::array made;
  std::set<std::string> cut;
  for (auto at = entries_.lower_bound(*key); at != entries_.end() && at->first.starts_with(*key);
       ++at) {
    if (!allows(token, at->first, false)) continue;
    const auto end = separator.empty() ? std::string::npos : at->first.find(separator, key->size());
    if (!keys) {
      made.push_back(object_of(at->second, true));
    } else if (end == std::string::npos) {
      made.push_back(json::value(at->first));
    } else if (cut.insert(at->first.substr(0, end + separator.size())).second) {
      made.push_back(json::value(at->first.substr(0, end + separator.size())));
    }
  }
  const std::uint64_t index = index_of_folder(*key);
  // Of the root Consul lists the keys even where there are none.
  if (made.empty() && !(keys && key->empty())) return answer_of(404, {}, index);
  return answer_of(200, json::serialize(made), index);
}

}  // namespace peerage::fakes
