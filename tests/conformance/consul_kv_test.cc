// The Consul in memory against a real one: the same requests to both, one after the other, and the
// same answers, indexes compared up to renaming.
#include <gtest/gtest.h>

#include <future>
#include <map>
#include <memory>
#include <optional>

#include "base/base64.h"
#include "consul/codec.h"
#include "http/target.h"
#include "json/json.h"
#include "tests/conformance/runs.h"
#include "tests/contract/consul_server.h"
#include "tests/fakes/consul_kv.h"

namespace peerage::conformance {
namespace {

using contract::consul_server;

/// Where an operation takes its index from: none, the key's last known one, or an older one.
enum class known_index { zero, newest, older };

struct kv_step {
  std::string verb, key, value;
  std::uint64_t flags = 0;
  known_index index = known_index::zero;
};

struct operation {
  enum class kind { transaction, get, list, keys, wait } what{};
  std::vector<kv_step> steps = {};  // of a transaction, and what is done during a wait
  std::string key = {};             // of the others
  bool folder = false;              // of a wait
  bool restricted = false;          // asked with the token that may not do everything
};

constexpr std::string_view verbs[] = {
    "set", "cas",      "delete", "delete-cas", "delete-tree", "check-index", "check-not-exists",
    "get", "get-tree", "set",    "cas",        "delete-cas"};
// The restricted token may write below rw/, read below ro/ and see nothing below hid/.
constexpr std::string_view keys[] = {"rw/a",   "rw/a/b", "rw/a/c", "rw/d",  "ro/a",
                                     "ro/a/b", "hid/a",  "hid/b",  "rw/a/", "rw/a/b/c"};
constexpr std::string_view folders[] = {"",    "rw/",  "rw/a",  "rw/a/",
                                        "ro/", "hid/", "none/", "rw/a/b"};
constexpr std::string_view values[] = {"", "x", "y"};

kv_step some_step(chance& by) {
  kv_step made{std::string(by.pick(verbs)), std::string(by.pick(keys)),
               std::string(by.pick(values)), by.below(2), known_index::newest};
  if (made.verb.ends_with("-tree")) made.key = by.pick(folders);
  if (made.key.empty()) made.key = "rw/";
  if (by.percent(25)) made.index = by.percent(50) ? known_index::zero : known_index::older;
  if (made.verb == "cas" && by.percent(30)) made.index = known_index::zero;
  return made;
}

operation some_operation(chance& by) {
  using kind = operation::kind;
  constexpr kind kinds[] = {kind::transaction, kind::transaction, kind::transaction,
                            kind::transaction, kind::transaction, kind::get,
                            kind::list,        kind::keys,        kind::wait};
  operation made{by.pick(kinds)};
  made.restricted = by.percent(20);
  made.folder = by.percent(50);
  made.key = made.what == kind::get || (made.what == kind::wait && !made.folder) ? by.pick(keys)
                                                                                 : by.pick(folders);
  constexpr std::size_t sizes[] = {1, 1, 1, 2, 3, 5, 8, 64, 65};
  if (made.what == kind::transaction) {
    for (std::size_t n = by.pick(sizes); n > 0; --n) made.steps.push_back(some_step(by));
  } else if (made.what == kind::wait) {
    made.steps.push_back(some_step(by));
    made.restricted = false;
  }
  return made;
}

std::string text_of(const operation& one) {
  constexpr std::string_view names[] = {"transaction", "get", "list", "keys", "wait"};
  std::string made(names[static_cast<std::size_t>(one.what)]);
  made += " " + one.key + (one.restricted ? " (restricted)" : "");
  for (const kv_step& each : one.steps) {
    constexpr std::string_view indexes[] = {"0", "newest", "older"};
    made += "\n    " + each.verb + " " + each.key + " = \"" + each.value + "\" flags " +
            std::to_string(each.flags) + " index " +
            std::string(indexes[static_cast<std::size_t>(each.index)]);
  }
  return made;
}

/// What one side knows of its indexes.
struct side {
  std::map<std::string, std::vector<std::uint64_t>> seen;  // by key, oldest first

  std::uint64_t index(const kv_step& of) const {
    const auto found = seen.find(of.key);
    if (of.index == known_index::zero || found == seen.end()) return 0;
    return of.index == known_index::newest ? found->second.back() : found->second.front();
  }
};

/// An answer, its indexes apart.
struct seen_answer {
  int status = 0;
  std::string text = {};
  std::vector<std::uint64_t> indexes = {};

  std::string print() const {
    std::string made = std::to_string(status) + " " + text + "indexes";
    for (const std::uint64_t each : indexes) made += " " + std::to_string(each);
    return made;
  }
};

class pair_of_stores {
 public:
  pair_of_stores(const consul_server& server, const std::string& token)
      : server_(server), token_(token) {
    fake_.restrict(token, {{"", true, true}, {"hid/", false, false}, {"ro/", true, false}});
  }

  /// A new sequence: both are emptied. What they remember of deletions stays.
  void begin() {
    kv_step clear{"delete-tree", "", "", 0, known_index::zero};
    for (const std::string_view folder : {"rw/", "ro/", "hid/"}) {
      clear.key = folder;
      const operation one{operation::kind::transaction, {clear}};
      (void)same(one);
    }
    const kv_step first{"set", "rw/begin", "x", 0, known_index::zero};
    (void)same({operation::kind::transaction, {first}});
    fake_side_.seen.clear();
    real_side_.seen.clear();
    difference_.clear();
  }

  /// Whether both answer the same; else difference() says what they answered.
  bool same(const operation& one) {
    const seen_answer fake = ask_fake(one), real = ask_real(one);
    const bool alike = fake.status == real.status && fake.text == real.text &&
                       fake.indexes.size() == real.indexes.size();
    for (std::size_t i = 0; alike && difference_.empty() && i < fake.indexes.size(); ++i) {
      if (!renames(real.indexes[i], fake.indexes[i])) difference_ = "other indexes\n";
    }
    if (alike && difference_.empty()) return true;
    difference_ += "fake: " + fake.print() + "\nreal: " + real.print();
    return false;
  }
  const std::string& difference() const { return difference_; }

 private:
  static std::string body(const std::vector<kv_step>& steps, const side& by) {
    json::array all;
    for (const kv_step& each : steps) {
      json::object kv{{"Verb", each.verb}, {"Key", each.key}, {"Index", by.index(each)}};
      if (each.verb == "set" || each.verb == "cas") {
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(each.value.data());
        kv["Value"] = base64_encode({bytes, each.value.size()});
        kv["Flags"] = each.flags;
      }
      all.push_back(json::object{{"KV", kv}});
    }
    return json::serialize(all);
  }
  static std::string path(const std::string& key) { return "/v1/kv/" + key; }
  static std::string query(const operation& one) {
    using kind = operation::kind;
    if (one.what == kind::list || (one.what == kind::wait && one.folder))
      return "consistent&recurse";
    return one.what == kind::keys ? "consistent&keys&separator=%2F" : "consistent";
  }

  http::request request_of(const operation& one, const side& by) const {
    http::request made;
    const bool writes = one.what == operation::kind::transaction;
    made.method = writes ? "PUT" : "GET";
    made.path = writes ? "/v1/txn" : path(one.key);
    made.query = writes ? "" : query(one);
    made.body = writes ? body(one.steps, by) : "";
    if (one.restricted) made.headers.emplace_back("X-Consul-Token", token_);
    return made;
  }
  http::response send(const http::request& one, bool restricted) const {
    std::string query = one.query + (one.query.empty() ? "" : "&");
    query += "token=" + (restricted ? token_ : std::string("root-token"));
    return server_.ask(one.method, one.path, query, one.body);
  }

  seen_answer ask_fake(const operation& one) {
    if (one.what != operation::kind::wait)
      return read(fake_.answer(request_of(one, fake_side_)), one, true);
    const operation write{operation::kind::transaction, one.steps};
    http::request waiting = request_of(one, fake_side_);
    const auto before = fake_.answer(waiting);
    waiting.query += "&index=" + std::string(before.header("X-Consul-Index"));
    woke_ = false;
    fake_.on_change = [&](const auto& changed) { woke_ = fake_.wakes(waiting, changed); };
    (void)read(fake_.answer(request_of(write, fake_side_)), write, true);
    fake_.on_change = nullptr;
    const seen_answer after = read(fake_.answer(waiting), one, true);
    return woke_ ? after : seen_answer{};
  }
  seen_answer ask_real(const operation& one) {
    if (one.what != operation::kind::wait) {
      return read(send(request_of(one, real_side_), one.restricted), one, false);
    }
    const operation write{operation::kind::transaction, one.steps};
    http::request waiting = request_of(one, real_side_);
    const auto before = send(waiting, false);
    waiting.query += "&index=" + std::string(before.header("X-Consul-Index"));
    waiting.query += woke_ ? "&wait=4s" : "&wait=50ms";
    const auto begun = std::chrono::steady_clock::now();
    auto answered = std::async(std::launch::async, [&] { return send(waiting, false); });
    (void)read(send(request_of(write, real_side_), false), write, false);
    const auto answer = answered.get();
    if (woke_ && std::chrono::steady_clock::now() - begun > std::chrono::milliseconds(3900)) {
      difference_ = "the fake wakes who waits, the real one does not\n";
    }
    // Whose wait is over without news is told what was there when it came, or what is there now.
    const seen_answer after = read(answer, one, false);
    return woke_ ? after : seen_answer{};
  }

  /// Remembers the indexes, and puts the fake's in place of the real ones.
  seen_answer read(const http::response& from, const operation& one, bool fake) {
    side& mine = fake ? fake_side_ : real_side_;
    seen_answer made{from.status};
    if (one.what == operation::kind::transaction) {
      const auto answer = consul::read_txn(from.body);
      if (!answer) return made;
      for (const auto& each : answer->refusals) {
        made.text += std::to_string(each.operation) + " " + reason_of(each.why) + "; ";
      }
      for (const auto& each : answer->results) take(each, mine, made);
      return made;
    }
    made.indexes.push_back(number_in(from.header("X-Consul-Index")));
    if (from.status != 200) return made;
    if (one.what == operation::kind::keys) {
      const auto names = consul::read_keys(from.body).value();
      for (const auto& each : names) made.text += each + "; ";
    } else {
      const auto entries = consul::read_entries(from.body).value();
      for (const auto& each : entries) {
        take(each, mine, made);
      }
    }
    return made;
  }
  static std::uint64_t number_in(std::string_view text) {
    return text.empty() ? 0 : std::stoull(std::string(text));
  }
  /// As far as the program looks at it.
  static std::string reason_of(const std::string& why) {
    for (const char* each : {"Permission denied", "doesn't exist", "index is stale", "exists"})
      if (why.find(each) != std::string::npos) return each;
    return "other";
  }
  static void take(const consul::entry& one, side& mine, seen_answer& into) {
    auto& seen = mine.seen[one.key];
    if (seen.empty() || seen.back() != one.index) seen.push_back(one.index);
    into.text += one.key + "=" + one.value + "/" + std::to_string(one.flags) + "; ";
    into.indexes.push_back(one.index);
  }
  /// Whether this real index is, and always was, this one of the fake, and their order the same.
  bool renames(std::uint64_t real, std::uint64_t fake) {
    const auto [at, fresh] = names_.emplace(real, fake);
    if (!fresh) return at->second == fake;
    const auto next = std::next(at);
    const bool after = at == names_.begin() || std::prev(at)->second < fake;
    return after && (next == names_.end() || fake < next->second);
  }

  const consul_server& server_;
  std::string token_;
  fakes::consul_kv fake_;
  side fake_side_, real_side_;
  std::map<std::uint64_t, std::uint64_t> names_;  // real to fake
  bool woke_ = false;
  std::string difference_;
};

struct consul_conformance : testing::Test {
  consul_server server{R"({"acl": {"enabled": true, "default_policy": "deny",
                                   "tokens": {"master": "root-token"}}})"};
  std::string restricted;
  std::unique_ptr<pair_of_stores> stores;

  void SetUp() override {
    const auto as_root = [&](const std::string& path, const std::string& body) {
      const auto answer = server.ask("PUT", path, "token=root-token", body);
      EXPECT_EQ(answer.status, 200) << answer.body;
      return answer.body;
    };
    const std::string rules =
        R"(key_prefix "" { policy = "write" } key_prefix "hid/" { policy = "deny" } )"
        R"(key_prefix "ro/" { policy = "read" })";
    as_root("/v1/acl/policy", json::serialize(json::object{{"Name", "some"}, {"Rules", rules}}));
    const auto token = json::parse(as_root("/v1/acl/token", R"({"Policies": [{"Name": "some"}]})"));
    restricted = std::string(token.value().at("SecretID").as_string());
    stores = std::make_unique<pair_of_stores>(server, restricted);
  }
  std::string difference(const std::vector<operation>& all) {
    pair_of_stores& both = *stores;
    both.begin();
    for (const operation& each : all)
      if (!both.same(each)) return both.difference();
    return {};
  }
};

TEST_F(consul_conformance, the_consul_in_memory_answers_as_the_real_one) {
  const auto sequences = for_each_seed([&](std::uint64_t seed) {
    chance by(seed);
    std::vector<operation> all;
    for (std::size_t n = 4 + by.below(40); n > 0; --n) all.push_back(some_operation(by));
    if (difference(all).empty()) return true;
    all = shorten<operation>(all, [&](const auto& some) { return !difference(some).empty(); });
    std::string text;
    for (const operation& each : all) text += "  " + text_of(each) + "\n";
    ADD_FAILURE() << "seed " << seed << ":\n" << text << difference(all);
    return false;
  });
  EXPECT_GT(sequences, 1U);
  std::printf("%llu sequences\n", static_cast<unsigned long long>(sequences));
}

}  // namespace
}  // namespace peerage::conformance
