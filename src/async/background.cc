#include "async/background.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <cassert>
#include <exception>
#include <memory>
#include <utility>

namespace peerage {
namespace {

void rethrow_unless_cancelled(const std::exception_ptr& thrown) {
  if (!thrown) return;
  try {
    std::rethrow_exception(thrown);
  } catch (const asio::multiple_exceptions& several) {
    // Two waits side by side, both cancelled.
    rethrow_unless_cancelled(several.first_exception());
  } catch (const boost::system::system_error& failure) {
    if (failure.code() != asio::error::operation_aborted) throw;
  }
}

}  // namespace

background::background(const asio::any_io_executor& loop) : loop_(loop), ended_(loop) {}

background::~background() {
  assert(running_.empty() && "stop() before the end");
}

void background::spawn(task<> work) {
  if (stopping_) return;
  const auto mine = running_.emplace(running_.end());
  // Also where the loop goes first and takes the work with it, as when a process dies.
  const auto leave = [this, mine](background*) { running_.erase(mine); };
  std::unique_ptr<background, decltype(leave)> listed(this, leave);
  auto ended = [this, listed = std::move(listed)](std::exception_ptr end) mutable {
    listed.reset();
    ended_.notify();
    rethrow_unless_cancelled(end);
  };
  asio::co_spawn(loop_, std::move(work),
                 asio::bind_cancellation_slot(mine->slot(), std::move(ended)));
}

task<> background::stop() {
  stopping_ = true;
  for (auto& each : running_) each.emit(asio::cancellation_type::terminal);
  while (!running_.empty()) co_await ended_.wait();
}

}  // namespace peerage
