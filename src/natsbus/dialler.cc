#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <optional>
#include <utility>

#include "natsbus/connection.h"

namespace peerage::nats {

dialler::dialler(asio::any_io_executor loop) : loop_(loop), ended_(loop) {}

dialler::~dialler() {
  if (thread_.joinable()) thread_.join();
}

void dialler::dial(const nats_options& options, done answer) {
  if (thread_.joinable()) thread_.join();  // it has ended: one at a time
  busy_ = true;
  auto arrived = [this, alive = std::weak_ptr<bool>(alive_),
                  answer = std::move(answer)](result<std::unique_ptr<connection>> made) {
    if (alive.expired()) return;
    busy_ = false;
    ended_.notify();
    answer(std::move(made));
  };
  // The guard: a loop with nothing else to do still waits for the attempt.
  thread_ = std::thread([options, loop = loop_, guard = asio::make_work_guard(loop_),
                         arrived = std::move(arrived)]() mutable {
    auto made = connect(options, loop);
    asio::post(loop, [arrived = std::move(arrived), made = std::move(made)]() mutable {
      arrived(std::move(made));
    });
  });
}

task<> dialler::idle() {
  while (busy_) co_await ended_.wait();
}

}  // namespace peerage::nats
