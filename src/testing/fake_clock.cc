#include "testing/fake_clock.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace peerage::fakes {

fake_clock::fake_clock(asio::any_io_executor loop) : loop_(std::move(loop)) {}

task<> fake_clock::wait_until(steady_time until) {
  if (until <= steady_) co_return;
  const auto mine = waiting_.emplace(
      waiting_.end(),
      waiter{until, asio::steady_timer(loop_, asio::steady_timer::time_point::max())});
  struct leave {
    std::list<waiter>& list;
    std::list<waiter>::iterator at;
    ~leave() { list.erase(at); }
  } const leaving{waiting_, mine};
  while (mine->until > steady_) {
    co_await mine->wake.async_wait(asio::as_tuple(asio::use_awaitable));
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      throw boost::system::system_error(asio::error::operation_aborted);
    }
  }
}

void fake_clock::advance(milliseconds by) {
  now_ += by;
  steady_ += by;
  for (auto& each : waiting_)
    if (each.until <= steady_) each.wake.cancel();
}

}  // namespace peerage::fakes
