#include "tests/chaos/faults.h"

#include <signal.h>

#include <algorithm>

#include "tests/live/wireguard.h"

namespace peerage::chaos {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t at_once = 3;

const std::vector<role> everybody{role::consul, role::nats, role::api, role::gateway};
const std::vector<role> daemons{role::api, role::gateway};

}  // namespace

const std::vector<faults::kind>& faults::kinds() {
  static const std::vector<kind> all{
      {"freeze", 14, &faults::freeze},
      {"kill", 14, &faults::kill},
      {"stop", 6, &faults::stop},
      {"leader", 5, &faults::stop_leader},
      {"cut", 14, &faults::cut},
      {"isolate", 8, &faults::isolate},
      {"bad-line", 8, &faults::bad_line},
      {"token", 6, &faults::delete_token},
      {"policy", 4, &faults::hide_peers},
      {"snapshot", 2, &faults::restore_snapshot},
      {"clock", 10, &faults::move_clock},
      {"start-clock", 4, &faults::start_with_wrong_clock},
      {"disk", 6, &faults::fill_disk},
      {"device", 4, &faults::lose_device},
      {"frozen-device", 4, &faults::freeze_device},
      {"power", 1, &faults::power_cut},
  };
  return all;
}

std::vector<std::string> every_fault() {
  std::vector<std::string> names;
  for (const auto& each : faults::kinds()) names.emplace_back(each.name);
  return names;
}

faults::faults(fleet& on, report& into, unsigned seed, std::set<std::string> only)
    : on_(on), report_(into), random_(seed), only_(std::move(only)) {}

milliseconds faults::some_time(unsigned at_least_ms, unsigned at_most_ms) {
  return milliseconds(at_least_ms + chance(at_most_ms - at_least_ms));
}

party& faults::any(std::vector<role> of) {
  // Of each role alike, though there are more of some.
  const auto some = on_.with(of[chance(static_cast<unsigned>(of.size()))]);
  return *some[chance(static_cast<unsigned>(some.size()))];
}

bool faults::begin(const std::string& text, std::set<std::string> has, milliseconds lasts,
                   const std::function<void()>& start, std::function<void()> end) {
  for (const under_way& each : now_) {
    if (std::ranges::any_of(has, [&](const auto& one) { return each.has.contains(one); }))
      return false;
  }
  report_.note("fault", text + ", for " + std::to_string(lasts.count()) + " ms");
  report_.count("fault: " + text.substr(0, text.find(' ')));
  try {
    start();
  } catch (const std::exception& failed) {
    // Whether anything was done, nobody knows: it is undone at once.
    report_.note("fault", text + " was perhaps not possible: " + failed.what());
    lasts = milliseconds{0};
  }
  now_.push_back({text, std::move(has), steady_clock::now() + lasts, std::move(end)});
  return true;
}

/// Tries for as long as Consul takes to answer again.
void faults::finish(under_way& one) {
  try {
    one.end();
    report_.note("fault", "over: " + one.text);
    one.has.clear();
  } catch (const std::exception& failed) {
    report_.note("fault", "not over yet: " + one.text + ": " + failed.what());
    one.until = steady_clock::now() + 500ms;
  }
}

void faults::work() {
  watch_over();
  for (under_way& each : now_) {
    if (steady_clock::now() >= each.until) finish(each);
  }
  std::erase_if(now_, [](const under_way& each) { return each.has.empty(); });
  if (now_.size() >= at_once || steady_clock::now() < next_) return;
  next_ = steady_clock::now() + some_time(100, 2'500);
  unsigned sum = 0;
  for (const kind& each : kinds()) {
    if (only_.empty() || only_.contains(each.name)) sum += each.weight;
  }
  unsigned drawn = chance(sum);
  for (const kind& each : kinds()) {
    if (!only_.empty() && !only_.contains(each.name)) continue;
    if (drawn < each.weight) return (this->*each.begin)();
    drawn -= each.weight;
  }
}

void faults::end_all() {
  const auto until = steady_clock::now() + 60s;
  while (!now_.empty() && steady_clock::now() < until) {
    for (under_way& each : now_) finish(each);
    std::erase_if(now_, [](const under_way& each) { return each.has.empty(); });
    if (!now_.empty()) std::this_thread::sleep_for(500ms);
  }
  for (const under_way& each : now_) report_.broken("fault", "can't be ended: " + each.text);
  // What Consul was asked while it could not answer, it may do later.
  if (!live::eventually(60s, [this] { return on_.give_back_rights(); }))
    report_.broken("fault", "tokens and policies can't be made again");
  for (const auto& each : on_.all) each->start();
}

void faults::watch_over() {
  for (const auto& each : on_.all) {
    const auto ended = each->watch_over();
    if (!ended) continue;
    report_.note(each->name, "ended by itself with " + std::to_string(*ended));
    report_.count("ended by itself: " + each->name.substr(0, each->name.find('-')));
    const bool ours = each->what == role::api || each->what == role::gateway;
    if (ours && *ended > 128 && *ended != 128 + SIGKILL && *ended != 128 + SIGTERM)
      report_.broken(each->name, "died of signal " + std::to_string(*ended - 128));
  }
}

void faults::freeze() {
  party& one = any(everybody);
  begin(
      "freeze " + one.name, {one.name}, some_time(300, 12'000), [&] { one.freeze(); },
      [&one] { one.thaw(); });
}

void faults::kill() {
  party& one = any(everybody);
  begin(
      "kill " + one.name, {one.name}, some_time(100, 5'000), [&] { one.kill(); },
      [&one] { one.start(); });
}

void faults::stop() {
  party& one = any(daemons);
  begin(
      "stop " + one.name, {one.name}, some_time(100, 3'000), [&] { one.stop(); },
      [&one] { one.start(); });
}

void faults::stop_leader() {
  std::optional<std::string> leader;
  try {
    leader = on_.leader();
  } catch (const std::exception&) {
    // Nobody can be asked now.
  }
  if (!leader) return;
  party& one = on_.named(*leader);
  const bool freezing = chance(2) == 0;
  begin(
      "leader " + one.name + (freezing ? " is frozen" : " is killed"), {one.name},
      some_time(1'000, 8'000), [&] { freezing ? one.freeze() : one.kill(); },
      [&one, freezing] { freezing ? one.thaw() : one.start(); });
}

void faults::cut() {
  party& from = any(everybody);
  party& to = any(everybody);
  if (&from == &to) return;
  const bool both = chance(2) == 0;
  begin(
      "cut " + from.name + (both ? " and " : " to ") + to.name,
      {"line " + from.name + " " + to.name, "line " + to.name + " " + from.name},
      some_time(500, 10'000),
      [&] {
        on_.lines.disturb(from.address, to.name, line::cut);
        if (both) on_.lines.disturb(to.address, from.name, line::cut);
      },
      [this, &from, &to, both] {
        on_.lines.heal(from.address, to.name, line::cut);
        if (both) on_.lines.heal(to.address, from.name, line::cut);
      });
}

void faults::isolate() {
  party& one = any(everybody);
  std::set<std::string> has;
  for (const auto& each : on_.all) {
    has.insert("line " + one.name + " " + each->name);
    has.insert("line " + each->name + " " + one.name);
  }
  begin(
      "isolate " + one.name, has, some_time(500, 8'000),
      [&] {
        for (const auto& each : on_.all) {
          if (each.get() == &one) continue;
          on_.lines.disturb(one.address, each->name, line::cut);
          on_.lines.disturb(each->address, one.name, line::cut);
        }
      },
      [this, &one] {
        for (const auto& each : on_.all) {
          if (each.get() == &one) continue;
          on_.lines.heal(one.address, each->name, line::cut);
          on_.lines.heal(each->address, one.name, line::cut);
        }
      });
}

void faults::bad_line() {
  party& from = any(everybody);
  party& to = any(everybody);
  if (&from == &to) return;
  const line how = chance(2) == 0 ? line::lossy : line::slow;
  begin(
      "bad-line " + from.name + " to " + to.name + (how == line::slow ? ", slow" : ", lossy"),
      {"line " + from.name + " " + to.name, "line " + to.name + " " + from.name},
      some_time(1'000, 10'000), [&] { on_.lines.disturb(from.address, to.name, how); },
      [this, &from, &to, how] { on_.lines.heal(from.address, to.name, how); });
}

void faults::delete_token() {
  const std::string of = std::vector<std::string>{"api", "gw-1", "gw-2"}[chance(3)];
  begin(
      "token of " + of + " is deleted", {"consul token " + of, "consul's past"},
      some_time(500, 8'000), [&] { on_.delete_token(of); }, [this, of] { on_.make_token(of); });
}

void faults::hide_peers() {
  const std::string of = std::vector<std::string>{"gw-1", "gw-2"}[chance(2)];
  begin(
      "policy of " + of + " has a typo", {"consul policy " + of, "consul's past"},
      some_time(2'000, 10'000), [&] { on_.make_policy(of, true); },
      [this, of] { on_.make_policy(of, false); });
}

void faults::restore_snapshot() {
  const auto kept = std::make_shared<bool>(false);
  begin(
      "snapshot is kept, to be restored", {"consul's past"}, some_time(1'000, 8'000),
      [&] {
        on_.save_snapshot();
        *kept = true;
      },
      [this, kept] {
        if (!*kept) return;
        if (on_.restored % 2 == 0) ++on_.restored;
        on_.restore_snapshot();
        std::this_thread::sleep_for(2s);  // for what was under way meanwhile
        ++on_.restored;
      });
}

// One at a time: against two of five clocks that are wrong alike nothing is promised.
constexpr const char* a_clock = "a clock";

void faults::move_clock() {
  party& one = any(daemons);
  const std::int64_t by = std::vector<std::int64_t>{30, 600, 86'400, -30, -600, -86'400}[chance(6)];
  begin(
      "clock of " + one.name + " is moved by " + std::to_string(by) + " s", {a_clock},
      some_time(1'000, 10'000), [&] { one.move_clock(by); }, [&one] { one.move_clock(0); });
}

void faults::start_with_wrong_clock() {
  party& one = any(daemons);
  const std::int64_t by = chance(2) == 0 ? 86'400 : -86'400;
  begin(
      "start-clock of " + one.name + " is wrong by " + std::to_string(by) + " s",
      {one.name, a_clock}, some_time(2'000, 10'000),
      [&] {
        one.kill();
        one.move_clock(by);
        one.start();
      },
      [&one] { one.move_clock(0); });
}

void faults::fill_disk() {
  party& one = any({role::api, role::gateway, role::consul});
  begin(
      "disk of " + one.name + " is full", {"disk " + one.name}, some_time(1'000, 8'000),
      [&] { one.fill_disk(); }, [&one] { one.clear_disk(); });
}

void faults::lose_device() {
  party& one = any({role::gateway});
  begin(
      "device of " + one.name + " is lost", {"device " + one.name}, 3s,
      [&] { on_.lose_device(one.name); }, [this] { ++on_.devices_lost; });
}

void faults::freeze_device() {
  party& one = any({role::gateway});
  const pid_t device = live::userspace_process(fleet::interface_of(one.name));
  if (device == 0) return;
  begin(
      "frozen-device of " + one.name, {"device " + one.name}, some_time(300, 8'000),
      [&] { ::kill(device, SIGSTOP); }, [device] { ::kill(device, SIGCONT); });
}

void faults::power_cut() {
  std::set<std::string> has;
  for (const auto& each : on_.all) has.insert(each->name);
  begin(
      "power cut everywhere", has, some_time(200, 3'000),
      [&] {
        for (const auto& each : on_.all) each->kill();
      },
      [this] {
        std::vector<party*> order;
        for (const auto& each : on_.all) order.push_back(each.get());
        std::shuffle(order.begin(), order.end(), random_);
        for (party* each : order) each->start();
      });
}

}  // namespace peerage::chaos
