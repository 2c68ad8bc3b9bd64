// Work that goes on beside its owner: every coroutine started here is ended and waited for by
// stop(). An owner has one as its last member, and calls stop() before it goes.
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <list>

#include "async/signal.h"
#include "async/task.h"

namespace peerage {

class background {
 public:
  explicit background(const asio::any_io_executor& loop);
  ~background();

  /// Starts `work` now. What it throws, its own cancellation apart, ends the program: work that
  /// can fail handles its failures.
  void spawn(task<> work);

  /// Cancels everything and returns when all of it has ended. Nothing is started afterwards.
  task<> stop();

  bool stopping() const { return stopping_; }

 private:
  asio::any_io_executor loop_;
  std::list<asio::cancellation_signal> running_;
  signal ended_;
  bool stopping_ = false;
};

}  // namespace peerage
