#include "local/roster.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <utility>

namespace peerage {
namespace {

class local_roster final : public roster {
 public:
  explicit local_roster(asio::any_io_executor loop) : loop_(std::move(loop)) {}

  task<result<>> enter(party who) override {
    const auto same = [&](const party& each) {
      return each.kind == who.kind && each.name == who.name;
    };
    std::erase_if(known_, same);
    known_.push_back(std::move(who));
    ++changes_;
    for (asio::steady_timer* each : waiting_) each->cancel();
    co_return result<>{};
  }

  task<result<roster_word>> follow(party_kind whom, std::string position,
                                   steady_duration wait) override {
    if (position == std::to_string(changes_)) {
      asio::steady_timer timer(loop_, wait);
      const struct entry {
        std::list<asio::steady_timer*>& in;
        asio::steady_timer* self;
        ~entry() { in.remove(self); }
      } mine{waiting_, &timer};
      waiting_.push_back(&timer);
      const auto [woken] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
      static_cast<void>(woken);
    }
    roster_word made{{}, std::to_string(changes_)};
    std::ranges::copy_if(known_, std::back_inserter(made.parties),
                         [&](const party& each) { return each.kind == whom; });
    co_return made;
  }

 private:
  asio::any_io_executor loop_;
  std::vector<party> known_;
  std::uint64_t changes_ = 0;
  std::list<asio::steady_timer*> waiting_;
};

}  // namespace

std::unique_ptr<roster> make_local_roster(asio::any_io_executor loop) {
  return std::make_unique<local_roster>(std::move(loop));
}

}  // namespace peerage
