#include "natsbus/requests.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <utility>

namespace peerage::nats {
namespace {

// Every lane costs a look at each read; so many are kept when nothing is under way.
constexpr std::size_t most_idle_lanes = 64;

}  // namespace

struct requests::call {
  call(const asio::any_io_executor& loop, judge believed)
      : done(loop), believes(std::move(believed)) {}
  void end(result<std::string> with) {
    if (answer) return;
    answer = std::move(with);
    done.cancel();
  }
  asio::steady_timer done;  // fires at the deadline; its cancellation is the wake-up
  judge believes;
  std::optional<result<std::string>> answer;
};

struct requests::lane {
  std::string inbox;
  std::uint64_t turn = 0;  // the last token of the reply's subject: one for each request
  std::size_t place = 0;   // in under_way_
  std::shared_ptr<connection::subscription> subscribed;
  call* waiting = nullptr;

  std::string reply() const { return inbox + "." + std::to_string(turn); }
};

// A call's hold on its lane, given back however the call ends.
class requests::turn {
 public:
  turn(std::shared_ptr<requests> in, std::shared_ptr<lane> on, call& waiting)
      : in_(std::move(in)), on_(std::move(on)), waiting_(waiting) {
    ++on_->turn;
    on_->waiting = &waiting;
    on_->place = in_->under_way_.size();
    in_->under_way_.push_back(on_.get());
  }
  ~turn() { in_->give_back(on_, waiting_.answer.has_value()); }
  turn(const turn&) = delete;
  turn& operator=(const turn&) = delete;

 private:
  std::shared_ptr<requests> in_;
  std::shared_ptr<lane> on_;
  call& waiting_;
};

requests::requests(asio::any_io_executor loop, clock& time, std::shared_ptr<connection> over)
    : loop_(std::move(loop)), time_(time), over_(std::move(over)), inbox_(over_->new_inbox()) {}

task<result<std::string>> requests::ask(std::string subject, std::string payload, std::string seal,
                                        judge believes, steady_time deadline) {
  if (under_way_.size() >= most_requests) {
    co_return fail(errc::unavailable,
                   std::to_string(most_requests) + " requests are on their way over NATS already");
  }
  auto on = take_lane();
  if (!on) co_return fail(errc::unavailable, "there is no connection to NATS");
  call mine(loop_, std::move(believes));
  const turn held(shared_from_this(), on, mine);
  if (auto sent = over_->publish(subject, on->reply(), payload, seal); !sent) {
    mine.answer = std::unexpected(sent.error());
    co_return *std::move(mine.answer);
  }
  mine.done.expires_after(deadline - time_.steady());
  auto woken = co_await mine.done.async_wait(asio::as_tuple(asio::use_awaitable));
  static_cast<void>(woken);
  if (mine.answer) co_return *mine.answer;
  co_return fail(errc::timeout, "no answer on " + subject + " in time");
}

void requests::lost() {
  for (lane* each : under_way_) {
    if (each->waiting == nullptr) continue;
    each->waiting->end(
        fail(errc::timeout, "the connection to NATS was lost before the answer came"));
  }
  idle_.clear();
}

std::shared_ptr<requests::lane> requests::take_lane() {
  if (!idle_.empty()) {
    auto found = std::move(idle_.back());
    idle_.pop_back();
    return found;
  }
  auto made = std::make_shared<lane>();
  made->inbox = inbox_ + "." + std::to_string(++lanes_made_);
  made->subscribed = over_->subscribe(made->inbox + ".*",
                                      [weak = std::weak_ptr<lane>(made)](const message& heard) {
                                        if (const auto at = weak.lock()) hear(*at, heard);
                                      });
  if (!made->subscribed) return {};
  return made;
}

void requests::give_back(const std::shared_ptr<lane>& used, bool answered) {
  used->waiting = nullptr;
  under_way_.back()->place = used->place;
  under_way_[used->place] = under_way_.back();
  under_way_.pop_back();
  if (answered && over_->open() && idle_.size() < most_idle_lanes) {
    idle_.push_back(used);
  } else {
    over_->unsubscribe(used->subscribed);
  }
}

void requests::hear(lane& at, const message& heard) {
  if (at.waiting == nullptr) return;
  if (heard.nobody) {
    at.waiting->end(fail(errc::unavailable, "nobody listens"));
  } else if (heard.subject.substr(at.inbox.size() + 1) == std::to_string(at.turn) &&
             at.waiting->believes(heard)) {
    at.waiting->end(std::string(heard.payload));
  }
}

}  // namespace peerage::nats
