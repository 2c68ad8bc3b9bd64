#include "control/watchers.h"

#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <utility>

namespace peerage {
namespace {

using namespace asio::experimental::awaitable_operators;

constexpr std::size_t most_waiting = 1'000;

}  // namespace

task<std::optional<told>> watcher::next(clock& time, steady_time until) {
  while (waiting_.empty()) {
    if (time.steady() >= until) co_return std::nullopt;
    co_await (more_.wait() || time.wait_until(until));
  }
  told one = std::move(waiting_.front());
  waiting_.pop_front();
  co_return one;
}

void watcher::tell(const told& one) {
  if (one.what && !wanted_(*one.what)) return;
  if (waiting_.size() >= most_waiting) {
    // What waits is of no use without what follows.
    waiting_.clear();
    waiting_.push_back({one.id, std::nullopt});
  } else {
    waiting_.push_back(one);
  }
  more_.notify();
}

std::size_t watchers::of_token(const std::string& token) const {
  return static_cast<std::size_t>(std::ranges::count_if(all_, [&](const auto& each) {
    const auto one = each.lock();
    return one && one->token_ == token;
  }));
}

std::size_t watchers::of_network(const std::string& network) const {
  return static_cast<std::size_t>(std::ranges::count_if(all_, [&](const auto& each) {
    const auto one = each.lock();
    return one && one->network_ == network;
  }));
}

std::shared_ptr<watcher> watchers::watch(watcher::filter wanted, std::string token,
                                         std::string network) {
  std::erase_if(all_, [](const auto& each) { return each.expired(); });
  auto made =
      std::make_shared<watcher>(loop_, std::move(wanted), std::move(token), std::move(network));
  all_.push_back(made);
  return made;
}

void watchers::tell(const event& what) {
  tell_all({++last_, what});
}

void watchers::gap() {
  tell_all({++last_, std::nullopt});
}

void watchers::tell_all(const told& one) {
  std::erase_if(all_, [](const auto& each) { return each.expired(); });
  for (const auto& each : all_) {
    if (const auto mine = each.lock()) mine->tell(one);
  }
}

}  // namespace peerage
