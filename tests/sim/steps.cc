// What a step can be. Each is one decision of the seed.
#include <algorithm>
#include <utility>

#include "consul/rings.h"
#include "tests/sim/world.h"

namespace peerage::sim {

const std::vector<world::kind>& world::kinds() {
  static const std::vector<kind> all = {
      {"answer store", 260, &world::answer_store},
      {"answer device", 130, &world::answer_device},
      {"deliver", 190, &world::deliver_message},
      {"time", 150, &world::pass_time},
      {"operation", 110, &world::start_operation},
      {"abandon", 10, &world::abandon_operation},
      {"cancel", 6, &world::cancel_operation},
      {"start process", 40, &world::start_process},
      {"crash api", 8, &world::crash_api},
      {"crash gateway", 14, &world::crash_gateway},
      {"stop gateway", 5, &world::stop_gateway},
      {"cut power", 5, &world::cut_power},
      {"lose device", 5, &world::lose_device},
      {"toggle bus", 8, &world::toggle_bus},
      {"toggle store", 10, &world::toggle_store},
      {"jump clock", 6, &world::jump_clock},
      {"jump api clock", 6, &world::jump_api_clock},
      {"late write", 8, &world::late_write_arrives},
      {"restore", 1, &world::restore_store},
      {"store lies", 8, &world::store_lies},
      {"spoil ring", 4, &world::spoil_ring},
      {"forget deletions", 3, &world::forget_deletions},
      {"run a little", 40, &world::run_a_little},
      {"cut off", 10, &world::cut_off},
  };
  return all;
}

std::vector<std::string> every_kind() {
  std::vector<std::string> names;
  for (const auto& each : world::kinds()) names.emplace_back(each.name);
  return names;
}

/// Whether nothing comes of it yet, since it is of a kind that takes long here.
bool world::rests(const std::string& text, std::optional<std::size_t>& until) {
  constexpr std::size_t longest = 120;  // steps
  const auto slow =
      std::ranges::any_of(slow_, [&](const auto& each) { return text.starts_with(each); });
  if (slow && !until) until = model_.step + chance_.below(longest);
  return until && model_.step < *until;
}

/// One call of a port goes on: a stage, its answer, or its failure.
bool world::progress(port where) {
  std::vector<std::shared_ptr<open_call>> some;
  for (const auto& each : calls_.all) {
    if (each->where != where || each->over) continue;
    if (each->ready && !each->ready() && !chance_.chance(2 + store_.confusion / 4)) continue;
    if (rests(each->text, each->rests_until)) continue;
    some.push_back(each);
  }
  if (some.empty()) return false;
  const auto one = chance_.pick(some);
  const bool away = where == port::store && store_lost(one->process);
  const bool fails = where == port::store && (away || chance_.chance(mischief_ / 2));
  if (fails) {
    // Away: most were never heard. Else the answer is lost, or the question was.
    if (!away && !one->done && chance_.chance(50)) one->done = one->act(chance_);
    const bool doubt = one->writing && (one->done || chance_.chance(away ? 20 : 50));
    note(one->process + ": " + one->text + (doubt ? " loses its answer" : " fails"));
    if (!doubt) one->writing = false;  // nothing of it comes late either
    one->fail_with(doubt ? error{errc::outcome_unknown, "the store's answer was lost", {}}
                         : error{errc::unavailable, "the store is away", {}});
    return true;
  }
  const bool at_once = chance_.chance(one->rests_until ? 40 : 75);
  one->rests_until.reset();
  do {
    if (one->done) {
      note(one->process + ": " + one->text + " is answered");
      one->end();
    } else {
      one->done = one->act(chance_);
      note(one->process + ": " + one->text + (one->done ? " is done" : " goes on"));
    }
  } while (at_once && !one->over);
  return true;
}

bool world::answer_store() {
  return progress(port::store);
}

bool world::answer_device() {
  return progress(port::device);
}

bool world::deliver_message() {
  auto& all = bus_.under_way;
  if (all.empty()) return false;
  const std::size_t at = chance_.below(all.size());
  if (rests(all[at].text, all[at].rests_until)) return false;
  all[at].rests_until.reset();  // should it come again
  const message one = all[at];
  const bool lost = chance_.chance(bus_.mischief / 2);
  const bool stays = !lost && chance_.chance(bus_.mischief / 2);
  note(one.text + (lost ? " is lost" : stays ? " arrives, and will again" : " arrives"));
  if (!stays) all.erase(all.begin() + static_cast<std::ptrdiff_t>(at));
  // What nobody delivers for long is as good as lost.
  if (all.size() > 200) all.erase(all.begin());
  if (!lost) one.deliver();
  return true;
}

bool world::pass_time() {
  std::optional<steady_time> next;
  const auto sooner = [&](const process* one) {
    if (one == nullptr) return;
    const auto due = one->time.next();
    if (due && (!next || *due < *next)) next = due;
  };
  for (auto& each : apis_) sooner(each.now.get());
  for (auto& [name, each] : gateways_) sooner(each.now.get());
  steady_duration by = milliseconds{1 + chance_.below(50)};
  const std::size_t how = chance_.below(100);
  if (how < 45 && next && *next > time_.steady) {
    by = *next - time_.steady;
  } else if (how >= 60) {
    by = milliseconds{50 + chance_.below(how < 80 ? 400 : how < 95 ? 3'000 : 40'000)};
  }
  pass(std::chrono::ceil<milliseconds>(by));
  put_clocks_right();
  note("it is " + to_rfc3339(time_.wall));
  return true;
}

/// Before it is believed a wrong clock is right again; or it stays wrong for long, and that is
/// known.
void world::put_clocks_right() {
  const auto over = [&](steady_time jumped) {
    return jumped != steady_time{} && time_.steady >= jumped + seconds{40};
  };
  for (auto& [name, each] : gateways_) {
    if (!over(each.jumped)) continue;
    if (time_.steady >= each.jumped + seconds{58}) {
      model_.clock_wrong(name, time_.steady + seconds{130});
    }
    hosts_.at(name).skew = milliseconds{0};
    each.jumped = {};
    clocks_right_since_ = time_.steady;
  }
  for (api_host& each : apis_) {
    if (!over(each.jumped)) continue;
    const bool stays = chance_.chance(50) && time_.steady < each.jumped + seconds{300};
    if (stays || time_.steady >= each.jumped + seconds{58}) model_.api_times_off = true;
    if (stays) continue;
    each.skew = milliseconds{0};
    each.jumped = {};
    clocks_right_since_ = time_.steady;
    model_.api_clock_wrong_until = time_.steady + seconds{130};
  }
}

/// No promise is made where two clocks are wrong at once.
bool world::a_clock_is_wrong() const {
  const auto jumped = [](const auto& each) { return each.jumped != steady_time{}; };
  return std::ranges::any_of(apis_, jumped) ||
         std::ranges::any_of(gateways_, [&](const auto& each) { return jumped(each.second); }) ||
         time_.steady < clocks_right_since_ + seconds{15};
}

bool world::jump_api_clock() {
  api_host& one = apis_.at(chance_.below(apis_.size()));
  if (a_clock_is_wrong()) return false;
  const milliseconds by{5'000 + static_cast<std::int64_t>(chance_.below(100'000'000))};
  one.skew = chance_.chance(70) ? by : -by;
  one.jumped = time_.steady;
  // What an earlier jump excuses goes on.
  const bool earlier = model_.api_times_off && time_.steady < model_.api_clock_wrong_until;
  model_.api_times_off = earlier || one.now == nullptr || one.now->state != life::up;
  model_.api_clock_wrong_until = steady_time::max();
  note("clock of " + one.name + " jumps by " + std::to_string(one.skew.count()) + " ms");
  return true;
}

/// Whether the store can't be reached by who calls.
bool world::store_lost(const std::string& process) const {
  return store_away_ || cut_off_.contains(process.substr(0, process.find('.')));
}

void world::start_api(api_host& one) {
  const std::string name = one.name + "." + std::to_string(++one.lives);
  note("starts " + name);
  if (one.skew != milliseconds{0}) model_.api_times_off = true;
  one.now = std::make_unique<api_process>(around_, name, one.skew);
}

void world::start_gateway(const gateway_name& name) {
  gateway_place& place = gateways_.at(name);
  gateway_host& host = hosts_.at(name);
  if (host.skew != milliseconds{0}) model_.clock_wrong(name, time_.steady + seconds{1});
  host.skew = milliseconds{0};
  place.jumped = {};
  if (chance_.chance(10) && !a_clock_is_wrong() &&
      time_.steady >= model_.api_clock_wrong_until) {  // NTP has not set its clock yet
    host.skew = milliseconds{static_cast<std::int64_t>(chance_.below(200'000'000)) - 100'000'000};
    place.jumped = time_.steady;
    model_.clock_wrong(name, time_.steady + seconds{300});
    // An API process that starts beside it can't tell which of the two clocks is wrong.
    model_.api_times_off = true;
    model_.api_clock_wrong_until = time_.steady + seconds{300};
    note("clock of " + name.text() + " is wrong by " + std::to_string(host.skew.count()) + " ms");
  }
  const std::string called = name.text() + "." + std::to_string(++place.lives);
  note("starts " + called);
  place.now = std::make_unique<gateway_process>(around_, called, host);
}

void world::ended(const std::string& process) {
  bus_.forget_dead();
  for (const auto& each : model_.operations) {
    if (each->process != process || each->ended) continue;
    model_.cut_off(*each);
    lost_.push_back(each);
  }
}

void world::kill(std::unique_ptr<gateway_process>& one) {
  const std::string name = one->name;
  note("ends " + name);
  one.reset();
  ended(name);
}

void world::kill(std::unique_ptr<api_process>& one) {
  const std::string name = one->name;
  note("ends " + name);
  one.reset();
  ended(name);
}

bool world::crash_api() {
  api_host& one = chance_.pick(apis_);
  if (!one.now) return false;
  kill(one.now);
  return true;
}

/// What was being written is written, or half of it, or not. Often it has just answered, and what
/// it said then must hold; some can't reach the store when they are back.
bool world::crash_gateway() {
  auto at =
      std::next(gateways_.begin(), static_cast<std::ptrdiff_t>(chance_.below(gateways_.size())));
  if (const auto last = gateways_.find(spoke_last_);
      last != gateways_.end() && chance_.chance(50)) {
    at = last;
  }
  if (!at->second.now) return false;
  // None is held beyond the process, whose loop it needs.
  for (const auto& each : calls_.all) {
    const bool mine = each->process == at->second.now->name && each->where == port::device;
    while (mine && !each->done && chance_.chance(50)) each->done = each->act(chance_);
  }
  kill(at->second.now);
  if (weights_.at("cut off") > 0 && chance_.chance(30) &&
      cut_off_.insert(at->first.text()).second) {
    note(at->first.text() + " is cut off from the store");
  }
  if (chance_.chance(60)) start_gateway(at->first);
  return true;
}

bool world::stop_gateway() {
  auto at =
      std::next(gateways_.begin(), static_cast<std::ptrdiff_t>(chance_.below(gateways_.size())));
  if (!at->second.now || at->second.now->state != life::up) return false;
  note("stops " + at->second.now->name);
  at->second.now->stop();
  return true;
}

bool world::cut_power() {
  auto at =
      std::next(gateways_.begin(), static_cast<std::ptrdiff_t>(chance_.below(gateways_.size())));
  if (!at->second.wanted) return false;
  note("power of " + at->first.text() + " fails");
  if (at->second.now) kill(at->second.now);
  gateway_host& host = hosts_.at(at->first);
  host.device.vanish();
  model_.device_lost(at->first);
  const std::size_t saves = chance_.below(3);
  host.saved.lose(saves);
  if (saves > 0) model_.mirror_lost(at->first);
  return true;
}

bool world::lose_device() {
  auto at =
      std::next(gateways_.begin(), static_cast<std::ptrdiff_t>(chance_.below(gateways_.size())));
  gateway_host& host = hosts_.at(at->first);
  if (!at->second.wanted || !host.device.present) return false;
  note("device of " + at->first.text() + " is lost");
  host.device.vanish();
  model_.device_lost(at->first);
  if (at->second.now) at->second.now->device.lose();
  return true;
}

bool world::start_process() {
  std::vector<std::function<void()>> dead;
  for (auto& each : apis_)
    if (!each.now) dead.emplace_back([this, &each] { start_api(each); });
  for (auto& [name, each] : gateways_) {
    if (each.now) continue;
    // A gateway that was never there joins now and then.
    if (!each.wanted && !chance_.chance(10)) continue;
    dead.emplace_back([this, &each, key = name] {
      each.wanted = true;
      start_gateway(key);
    });
  }
  if (dead.empty()) return false;
  chance_.pick(dead)();
  return true;
}

bool world::toggle_bus() {
  note(bus_.connected ? "bus away" : "bus back");
  if (bus_.connected) {
    bus_.go_away();
  } else {
    bus_.connected = true;
    bus_.unheard = bus_.chance.below(3);  // the gateways' subscriptions are on their way
  }
  return true;
}

bool world::toggle_store() {
  store_away_ = !store_away_;
  note(store_away_ ? "store away" : "store back");
  return true;
}

/// A gateway can't reach the store, which all others can; the bus brings it words all the same.
bool world::cut_off() {
  const auto at =
      std::next(gateways_.begin(), static_cast<std::ptrdiff_t>(chance_.below(gateways_.size())));
  if (!at->second.wanted) return false;
  const bool now = cut_off_.insert(at->first.text()).second;
  if (!now) cut_off_.erase(at->first.text());
  note(at->first.text() + (now ? " is cut off from the store" : " reaches the store again"));
  return true;
}

bool world::jump_clock() {
  auto at =
      std::next(gateways_.begin(), static_cast<std::ptrdiff_t>(chance_.below(gateways_.size())));
  const bool up = at->second.now && at->second.now->state == life::up;
  if (!up || at->second.jumped != steady_time{}) return false;
  // An API process goes on with a wrong time for a minute after its clock was put right.
  if (time_.steady < std::max(model_.api_clock_wrong_until, clocks_right_since_ + seconds{15})) {
    return false;
  }
  const milliseconds by{5'000 + static_cast<std::int64_t>(chance_.below(100'000'000))};
  hosts_.at(at->first).skew = chance_.chance(70) ? by : -by;
  at->second.jumped = time_.steady;
  note("clock of " + at->first.text() + " jumps by " +
       std::to_string(hosts_.at(at->first).skew.count()) + " ms");
  return true;
}

/// A write whose caller has long given up reaches the store. After another write of its process it
/// no longer can: the process's ring has moved on.
bool world::late_write_arrives() {
  while (!late_.empty() && late_.front().until < time_.steady) late_.pop_front();
  if (late_.empty() || store_away_) return false;
  late_write one = std::move(late_.front());
  late_.pop_front();
  note(one.process + ": " + one.text + " comes late");
  if (one.act) one.act(chance_);
  return true;
}

/// The store becomes what it was at the last backup, and is given a new epoch by hand.
bool world::restore_store() {
  if (!backup_ || chance_.chance(50)) {
    backup_ = store_.kv.save();
    note("backup");
    return true;
  }
  note("restored");
  store_.restore(*backup_);
  const std::string id = "epoch-" + std::to_string(chance_.below(1'000'000));
  store_.write_by_hand({{consul::verb::set, keys_of_all.epoch(), id, 0, 0}});
  model_.restored();
  return true;
}

/// What its gateway's mirror knows the index of, where it has counted too few changes since to
/// believe that all of it is gone.
std::uint64_t world::old_to(const std::string& gateway) const {
  const auto host = hosts_.find(*gateway_name::parse(gateway));
  if (host == hosts_.end() || !host->second.saved.now.head) return 0;
  const auto known = consul::read_place(host->second.saved.now.head->position);
  if (!known || known->epoch != store_.now.epoch()) return 0;
  const std::string rings = keys_of_all.rings_of(host->first);
  const std::string at = keys_of_all.at_all(host->first);
  std::uint64_t recorded = 10, old = 0;
  const auto& all = store_.kv.entries();
  for (auto each = all.lower_bound(rings); each != all.end() && each->first.starts_with(rings);
       ++each) {
    const auto ring = consul::read_ring(each->second.value);
    const auto before = known->known.find(each->first.substr(rings.size()));
    const std::uint64_t begin = before == known->known.end() ? 0 : before->second;
    if (ring && ring->sequence > begin) recorded += ring->sequence - begin;
  }
  for (auto each = all.lower_bound(at); each != all.end() && each->first.starts_with(at); ++each)
    old += each->second.index <= known->index ? 1 : 0;
  return old > 2 * recorded ? known->index : 0;
}

/// The next full listing of the gateway with many peers lacks the old ones.
bool world::store_lies() {
  const auto& [name, host] = *hosts_.begin();
  if (host.device.peers.size() < 20) return false;
  note("the next full listing of a gateway lacks what is old");
  store_.lies = true;
  // It is read soon: a change log that nobody writes any more has turned into garbage.
  if (chance_.chance(50)) {
    store_.write_by_hand({{consul::verb::set, keys_of_all.ring(name.text(), "setup"),
                           std::to_string(chance_.next()), 0, 0}});
  }
  return true;
}

/// Somebody writes nonsense over a change log.
bool world::spoil_ring() {
  std::vector<std::string> some;
  for (const auto& [key, each] : store_.kv.entries()) {
    const bool ring = key.starts_with(keys_of_all.prefix + "rings/") && !key.contains("/~");
    if (ring) some.push_back(key);
  }
  if (some.empty()) return false;
  const std::string key = chance_.pick(some);
  note(key + " is spoiled");
  store_.write_by_hand({{consul::verb::set, key, std::to_string(chance_.next()), 0, 0}});
  return true;
}

bool world::forget_deletions() {
  note("Consul forgets its deletions");
  store_.kv.forget_deletions();
  return true;
}

bool world::run_a_little() {
  busy_ = 1 + chance_.below(6);
  return true;
}

}  // namespace peerage::sim
