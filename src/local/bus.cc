#include "local/bus.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace peerage {
namespace {

constexpr auto for_good = asio::cancellation_type::terminal;

/// The deadlines of the requests under way, and one coroutine that waits for the earliest. One for
/// each request would cost more than the request itself: a wait that is not needed any more ends
/// with an exception. The coroutine may wait on when the requests have ended, until rest().
class deadlines : public std::enable_shared_from_this<deadlines> {
 public:
  struct request {
    asio::cancellation_signal cancel;
    bool late = false;
    std::optional<std::multimap<steady_time, request*>::iterator> place;
  };

  explicit deadlines(clock& time) : time_(time) {}

  void add(const asio::any_io_executor& loop, steady_time deadline, request& one) {
    one.place = open_.emplace(deadline, &one);
    if (watcher_ && watched_ <= deadline) return;
    stop();
    watched_ = deadline;
    watcher_ = std::make_shared<asio::cancellation_signal>();
    auto ended = [all = shared_from_this(), mine = watcher_](const std::exception_ptr&) {
      if (all->watcher_ == mine) all->watcher_ = nullptr;
    };
    asio::co_spawn(loop, watch(shared_from_this(), watcher_),
                   asio::bind_cancellation_slot(watcher_->slot(), std::move(ended)));
  }
  void remove(request& one) {
    if (one.place) open_.erase(*std::exchange(one.place, std::nullopt));
  }
  /// There is nothing to wait for and will not be.
  void rest() {
    if (open_.empty()) stop();
  }

 private:
  void stop() {
    if (watcher_) std::exchange(watcher_, nullptr)->emit(for_good);
  }

  /// Keeps its own signal, which must outlive it.
  static task<> watch(std::shared_ptr<deadlines> all, std::shared_ptr<asio::cancellation_signal>) {
    // Where the deadline has passed already, the work must have begun before it can be cancelled.
    co_await asio::post(asio::use_awaitable);
    while (!all->open_.empty()) {
      all->watched_ = all->open_.begin()->first;
      co_await all->time_.wait_until(all->watched_);
      const steady_time now = all->time_.steady();
      while (!all->open_.empty() && all->open_.begin()->first <= now) {
        request& due = *all->open_.begin()->second;
        all->remove(due);
        due.late = true;
        due.cancel.emit(for_good);
      }
    }
  }

  clock& time_;
  std::multimap<steady_time, request*> open_;
  std::shared_ptr<asio::cancellation_signal> watcher_;  // none: nobody waits
  steady_time watched_{};                               // what the watcher waits for
};

/// What `work` returns; nothing where the deadline came first, and it was cancelled.
template <class Answer>
task<std::optional<Answer>> in_time(std::shared_ptr<deadlines> all, task<Answer> work,
                                    steady_time deadline) {
  struct entry {
    deadlines& of;
    asio::cancellation_slot outer;
    deadlines::request mine;
    ~entry() {
      of.remove(mine);
      if (outer.is_connected()) outer.clear();
    }
  };
  const auto loop = co_await asio::this_coro::executor;
  const auto state = co_await asio::this_coro::cancellation_state;
  entry listed{*all, state.slot(), {}};
  deadlines::request& mine = listed.mine;
  // Whoever cancels this coroutine cancels the work, which then ends before this does.
  if (listed.outer.is_connected()) {
    listed.outer.assign([&mine](asio::cancellation_type how) { mine.cancel.emit(how); });
  }
  all->add(loop, deadline, mine);
  auto [thrown, answer] = co_await asio::co_spawn(
      loop, std::move(work),
      asio::bind_cancellation_slot(mine.cancel.slot(), asio::as_tuple(asio::use_awaitable)));
  if (!thrown) co_return std::move(answer);
  if (!mine.late) std::rethrow_exception(thrown);
  co_return std::nullopt;
}

class local_bus final : public bus {
 public:
  explicit local_bus(clock& time) : deadlines_(std::make_shared<deadlines>(time)) {}
  ~local_bus() override { deadlines_->rest(); }

  task<result<apply_reply>> apply(gateway_name to, apply_request request,
                                  steady_time deadline) override {
    const auto found = serving_.find(to);
    if (found == serving_.end()) co_return nobody(to);
    auto work = found->second->apply(std::move(request));
    auto answer = co_await in_time(deadlines_, std::move(work), deadline);
    if (!answer) co_return late(to);
    co_return *std::move(answer);
  }

  task<result<status_reply>> status(gateway_name to, status_request request,
                                    steady_time deadline) override {
    const auto found = serving_.find(to);
    if (found == serving_.end()) co_return nobody(to);
    auto work = found->second->status(std::move(request));
    auto answer = co_await in_time(deadlines_, std::move(work), deadline);
    if (!answer) co_return late(to);
    co_return *std::move(answer);
  }

  task<result<accept_removals_reply>> accept_removals(gateway_name to,
                                                      steady_time deadline) override {
    const auto found = serving_.find(to);
    if (found == serving_.end()) co_return nobody(to);
    auto work = found->second->accept_removals({});
    auto answer = co_await in_time(deadlines_, std::move(work), deadline);
    if (!answer) co_return late(to);
    co_return *answer;
  }

  result<> serve(gateway_name name, gateway_service& service) override {
    if (!serving_.emplace(name, &service).second) {
      return fail(errc::conflict, "gateway " + name.text() + " is served in this process already");
    }
    return {};
  }
  void stop_serving(const gateway_name& name) override {
    serving_.erase(name);
    if (serving_.empty()) deadlines_->rest();
  }

  void publish(const heartbeat& beat) override {
    for (const auto& hear : listeners_) hear(beat);
  }
  void listen(std::function<void(const heartbeat&)> hear) override {
    listeners_.push_back(std::move(hear));
  }
  void publish(const event& what) override {
    for (const auto& hear : watchers_) hear(what);
  }
  void listen(std::function<void(const event&)> hear) override {
    watchers_.push_back(std::move(hear));
  }
  bool connected() const override { return true; }

 private:
  static std::unexpected<error> nobody(const gateway_name& to) {
    return fail(errc::unavailable, "gateway " + to.text() + " is not there");
  }
  static std::unexpected<error> late(const gateway_name& to) {
    return fail(errc::timeout, "gateway " + to.text() + " did not answer in time");
  }

  std::shared_ptr<deadlines> deadlines_;
  std::map<gateway_name, gateway_service*> serving_;
  std::vector<std::function<void(const heartbeat&)>> listeners_;
  std::vector<std::function<void(const event&)>> watchers_;
};

}  // namespace

std::unique_ptr<bus> make_local_bus(clock& time) {
  return std::make_unique<local_bus>(time);
}

}  // namespace peerage
