#include "local/system_clock.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace peerage {
namespace {

class system_clock final : public clock {
 public:
  explicit system_clock(asio::any_io_executor loop) : loop_(std::move(loop)) {}

  wall_time now() const override {
    return std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now());
  }
  steady_time steady() const override { return std::chrono::steady_clock::now(); }
  task<> wait_until(steady_time until) override {
    if (until <= steady()) co_return;
    asio::steady_timer timer(loop_, until);
    co_await timer.async_wait(asio::use_awaitable);
  }

 private:
  asio::any_io_executor loop_;
};

}  // namespace

std::unique_ptr<clock> make_system_clock(asio::any_io_executor loop) {
  return std::make_unique<system_clock>(std::move(loop));
}

}  // namespace peerage
