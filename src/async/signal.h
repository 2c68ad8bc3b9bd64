// A signal between coroutines of one loop: notify() wakes every waiter, and is remembered when
// nobody waits. Owned by whoever waits; both sides live on the same executor.
#pragma once

#include <boost/asio/steady_timer.hpp>

#include "async/task.h"

namespace peerage {

class signal {
 public:
  explicit signal(const asio::any_io_executor& loop);

  void notify();
  /// Forgets a notify() that nobody waited for.
  void clear() { raised_ = false; }

  /// Returns after a notify(), at once where one came since the last wait(). Cancelling ends it
  /// with an exception and forgets nothing.
  task<> wait();

 private:
  asio::steady_timer timer_;  // never fires by itself; its cancellation is the wake-up
  bool raised_ = false;
};

}  // namespace peerage
