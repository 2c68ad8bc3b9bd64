#include "tests/sim/clock.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace peerage::sim {

task<> sim_clock::wait_until(steady_time until) {
  if (until <= truth_.steady) co_return;
  const auto mine = waiting_.emplace(
      waiting_.end(),
      waiter{until, asio::steady_timer(loop_, asio::steady_timer::time_point::max())});
  struct leave {
    std::list<waiter>& list;
    std::list<waiter>::iterator at;
    ~leave() { list.erase(at); }
  } const leaving{waiting_, mine};
  while (mine->until > truth_.steady) {
    co_await mine->wake.async_wait(asio::as_tuple(asio::use_awaitable));
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      throw boost::system::system_error(asio::error::operation_aborted);
    }
  }
}

bool sim_clock::wake() {
  bool any = false;
  for (auto& each : waiting_) {
    if (each.until > truth_.steady) continue;
    each.wake.cancel();
    any = true;
  }
  return any;
}

std::optional<steady_time> sim_clock::next() const {
  std::optional<steady_time> first;
  for (const auto& each : waiting_)
    if (!first || each.until < *first) first = each.until;
  return first;
}

}  // namespace peerage::sim
