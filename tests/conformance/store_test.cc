// The store port: random commits of several writers at once on few names, keys and addresses. Every
// answer, and what is there afterwards, must be what some order of the commits explains.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "consul/open.h"
#include "consul/store.h"
#include "local/system_clock.h"
#include "sqlite/store.h"
#include "testing/fake_store.h"
#include "testing/own_folder.h"
#include "testing/run.h"
#include "testing/samples.h"
#include "tests/conformance/raw_keys.h"
#include "tests/conformance/runs.h"
#include "tests/conformance/store_model.h"
#include "tests/contract/consul_server.h"
#include "tests/fakes/consul_line.h"

namespace peerage::conformance {
namespace {

using contract::consul_server;
using fakes::run_on;
using fakes::sample_gateway;
using fakes::sample_network;
using fakes::sample_peer;
using fakes::sample_token;

/// A backend under test: its writers, each as a process of its own where there may be several.
struct backend {
  virtual ~backend() = default;
  asio::io_context loop;
  std::unique_ptr<clock> time = make_system_clock(loop.get_executor());
  std::vector<std::unique_ptr<store>> writers;
  bool marks = false;  // a refused removal may give a network or gateway a new revision
  /// Lets one thing happen that waits outside; false where nothing does. `faults`: it may be lost.
  virtual bool go_on(chance&, bool) { return false; }
  /// What is wrong below the port; empty: nothing.
  virtual std::vector<std::string> wrong() { return {}; }
};

struct fake_backend final : backend {
  fake_backend() { writers.push_back(std::make_unique<fakes::fake_store>()); }
};

struct sqlite_backend final : backend {
  fakes::own_folder folder;
  sqlite_backend() {
    writers.push_back(open_sqlite_store(loop.get_executor(), folder.file("peerage.db")).value());
  }
  ~sqlite_backend() override { writers.clear(); }
};

struct consul_backend final : backend {
  std::string prefix;
  consul_backend() {
    marks = true;
    static int number = 0;
    prefix = "conformance/" + std::to_string(++number) + "/";
    for (int i = 1; i <= 3; ++i) {
      consul_options options;
      options.address = consul_server::shared().url();
      options.prefix = prefix;
      options.api_id = "api-" + std::to_string(i);
      writers.push_back(open_consul_store(loop.get_executor(), *time, std::move(options)).value());
      (void)run_on(loop, writers.back()->identity());
    }
  }
  ~consul_backend() override { writers.clear(); }
  std::vector<std::string> wrong() override {
    const auto answer =
        consul_server::shared().ask("GET", "/v1/kv/" + prefix, "recurse&consistent");
    if (answer.status != 200) return {};
    return disagreements(consul::read_entries(answer.body).value(), prefix);
  }
};

/// The store for Consul over a Consul in memory, whose requests and answers overtake each other,
/// and get lost.
struct disorder_backend final : backend {
  fakes::consul_kv kv;
  fakes::consul_line line{kv};
  std::vector<std::shared_ptr<fakes::consul_line::exchange>> late;
  disorder_backend() {
    marks = true;
    for (int i = 1; i <= 3; ++i) {
      auto calls =
          std::make_shared<consul::calls>(loop.get_executor(), line.connector(loop.get_executor()),
                                          std::make_shared<consul_access>());
      consul_options options;
      options.api_id = "api-" + std::to_string(i);
      writers.push_back(
          consul::open_store(loop.get_executor(), *time, std::move(calls), std::move(options))
              .value());
    }
  }
  ~disorder_backend() override { writers.clear(); }
  bool go_on(chance& by, bool faults) override {
    if (!late.empty() && by.percent(20)) {
      line.reach(*late.back());
      late.pop_back();
      return true;
    }
    if (line.under_way.empty() && (faults || late.empty())) return false;
    if (line.under_way.empty()) {
      // The round is over: what is late comes now, or never.
      if (by.percent(50)) line.reach(*late.back());
      late.pop_back();
      return true;
    }
    const auto one = line.under_way[by.below(line.under_way.size())];
    const bool lost = faults && by.percent(4);
    if (!one->answer && !lost) {
      line.reach(*one);
    } else {
      if (!one->answer && one->writing && by.percent(50)) late.push_back(one);
      line.arrive(one, lost);
    }
    return true;
  }
  std::vector<std::string> wrong() override {
    std::vector<consul::entry> all;
    for (const auto& [key, each] : kv.entries()) all.push_back(each);
    return disagreements(all, "peerage/v1/");
  }
};

peer some_peer(chance& by) {
  constexpr const char* networks[] = {"acme", "other"};
  constexpr const char* names[] = {"a", "b", "c"};
  constexpr const char* gateways[] = {"gw-1", "gw-2"};
  const auto number = [&] { return static_cast<std::uint32_t>(1 + by.below(3)); };
  const char* const network = by.pick(networks);
  peer made = sample_peer(network, by.pick(names), number(), by.pick(gateways));
  made.ipv6 = sample_peer(network, "x", number()).ipv6;
  if (by.percent(50)) made.ipv4 = ip_address::v4(0x0a090000U + number());
  if (by.percent(30)) made.expires_at = made.created_at + seconds{60 * number()};
  if (made.id.name.text() != "c") made.quota = 3;  // never another than it was made with
  return made;
}

network some_network(bool first) {
  network made = sample_network(first ? "acme" : "other", first ? "fd00:1::/48" : "fd00:2::/48");
  if (!first) made.ipv4 = prefix::parse("10.8.0.0/16").value();
  return made;
}

record some_record(chance& by) {
  const std::size_t kind = by.below(100);
  if (kind < 82) return some_peer(by);
  if (kind < 88) {
    return some_network(by.percent(50));
  }
  constexpr const char* gateways[] = {"gw-1", "gw-2", "gw-3"};
  const char* const name = by.pick(gateways);
  if (kind < 94) return sample_gateway(name, std::string_view(name) == "gw-1" ? 1 : 2);
  if (kind < 97) return sample_token("t9");
  return mark{by.percent(50) ? "some/acme/a" : "some/other", std::to_string(by.below(3))};
}

expectation some_expectation(chance& by, const model_state& now, const record_key& key) {
  const auto found = now.find(text_of(key));
  switch (by.below(5)) {
    case 0: return anything{};
    case 1: return present{};
    case 2: return revision{1};  // of long ago
    case 3: return found == now.end() ? expectation(absent{}) : expectation(found->second.at);
    default: return absent{};
  }
}

transaction some_commit(chance& by, const model_state& now) {
  transaction made;
  std::set<std::string> written;
  for (std::size_t n = by.percent(80) ? 1 : 2; n > 0; --n) {
    record value = some_record(by);
    const record_key key = key_of(value);
    if (!written.insert(text_of(key)).second) continue;
    expectation expected = some_expectation(by, now, key);
    const bool place =
        std::holds_alternative<network_name>(key) || std::holds_alternative<gateway_name>(key);
    if (by.percent(30)) {
      if (std::holds_alternative<absent>(expected)) expected = present{};
      // Nobody removes a network and writes its peers in one transaction.
      if (place && !made.empty()) continue;
      made.push_back(removal{key, expected});
      if (place) break;
    } else {
      made.push_back(put{std::move(value), expected});
    }
  }
  return made;
}

struct round {
  std::vector<transaction> commits;
  std::vector<result<revision>> answers;
};

/// Whether this order explains the answers and the state after the round.
bool explains(const round& what, const std::vector<std::size_t>& order, unsigned lost_and_done,
              const model_state& before, const model_state& after, bool marks) {
  model_state now = before;
  for (const std::size_t i : order) {
    const auto& answer = what.answers[i];
    const bool unknown = !answer && answer.error().code == errc::outcome_unknown;
    if (unknown && (lost_and_done >> i & 1) == 0) continue;
    if (!answer && answer.error().code == errc::unavailable) continue;
    auto wanted = apply(now, what.commits[i], i + 1, marks);
    if (answer || unknown) {
      if (!wanted.refusals.empty()) return false;
      now = std::move(wanted.next);
      continue;
    }
    const std::string reason =
        std::string(name_of(answer.error().code)) + " " + answer.error().field;
    if (!wanted.refusals.contains(reason) && !wanted.may_be_refused.contains(reason)) return false;
  }
  if (now.size() != after.size()) return false;
  for (const auto& [key, each] : now) {
    const auto there = after.find(key);
    if (there == after.end() || there->second.value != each.value) return false;
    if (marks && !std::holds_alternative<peer>(each.value)) continue;
    if (each.written_by == 0) {
      if (there->second.at != each.at) return false;
    } else if (const auto& by = what.answers[each.written_by - 1]; by && *by != there->second.at) {
      return false;
    }
  }
  return true;
}

bool explained(const round& what, const model_state& before, const model_state& after, bool marks) {
  std::vector<std::size_t> order(what.commits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  do {
    for (unsigned some = 0; some < 1U << order.size(); ++some)
      if (explains(what, order, some, before, after, marks)) return true;
  } while (std::ranges::next_permutation(order).found);
  return false;
}

std::string print(const round& what) {
  std::string made;
  for (std::size_t i = 0; i < what.commits.size(); ++i) {
    for (const write& each : what.commits[i]) {
      const auto* adding = std::get_if<put>(&each);
      const auto& expected = adding ? adding->expected : std::get<removal>(each).expected;
      constexpr const char* names[] = {"anything", "absent", "present", "revision"};
      made += std::string(adding ? "  put " : "  remove ") +
              text_of(adding ? key_of(adding->value) : std::get<removal>(each).key) + " if " +
              names[expected.index()];
      if (const auto* one = adding ? std::get_if<peer>(&adding->value) : nullptr) {
        made += " on " + one->gateway.text() + " key " + one->public_key.text().substr(0, 4) + " " +
                one->ipv6.text() + (one->ipv4 ? " " + one->ipv4->text() : "");
      }
    }
    const auto& answer = what.answers[i];
    made += ": " + (answer ? "done at " + std::to_string(answer->number)
                           : std::string(name_of(answer.error().code)) + " " +
                                 answer.error().field + " (" + answer.error().message + ")");
    made += "\n";
  }
  return made;
}

class session {
 public:
  session(backend& over, std::uint64_t seed) : over_(over), chance_(seed) {}

  /// Empty: all of it can be explained.
  std::string run(std::size_t rounds) {
    for (auto& each : over_.writers) (void)wait_for(each->identity());
    round furnish;
    furnish.commits.push_back(
        {put{some_network(true), absent{}}, put{some_network(false), absent{}},
         put{sample_gateway("gw-1", 1), absent{}}, put{sample_gateway("gw-2", 2), absent{}}});
    furnish.answers.push_back(wait_for(over_.writers[0]->commit(furnish.commits[0])));
    model_state now = read_all();
    for (std::size_t i = 0; i < rounds; ++i) {
      round next;
      for (std::size_t n = 1 + chance_.below(4); n > 0; --n) {
        auto one = some_commit(chance_, now);
        if (!one.empty()) next.commits.push_back(std::move(one));
      }
      commit_all(next);
      model_state after = read_all();
      if (!explained(next, now, after, over_.marks)) {
        std::string text = "round " + std::to_string(i) + ", no order explains:\n" + print(next);
        return text + "before:" + names_of(now) + "\nafter:" + names_of(after);
      }
      if (const auto wrong = over_.wrong(); !wrong.empty()) {
        std::string text = "round " + std::to_string(i) + ":\n" + print(next);
        for (const auto& each : wrong) text += "  " + each + "\n";
        return text;
      }
      now = std::move(after);
    }
    return {};
  }

 private:
  static std::string names_of(const model_state& from) {
    std::string made;
    for (const auto& [key, each] : from) made += " " + key + "@" + std::to_string(each.at.number);
    return made;
  }
  void drive(const std::size_t& left, bool faults) {
    over_.loop.restart();
    while (left > 0) {
      while (over_.loop.poll() > 0) {}
      if (left == 0 || over_.go_on(chance_, faults)) continue;
      over_.loop.restart();
      over_.loop.run_one_for(seconds{1});
    }
  }
  template <class T>
  T wait_for(task<T> work) {
    std::optional<T> made;
    std::size_t left = 1;
    asio::co_spawn(over_.loop, std::move(work), [&](std::exception_ptr thrown, T value) {
      if (thrown) std::rethrow_exception(thrown);
      made.emplace(std::move(value));
      --left;
    });
    drive(left, false);
    return std::move(*made);
  }
  void commit_all(round& what) {
    what.answers.assign(what.commits.size(), result<revision>{revision{}});
    std::size_t left = what.commits.size();
    for (std::size_t i = 0; i < what.commits.size(); ++i) {
      store& by = *chance_.pick(over_.writers);
      asio::co_spawn(over_.loop, by.commit(what.commits[i]),
                     [&, i](std::exception_ptr thrown, result<revision> how) {
                       if (thrown) std::rethrow_exception(thrown);
                       what.answers[i] = std::move(how);
                       --left;
                     });
    }
    drive(left, true);
    while (over_.go_on(chance_, false)) over_.loop.poll();
  }
  model_state read_all() {
    model_state made;
    store& from = *over_.writers.back();
    const std::vector<listing> all = {all_networks{},
                                      all_gateways{},
                                      all_tokens{},
                                      marks_under{""},
                                      peers_of_network{*network_name::parse("acme")},
                                      peers_of_network{*network_name::parse("other")}};
    for (const listing& each : all) {
      page_query query{each, {}, 100};
      auto found = wait_for(from.list(query));
      for (auto& one : found.value().items) {
        const std::string key = text_of(key_of(one.value));
        made.emplace(key, model_record{std::move(one.value), one.revision});
      }
    }
    return made;
  }

  backend& over_;
  chance chance_;
};

struct kind {
  const char* name;
  std::unique_ptr<backend> (*make)();
  std::size_t rounds;
  friend void PrintTo(const kind& one, std::ostream* to) { *to << one.name; }
};

struct store_conformance : testing::TestWithParam<kind> {};

TEST_P(store_conformance, some_order_explains_every_answer) {
  const auto sessions = for_each_seed([](std::uint64_t seed) {
    const auto over = GetParam().make();
    const std::string wrong = session(*over, seed).run(GetParam().rounds);
    if (!wrong.empty()) ADD_FAILURE() << "seed " << seed << ", " << wrong;
    return wrong.empty();
  });
  EXPECT_GT(sessions, 1U);
  std::printf("%llu sessions of %zu rounds\n", static_cast<unsigned long long>(sessions),
              GetParam().rounds);
}

INSTANTIATE_TEST_SUITE_P(
    all, store_conformance,
    testing::Values(kind{"fake", [] { return std::unique_ptr<backend>(new fake_backend); }, 60},
                    kind{"sqlite", [] { return std::unique_ptr<backend>(new sqlite_backend); }, 60},
                    kind{"consul", [] { return std::unique_ptr<backend>(new consul_backend); }, 60},
                    kind{"consul_in_disorder",
                         [] { return std::unique_ptr<backend>(new disorder_backend); }, 60}),
    [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace peerage::conformance
