#include "control/control.h"

#include <utility>

#include "log/log.h"

namespace peerage {
namespace {

constexpr seconds board_every{2};
constexpr seconds uses_every{30};
// So long a start waits for the bus, and for gateways that do not answer.
constexpr seconds greeting_takes{3};
constexpr milliseconds greeted_again{50};
constexpr std::size_t greeted_at_once = 64;

}  // namespace

std::string_view name_of(peer_state value) {
  switch (value) {
    case peer_state::live: return "live";
    case peer_state::pending: return "pending";
    case peer_state::unknown: return "unknown";
  }
  return "unknown";
}

control::control(asio::any_io_executor loop, store& desired, bus& word, clock& time,
                 control_options options)
    : loop_(loop),
      store_(desired, time),
      bus_(word),
      clock_(time),
      random_(std::move(options.random)),
      start_id_(random_id(random_)),
      check_registrations_(options.check_registrations),
      network_ranges_(std::move(options.network_ranges)),
      erasable_(loop),
      watchers_(loop),
      tokens_(options.remember),
      networks_(options.remember),
      full_(options.remember_full),
      token_paces_(options.of_token),
      network_paces_(options.of_network),
      token_reads_(options.reads_of_token),
      network_reads_(options.reads_of_network),
      background_(loop) {}

task<result<>> control::start() {
  auto id = co_await store_.identity();
  if (!id) co_return std::unexpected(id.error());
  epoch_ = *id;
  bus_.listen([this](const heartbeat& beat) { hear(beat); });
  bus_.listen([this](const event& what) { hear(what); });
  if (auto read = co_await read_gateways(); !read) co_return read;
  if (auto read = co_await read_newest_time(); !read) co_return read;
  (void)stamp_now();  // from here on a jump is seen
  background_.spawn(expiry_loop());
  background_.spawn(greet());
  background_.spawn(board_loop());
  background_.spawn(use_loop());
  if (store_.sweepable()) background_.spawn(records_loop());
  background_.spawn(sweep_loop());
  background_.spawn(earlier_keys_loop());
  background_.spawn(erase_loop());
  co_return result<>{};
}

task<> control::stop() {
  co_await background_.stop();
  co_await flush_uses();
}

/// The newest time that a process has left in the store: a clock far beyond it may be wrong.
task<result<>> control::read_newest_time() {
  std::optional<wall_time> newest = board_.newest_registration();
  page_query query{all_tokens{}, {}, 1'000};
  auto got = co_await store_.list(query);
  if (!got) co_return std::unexpected(got.error());
  for (const auto& each : got->items) {
    const token& one = std::get<token>(each.value);
    const wall_time last = one.last_used_at.value_or(one.created_at);
    newest = std::max(newest.value_or(last), last);
  }
  vouched_.start(newest);
  co_return result<>{};
}

/// What times that are written into the store count from.
wall_time control::stamp_now() {
  return vouched_.stamp(clock_.now(), clock_.steady());
}

/// A start has heard no heartbeat yet: it asks the gateways instead, until each has answered.
task<> control::greet() {
  const auto until = clock_.steady() + greeting_takes;
  while (clock_.steady() < until) {
    if (bus_.connected() && co_await ask_who_is_there(until)) break;
    co_await clock_.wait_until(clock_.steady() + greeted_again);
  }
  ready_ = true;
}

task<bool> control::ask_who_is_there(steady_time until) {
  std::vector<gateway_name> silent;
  for (const gateway_view& each : board_.views(clock_.steady(), true)) {
    if (!each.live && silent.size() < greeted_at_once) silent.push_back(each.what->name);
  }
  std::vector<std::shared_ptr<question>> asked;
  for (const gateway_name& name : silent) {
    status_request nothing_but_itself;
    nothing_but_itself.want_seen = false;
    asked.push_back(std::make_shared<question>(loop_));
    background_.spawn(ask_status(name, std::move(nothing_but_itself), until, asked.back()));
  }
  bool all = true;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    while (!asked[i]->ended) co_await asked[i]->done.wait();
    all = all && asked[i]->reply;
    if (asked[i]->reply) board_.greet(silent[i], asked[i]->reply->peers, clock_.steady());
  }
  tell_gateways();
  co_return all&& silent.size() < greeted_at_once;
}

task<> control::until_ready() {
  while (!ready_) co_await clock_.wait_until(clock_.steady() + greeted_again);
}

task<> control::board_loop() {
  bool well = true;
  for (;;) {
    co_await clock_.wait_until(clock_.steady() + board_every);
    const auto read = co_await read_gateways();
    co_await look_at_epoch();
    const bool back = !std::exchange(bus_was_there_, bus_.connected()) && bus_was_there_;
    // While NATS was away, others may have said what nobody heard, and the gateways' heartbeats
    // have yet to come.
    if (back) {
      watchers_.gap();
    } else {
      tell_gateways();
    }
    store_was_there_ = read.has_value();
    if (!read && well) log::warning("store can't be read", {{"error", read.error().message}});
    well = read.has_value();
  }
}

/// A store that was restored while this process ran has another identity, and its gateways refuse
/// what names the old one.
task<> control::look_at_epoch() {
  auto id = co_await store_.identity();
  if (!id || *id == epoch_) co_return;
  log::warning("the store has another epoch: it was restored", {{"epoch", id->id}});
  epoch_ = *std::move(id);
}

task<> control::use_loop() {
  for (;;) {
    co_await clock_.wait_until(clock_.steady() + uses_every);
    co_await flush_uses();
  }
}

task<> control::flush_uses() {
  const auto uses = uses_.take();
  for (const auto& [id, at] : uses) {
    auto found = co_await get_as<token>(store_, id);
    if (!found || !*found) continue;
    token used = std::move((*found)->value);
    used.last_used_at = at;
    transaction writes;
    writes.push_back(peerage::put{std::move(used), (*found)->revision});
    // One that was revoked or changed meanwhile stays as it is.
    (void)co_await store_.commit(std::move(writes));
  }
}

result<> control::may_read(const principal& who) const {
  if (who.has(scope::admin) && !who.network) return {};
  const steady_time now = clock_.steady();
  if (!token_reads_.may(who.id, now)) {
    return fail(errc::throttled, "this token reads more than it may; slow down");
  }
  if (who.network && !network_reads_.may(*who.network, now)) {
    return fail(errc::throttled,
                "tokens of network " + who.network->text() + " read more than they may; slow down");
  }
  return {};
}

void control::charge_read(const principal& who, std::size_t units) {
  if (who.has(scope::admin) && !who.network) return;
  const steady_time now = clock_.steady();
  token_reads_.note(who.id, now, units);
  if (who.network) network_reads_.note(*who.network, now, units);
}

std::vector<std::string> control::away() const {
  std::vector<std::string> names;
  if (!store_was_there_) names.emplace_back("store");
  if (!bus_.connected()) names.emplace_back("bus");
  for (const gateway_view& each : board_.views(clock_.steady(), bus_.connected())) {
    const std::string name = "gateway " + each.what->name.text();
    if (!each.live) names.push_back(name);
    const std::string trouble = board_.trouble(each.what->name, clock_.steady());
    if (each.live && !trouble.empty()) names.push_back(name + ": " + trouble);
  }
  return names;
}

}  // namespace peerage
