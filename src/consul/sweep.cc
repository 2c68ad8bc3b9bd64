#include "consul/sweep.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "base/base64.h"
#include "wire/records.h"

namespace peerage::consul {
namespace {

constexpr milliseconds pause{10};  // between two parts, so that creations have their turn
constexpr std::size_t most_examples = 20;
constexpr std::size_t most_networks = 1'000;
constexpr std::size_t peers_at_once = 8;  // with five keys each, one transaction of reads

/// A key that may be wrong, and the peer on whose record it hangs.
struct suspect {
  peer_id of;
  std::string key;
};

/// What one sweep goes by.
struct sweeping {
  shared_core self;
  bool repair = false;
  sweep_report report = {};
  std::map<network_name, place> networks = {};  // as they were read a moment ago
  // Peers with a quota by token, and tokens by their network's id.
  std::map<std::string, std::int64_t> counted = {};

  key_space& keys() { return self->keys; }
};

std::optional<peer_id> id_in(std::string_view text) {
  // "NETWORK/NAME", read as the end of a key.
  return key_space::id_at_end("/" + std::string(text));
}

/// The peer that a hanging key's content, or else its name, says it belongs to.
std::optional<peer_id> owner_of(const key_space& keys, const entry& from) {
  const auto below = [&](const std::string& folder) {
    return from.key.starts_with(keys.prefix + folder);
  };
  if (below("addresses/")) return id_in(from.value);
  if (below("at/")) {
    const auto read = wire::read_assignment(from.value);
    return read ? std::optional(read->id) : std::nullopt;
  }
  return key_space::id_at_end(from.key);
}

bool same_content(const key_space& keys, const hanging_key& wanted, const entry& now) {
  if (!now.key.starts_with(keys.prefix + "at/")) return wanted.value == now.value;
  const auto a = wire::read_assignment(wanted.value), b = wire::read_assignment(now.value);
  return a && b && *a == *b;
}

std::string words_for(finding what) {
  switch (what) {
    case finding::surplus: return "no peer's record has it";
    case finding::missing: return "missing: a peer's record has it";
    case finding::different: return "its content is not what the peer's record says";
    case finding::of_another: return "two peers' records have it; re-key or remove one of them";
    case finding::none: break;
  }
  return {};
}

task<result<std::optional<known<peer>>>> read_peer_at(shared_core self, peer_id id) {
  const record_key key = id;
  const auto found = co_await self->calls->get(self->keys.of(key));
  if (!found) co_return std::unexpected(found.error());
  if (!*found) co_return std::optional<known<peer>>{};
  auto value = read_record(self->keys, key, **found);
  if (!value) co_return std::unexpected(std::move(value.error()));
  co_return known<peer>{**found, std::get<peer>(*std::move(value))};
}

/// The network's ranges, which are in its peers' assignments.
task<result<place>> network_of(sweeping& now, network_name name) {
  if (const auto at = now.networks.find(name); at != now.networks.end()) co_return at->second;
  record_key key = name;
  const auto found = co_await get(now.self, std::move(key));
  if (!found) co_return std::unexpected(found.error());
  place made;
  if (*found) {
    const auto& read = std::get<network>((*found)->value);
    made.ipv4 = read.ipv4;
    made.routes = routes_of(read);
  }
  if (now.networks.size() >= most_networks) now.networks.clear();
  now.networks.insert_or_assign(name, made);
  co_return made;
}

task<result<std::vector<hanging_key>>> wanted_by(sweeping& now, peer of) {
  auto in = co_await network_of(now, of.id.network);
  if (!in) co_return std::unexpected(std::move(in.error()));
  co_return hanging_keys(now.keys(), of, in->ipv4, std::move(in->routes));
}

/// The change that repairs it, only while the record and the key are as they were read.
change repair_of(sweeping& now, finding what, const suspect& one, const known<peer>* record,
                 const hanging_key* wanted, const entry* key) {
  change made;
  if (record != nullptr) {
    made.steps.push_back({{verb::check_index, record->raw.key, {}, 0, record->raw.index}});
  } else {
    const record_key id = one.of;
    made.steps.push_back({{verb::check_not_exists, now.keys().of(id), {}, 0, 0}});
  }
  if (what == finding::surplus) {
    made.steps.push_back({{verb::check_index, key->key, {}, 0, key->index}});
    made.steps.push_back({{verb::remove, key->key, {}, 0, 0}});
  } else {
    made.steps.push_back({{verb::cas, one.key, wanted->value, 0, key ? key->index : 0}});
  }
  // A gateway hears of its assignments by its change log.
  const std::string folder = now.keys().prefix + "at/";
  const auto slash = one.key.find('/', folder.size());
  std::array<std::uint8_t, key_size> bytes{};
  if (one.key.starts_with(folder) && slash != std::string::npos &&
      hex_decode(std::string_view(one.key).substr(slash + 1), bytes)) {
    made.touched[one.key.substr(folder.size(), slash - folder.size())].insert(
        public_key(bytes).text());
  }
  return made;
}

/// Looks at one key and its record, both as they are now.
task<result<>> examine(sweeping& now, suspect one) {
  const auto record = co_await read_peer_at(now.self, one.of);
  if (!record && record.error().code == errc::corrupt) co_return result<>{};  // reported by lists
  if (!record) co_return std::unexpected(record.error());
  const auto key = co_await now.self->calls->get(one.key);
  if (!key) co_return std::unexpected(key.error());
  std::optional<hanging_key> wanted;
  if (*record) {
    now.networks.erase(one.of.network);  // as it is now
    auto all = co_await wanted_by(now, (*record)->value);
    if (!all) co_return std::unexpected(std::move(all.error()));
    const auto mine = std::ranges::find(*all, one.key, &hanging_key::key);
    if (mine != all->end()) wanted = *mine;
  }
  const entry* there = *key ? &**key : nullptr;
  const finding what =
      judge(wanted, there, one.of, there ? owner_of(now.keys(), *there) : std::nullopt);
  const bool alike = what == finding::different && same_content(now.keys(), *wanted, *there);
  if (what == finding::none || alike) co_return result<>{};
  bool repaired = false;
  if (now.repair && what != finding::of_another) {
    change work = repair_of(now, what, one, *record ? &**record : nullptr,
                            wanted ? &*wanted : nullptr, there);
    const auto ended = co_await now.self->writer->send(std::move(work));
    if (ended.failed) co_return std::unexpected(*ended.failed);
    if (!ended.done) co_return result<>{};  // it has changed meanwhile
    repaired = true;
  }
  ++now.report.wrong;
  now.report.repaired += repaired ? 1 : 0;
  if (now.report.examples.size() < most_examples) {
    now.report.examples.push_back(one.key + ": " + words_for(what) +
                                  (repaired ? " (repaired)" : ""));
  }
  co_return result<>{};
}

task<result<>> examine_all(sweeping& now, std::vector<suspect> all) {
  for (suspect& each : all) {
    auto done = co_await examine(now, std::move(each));
    if (!done) co_return done;
  }
  if (now.repair) co_await now.self->time.wait_until(now.self->time.steady() + pause);
  co_return result<>{};
}

/// Those of the keys that their owner's record, read with 63 others, does not have.
task<result<std::vector<suspect>>> without_record(sweeping& now, std::vector<entry> some) {
  std::vector<suspect> made;
  std::map<std::string, peer> records;
  std::vector<std::string> wanted;
  for (const entry& each : some) {
    if (const auto id = owner_of(now.keys(), each))
      wanted.push_back(now.keys().of(record_key(*id)));
  }
  std::ranges::sort(wanted);
  wanted.erase(std::ranges::unique(wanted).begin(), wanted.end());
  const auto found = co_await now.self->calls->get_many(std::move(wanted));
  if (!found) co_return std::unexpected(found.error());
  for (const entry& each : *found) {
    auto value = wire::read_peer(each.value);
    if (value) records.insert_or_assign(each.key, *std::move(value));
  }
  for (const entry& each : some) {
    const auto id = owner_of(now.keys(), each);
    if (!id) continue;  // unreadable: reported where it is read
    const auto record = records.find(now.keys().of(record_key(*id)));
    bool has = false;
    if (record != records.end()) {
      const auto all = hanging_keys(now.keys(), record->second, {}, {});
      has = std::ranges::find(all, each.key, &hanging_key::key) != all.end();
    }
    if (!has) made.push_back({*id, each.key});
  }
  co_return made;
}

/// Every key of the folder, a part at a time, against the records.
task<result<>> sweep_part(sweeping& now, std::string folder, bool names_alone) {
  std::vector<entry> all;
  if (names_alone) {
    const auto names = co_await now.self->calls->keys(std::move(folder));
    if (!names) co_return std::unexpected(names.error());
    for (const std::string& each : *names) all.push_back({each, {}, 0, 0});
  } else {
    auto found = co_await now.self->calls->get_all(std::move(folder));
    if (!found) co_return std::unexpected(found.error());
    all = *std::move(found);
  }
  for (std::size_t at = 0; at < all.size(); at += most_operations) {
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = static_cast<std::ptrdiff_t>(std::min(most_operations, all.size() - at));
    std::vector<entry> some(first, first + count);
    auto suspects = co_await without_record(now, std::move(some));
    if (!suspects) co_return std::unexpected(std::move(suspects.error()));
    auto done = co_await examine_all(now, *std::move(suspects));
    if (!done) co_return done;
  }
  co_return result<>{};
}

task<result<>> sweep_digits(sweeping& now, std::string folder) {
  for (unsigned part = 0; part < 256; ++part) {
    const std::array<std::uint8_t, 1> digits{static_cast<std::uint8_t>(part)};
    auto done = co_await sweep_part(now, folder + hex_encode(digits), false);
    if (!done) co_return done;
  }
  co_return result<>{};
}

task<result<>> sweep_folders(sweeping& now, std::string parent, bool digits) {
  const auto folders = co_await now.self->calls->keys(std::move(parent), std::string("/"));
  if (!folders) co_return std::unexpected(folders.error());
  for (const std::string& each : *folders) {
    result<> done;
    if (digits) {
      done = co_await sweep_digits(now, each);
    } else {
      done = co_await sweep_part(now, each, true);
    }
    if (!done) co_return done;
  }
  co_return result<>{};
}

/// Peers whose keys are missing or say something else.
task<result<>> sweep_peers_of(sweeping& now, std::string folder) {
  const auto names = co_await now.self->calls->keys(std::move(folder));
  if (!names) co_return std::unexpected(names.error());
  for (std::size_t at = 0; at < names->size(); at += peers_at_once) {
    const auto first = names->begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = static_cast<std::ptrdiff_t>(std::min(peers_at_once, names->size() - at));
    std::vector<std::string> some(first, first + count);
    const auto found = co_await now.self->calls->get_many(std::move(some));
    if (!found) co_return std::unexpected(found.error());
    std::vector<std::pair<peer_id, hanging_key>> wanted;
    std::vector<std::string> keys;
    for (const entry& each : *found) {
      const auto one = wire::read_peer(each.value);
      if (!one) continue;
      ++now.report.records;
      if (one->quota) ++now.counted[one->created_by.text()];
      auto all = co_await wanted_by(now, *one);
      if (!all) co_return std::unexpected(std::move(all.error()));
      for (auto& key : *all) {
        keys.push_back(key.key);
        wanted.emplace_back(one->id, std::move(key));
      }
    }
    const auto there = co_await now.self->calls->get_many(std::move(keys));
    if (!there) co_return std::unexpected(there.error());
    std::vector<suspect> suspects;
    for (const auto& [id, key] : wanted) {
      const auto mine = std::ranges::find(*there, key.key, &entry::key);
      const bool good = mine != there->end() && same_content(now.keys(), key, *mine);
      if (!good) suspects.push_back({id, key.key});
    }
    auto done = co_await examine_all(now, std::move(suspects));
    if (!done) co_return done;
  }
  co_return result<>{};
}

task<result<>> count_tokens(sweeping& now) {
  const auto all = co_await now.self->calls->get_all(now.keys().tokens());
  if (!all) co_return std::unexpected(all.error());
  for (const entry& each : *all) {
    const auto one = wire::read_token(each.value);
    if (one && !one->network_id.empty()) ++now.counted[one->network_id];
  }
  co_return result<>{};
}

/// Counts are right where nobody changed them while the peers were read.
task<result<>> sweep_quotas(sweeping& now, const std::map<std::string, entry>& before) {
  for (const auto& [key, old] : before) {
    const std::string token = key.substr(now.keys().quota({}).size());
    const auto counted = now.counted.find(token);
    const std::int64_t right = counted == now.counted.end() ? 0 : counted->second;
    if (old.value == std::to_string(right)) continue;
    std::vector<operation> work{{verb::check_index, key, {}, 0, old.index}};
    if (now.repair) {
      work.push_back(right > 0 ? operation{verb::set, key, std::to_string(right), 0, 0}
                               : operation{verb::remove, key, {}, 0, 0});
    }
    const auto done = co_await now.self->calls->write(std::move(work));
    if (!done) co_return std::unexpected(done.error());
    if (!done->refusals.empty()) continue;  // it moved meanwhile
    ++now.report.wrong;
    now.report.repaired += now.repair ? 1 : 0;
    if (now.report.examples.size() >= most_examples) continue;
    now.report.examples.push_back(key + ": it says " + old.value + ", and " +
                                  std::to_string(right) + " is right" +
                                  (now.repair ? " (repaired)" : ""));
  }
  co_return result<>{};
}

task<result<std::map<std::string, entry>>> read_quotas(shared_core self) {
  const auto all = co_await self->calls->get_all(self->keys.quota({}));
  if (!all) co_return std::unexpected(all.error());
  std::map<std::string, entry> made;
  for (const entry& each : *all) made.emplace(each.key, each);
  co_return made;
}

}  // namespace

finding judge(const std::optional<hanging_key>& wanted, const entry* now, const peer_id& of,
              const std::optional<peer_id>& owner) {
  if (now == nullptr) return wanted ? finding::missing : finding::none;
  if (!wanted) return owner && *owner != of ? finding::none : finding::surplus;
  if (owner && *owner != of) return finding::of_another;
  return wanted->value == now->value ? finding::none : finding::different;
}

task<result<sweep_report>> sweep(shared_core self, bool repair) {
  sweeping now{self, repair};
  const auto quotas = co_await read_quotas(self);
  if (!quotas) co_return std::unexpected(quotas.error());
  // What is surplus goes first, so that what is missing has its place.
  auto done = co_await sweep_folders(now, now.keys().prefix + "at/", true);
  if (done) done = co_await sweep_digits(now, now.keys().prefix + "addresses/");
  if (done) done = co_await sweep_folders(now, now.keys().prefix + "placed/", false);
  if (done) done = co_await sweep_folders(now, now.keys().expiries(), false);
  if (!done) co_return std::unexpected(std::move(done.error()));
  const auto networks = co_await self->calls->keys(self->keys.prefix + "peers/", std::string("/"));
  if (!networks) co_return std::unexpected(networks.error());
  for (const std::string& each : *networks) {
    done = co_await sweep_peers_of(now, each);
    if (!done) co_return std::unexpected(std::move(done.error()));
  }
  done = co_await count_tokens(now);
  if (done) done = co_await sweep_quotas(now, *quotas);
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return std::move(now.report);
}

}  // namespace peerage::consul
