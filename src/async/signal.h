// A signal between coroutines of one event loop: notify() wakes every coroutine that is in wait().
// A notification that comes while none is waiting is kept for the next wait(). Owned by the side
// that waits; it outlives every wait(), and everything happens on its executor.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>

#include "async/task.h"

namespace peerage {

class signal {
 public:
  explicit signal(const asio::any_io_executor& loop);

  void notify();
  /// Forgets a notification that was kept.
  void clear() { raised_ = false; }

  /// Returns after the next notify(), or at once where a notification was kept. Cancelling ends it
  /// with an exception; a notification that came before the cancellation is kept.
  task<> wait();

 private:
  asio::steady_timer timer_;  // never fires by itself; its cancellation is the wake-up
  bool raised_ = false;       // a notification came while none was waiting
  std::size_t waiting_ = 0;
  std::uint64_t notified_ = 0;
};

}  // namespace peerage
