#include "async/signal.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace peerage {

signal::signal(const asio::any_io_executor& loop)
    : timer_(loop, asio::steady_timer::time_point::max()) {}

void signal::notify() {
  raised_ = true;
  timer_.cancel();
}

task<> signal::wait() {
  while (!raised_) {
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      throw boost::system::system_error(asio::error::operation_aborted);
    }
  }
  raised_ = false;
}

}  // namespace peerage
