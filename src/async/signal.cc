#include "async/signal.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace peerage {

signal::signal(const asio::any_io_executor& loop)
    : timer_(loop, asio::steady_timer::time_point::max()) {}

void signal::notify() {
  if (waiting_ == 0) raised_ = true;
  ++notified_;
  timer_.cancel();
}

task<> signal::wait() {
  if (std::exchange(raised_, false)) co_return;
  struct count {
    explicit count(std::size_t& of) : waiting(of) { ++waiting; }
    ~count() { --waiting; }
    count(const count&) = delete;
    count& operator=(const count&) = delete;
    std::size_t& waiting;
  } const counted(waiting_);
  const std::uint64_t before = notified_;
  while (notified_ == before) {
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() == asio::cancellation_type::none) continue;
    // A notification that only this waiter would have seen is kept for the next one.
    if (notified_ != before) raised_ = true;
    throw boost::system::system_error(asio::error::operation_aborted);
  }
}

}  // namespace peerage
