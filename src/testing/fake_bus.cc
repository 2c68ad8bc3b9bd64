#include "testing/fake_bus.h"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/this_coro.hpp>
#include <exception>
#include <type_traits>
#include <utility>

#include "wire/messages.h"

namespace peerage::fakes {

using namespace asio::experimental::awaitable_operators;

namespace {

// As natsbus/bus.h and natsbus/serving.cc have them.
constexpr std::size_t most_payload = 1'000'000;
constexpr std::size_t most_served = 1'000;

auto read(std::string_view text, std::type_identity<apply_request>) {
  return wire::read_apply_request(text);
}
auto read(std::string_view text, std::type_identity<apply_reply>) {
  return wire::read_apply_reply(text);
}
auto read(std::string_view text, std::type_identity<status_request>) {
  return wire::read_status_request(text);
}
auto read(std::string_view text, std::type_identity<status_reply>) {
  return wire::read_status_reply(text);
}
auto read(std::string_view text, std::type_identity<accept_removals_request>) {
  return wire::read_accept_removals_request(text);
}
auto read(std::string_view text, std::type_identity<accept_removals_reply>) {
  return wire::read_accept_removals_reply(text);
}
auto read(std::string_view text, std::type_identity<heartbeat>) {
  return wire::read_heartbeat(text);
}
auto read(std::string_view text, std::type_identity<event>) {
  return wire::read_event(text);
}

/// As it arrives at the other side; errc::invalid: it is too large to be sent.
template <class Message>
result<Message> over_the_wire(const Message& from) {
  const std::string text = wire::write(from);
  if (text.size() > most_payload) return fail(errc::invalid, "the message is too large");
  return read(text, std::type_identity<Message>{});
}

std::unexpected<error> no_answer() {
  return fail(errc::timeout, "no answer");
}
std::unexpected<error> nobody(const gateway_name& name) {
  return fail(errc::unavailable, "nobody hears " + name.text());
}

}  // namespace

/// What the processes on one bus share.
struct fake_bus::everyone {
  std::vector<fake_bus*> members;
  std::map<gateway_name, fake_bus*> keys;  // who served a gateway last; null: it has ended
  std::list<asking*> waiting;
};

/// A request that is not answered yet.
struct fake_bus::asking {
  asking(fake_bus& by, const asio::any_io_executor& loop) : in(by), all(by.all_), woken(loop) {
    all->waiting.push_back(this);
  }
  ~asking() { all->waiting.remove(this); }
  asking(const asking&) = delete;
  asking& operator=(const asking&) = delete;

  void end(std::function<void()> take) {
    if (ended) return;
    ended = true;
    if (take) take();
    woken.notify();
  }
  template <class Reply>
  void answer(std::optional<Reply> with) {
    end([&] {
      if (with) reply = std::make_shared<Reply>(*std::move(with));
    });
  }

  fake_bus& in;
  std::shared_ptr<everyone> all;
  signal woken;
  bool ended = false;
  std::shared_ptr<void> reply;  // of the request's kind; none: it was refused, or is in doubt
};

/// A gateway that a process serves, or served: what has arrived there is worked at to the end.
struct fake_bus::served {
  served(fake_bus* process, gateway_service& with) : by(process), service(with) {}
  fake_bus* by;  // null: the process has ended
  gateway_service& service;
  std::list<asio::cancellation_signal> under_way;
  signal* emptied = nullptr;
};

fake_bus::fake_bus(clock& time) : fake_bus(time, std::make_shared<everyone>()) {}

fake_bus::fake_bus(clock& time, const fake_bus& beside) : fake_bus(time, beside.all_) {}

fake_bus::fake_bus(clock& time, std::shared_ptr<everyone> all) : time_(time), all_(std::move(all)) {
  all_->members.push_back(this);
}

fake_bus::~fake_bus() {
  for (const auto& each : unfinished_)
    if (const auto still = each.lock()) still->by = nullptr;
  std::erase(all_->members, this);
  for (auto& [name, process] : all_->keys)
    if (process == this) process = nullptr;
}

std::shared_ptr<fake_bus::served> fake_bus::server_of(const gateway_name& name) const {
  for (const fake_bus* each : all_->members) {
    const auto found = each->serving_.find(name);
    if (found != each->serving_.end() && each->is_connected) return found->second;
  }
  return {};
}

bool fake_bus::is_known(const gateway_name& name) const {
  return all_->keys.contains(name);
}

template <class Reply, class Request>
task<result<Reply>> fake_bus::ask(gateway_name to, Request request, steady_time deadline,
                                  task<Reply> (gateway_service::*method)(Request)) {
  constexpr bool applying = std::is_same_v<Request, apply_request>;
  if (!is_connected) co_return fail(errc::unavailable, "there is no connection");
  const auto loop = co_await asio::this_coro::executor;
  const auto mine = std::make_shared<asking>(*this, loop);
  const steady_time until = std::min(deadline, time_.steady() + patience);
  while (!is_known(to) && time_.steady() < until)
    co_await (mine->woken.wait() || time_.wait_until(until));
  if (!is_known(to) || !is_connected) co_return nobody(to);
  auto arrived = as_text ? over_the_wire(request) : result<Request>(std::move(request));
  if (!arrived && arrived.error().code == errc::invalid) co_return std::unexpected(arrived.error());
  const auto at = server_of(to);
  const bool missed = unheard > 0;
  if (missed) --unheard;
  if (!at || missed) co_return nobody(to);
  if (!arrived) co_return fail(errc::timeout, "the gateway can't read the request");
  if constexpr (applying) applied.push_back(*arrived);
  if (not_believed > 0) {
    --not_believed;
  } else if (applying && lose_requests > 0) {
    --lose_requests;
  } else {
    deliver(at, mine, *std::move(arrived), method, loop);
  }
  const auto wait_for_answer = [&] { return !mine->ended && time_.steady() < deadline; };
  while (wait_for_answer()) co_await (mine->woken.wait() || time_.wait_until(deadline));
  if (!mine->ended || !mine->reply) co_return no_answer();
  if (applying && lose_answers > 0) {
    --lose_answers;
    co_await time_.wait_until(deadline);
    co_return no_answer();
  }
  co_return *std::static_pointer_cast<Reply>(mine->reply);
}

template <class Reply, class Request>
void fake_bus::deliver(const std::shared_ptr<served>& at, const std::shared_ptr<asking>& asker,
                       Request request, task<Reply> (gateway_service::*method)(Request),
                       const asio::any_io_executor& loop) {
  if (at->under_way.size() >= most_served) return asker->end({});
  const auto mine = at->under_way.emplace(at->under_way.end());
  const bool twice = std::is_same_v<Request, apply_request> && repeat;
  auto work = carry(at, asker, std::move(request), method, twice);
  asio::co_spawn(
      loop, std::move(work),
      asio::bind_cancellation_slot(mine->slot(), [at, mine](const std::exception_ptr& thrown) {
        const bool cancelled = at->emptied != nullptr;
        at->under_way.erase(mine);
        if (cancelled) return at->emptied->notify();
        if (thrown) std::rethrow_exception(thrown);
      }));
}

template <class Reply, class Request>
task<> fake_bus::carry(std::shared_ptr<served> at, std::shared_ptr<asking> asker, Request request,
                       task<Reply> (gateway_service::*method)(Request), bool twice) {
  const std::weak_ptr<asking> waiting = std::exchange(asker, nullptr);
  const bool as_text = at->by->as_text;
  if (twice) {
    Request again = request;
    co_await (at->service.*method)(std::move(again));
  }
  Reply made = co_await (at->service.*method)(std::move(request));
  const auto still = waiting.lock();
  if (!still || at->by == nullptr || !at->by->is_connected) co_return;
  if (!as_text) {
    still->answer(std::optional<Reply>(std::move(made)));
    co_return;
  }
  auto arrived = over_the_wire(made);
  still->answer(arrived ? std::optional<Reply>(*std::move(arrived)) : std::nullopt);
}

task<result<apply_reply>> fake_bus::apply(gateway_name to, apply_request request,
                                          steady_time deadline) {
  return ask(std::move(to), std::move(request), deadline, &gateway_service::apply);
}

task<result<status_reply>> fake_bus::status(gateway_name to, status_request request,
                                            steady_time deadline) {
  return ask(std::move(to), std::move(request), deadline, &gateway_service::status);
}

task<result<accept_removals_reply>> fake_bus::accept_removals(gateway_name to,
                                                              steady_time deadline) {
  return ask(std::move(to), accept_removals_request{}, deadline, &gateway_service::accept_removals);
}

result<> fake_bus::serve(gateway_name name, gateway_service& service) {
  const auto [at, fresh] = serving_.try_emplace(name);
  if (!fresh) return fail(errc::conflict, "served already");
  at->second = std::make_shared<served>(this, service);
  unfinished_.remove_if([](const auto& each) { return each.expired(); });
  unfinished_.push_back(at->second);
  all_->keys.insert_or_assign(std::move(name), this);
  for (asking* each : all_->waiting) each->woken.notify();
  greet();
  return {};
}

void fake_bus::stop_serving(const gateway_name& name) {
  serving_.erase(name);
}

void fake_bus::publish(const heartbeat& beat) {
  last_beats_.insert_or_assign(beat.name, beat);
  if (is_connected) say(beat);
}

void fake_bus::greet() {
  if (!is_connected) return;
  for (const auto& [name, beat] : std::map(last_beats_))
    if (serving_.contains(name)) say(beat);
}

void fake_bus::say(const heartbeat& beat) {
  const auto key = all_->keys.find(beat.name);
  if (key == all_->keys.end() || key->second != this) return;
  const auto heard = as_text ? over_the_wire(beat) : result<heartbeat>(beat);
  if (!heard) return;
  for (const fake_bus* each : std::vector(all_->members)) {
    if (!each->is_connected) continue;
    for (std::size_t i = 0; i < each->listeners_.size(); ++i) each->listeners_[i](*heard);
  }
}

/// While there is no connection, an event stays in its process.
void fake_bus::publish(const event& what) {
  const auto heard = as_text && is_connected ? over_the_wire(what) : result<event>(what);
  if (!heard) return;
  for (const fake_bus* each : std::vector(all_->members)) {
    if (each != this && (!is_connected || !each->is_connected)) continue;
    for (std::size_t i = 0; i < each->watchers_.size(); ++i) each->watchers_[i](*heard);
  }
}

void fake_bus::lose_connection() {
  is_connected = false;
  for (asking* each : all_->waiting)
    if (&each->in == this) each->end({});
}

void fake_bus::connect() {
  is_connected = true;
  greet();
}

task<> fake_bus::stop() {
  lose_connection();
  serving_.clear();
  signal emptied(co_await asio::this_coro::executor);
  for (const auto& each : std::list(unfinished_)) {
    const auto still = each.lock();
    if (!still) continue;
    still->emptied = &emptied;
    for (auto& one : still->under_way) one.emit(asio::cancellation_type::terminal);
    while (!still->under_way.empty()) co_await emptied.wait();
    still->emptied = nullptr;
  }
}

}  // namespace peerage::fakes
