#include "testing/fake_bus.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <utility>

namespace peerage::fakes {

using namespace asio::experimental::awaitable_operators;

task<result<apply_reply>> fake_bus::apply(gateway_name to, apply_request request,
                                          steady_time deadline) {
  const auto found = serving_.find(to);
  if (!is_connected || found == serving_.end()) {
    co_return fail(errc::unavailable, "nobody hears " + to.text());
  }
  applied.push_back(request);
  if (lose_requests > 0) {
    --lose_requests;
    co_await time_.wait_until(deadline);
    co_return fail(errc::timeout, "no answer");
  }
  if (repeat) {
    apply_request again = request;
    co_await found->second->apply(std::move(again));
  }
  auto answer = found->second->apply(std::move(request));
  auto first = co_await (std::move(answer) || time_.wait_until(deadline));
  if (first.index() == 1) co_return fail(errc::timeout, "no answer");
  if (lose_answers > 0) {
    --lose_answers;
    co_await time_.wait_until(deadline);
    co_return fail(errc::timeout, "no answer");
  }
  co_return std::get<0>(std::move(first));
}

task<result<status_reply>> fake_bus::status(gateway_name to, status_request request,
                                            steady_time deadline) {
  const auto found = serving_.find(to);
  if (!is_connected || found == serving_.end()) {
    co_return fail(errc::unavailable, "nobody hears " + to.text());
  }
  auto answer = found->second->status(std::move(request));
  auto first = co_await (std::move(answer) || time_.wait_until(deadline));
  if (first.index() == 1) co_return fail(errc::timeout, "no answer");
  co_return std::get<0>(std::move(first));
}

task<result<accept_removals_reply>> fake_bus::accept_removals(gateway_name to,
                                                              steady_time deadline) {
  const auto found = serving_.find(to);
  if (!is_connected || found == serving_.end()) {
    co_return fail(errc::unavailable, "nobody hears " + to.text());
  }
  auto answer = found->second->accept_removals({});
  auto first = co_await (std::move(answer) || time_.wait_until(deadline));
  if (first.index() == 1) co_return fail(errc::timeout, "no answer");
  co_return std::get<0>(first);
}

result<> fake_bus::serve(gateway_name name, gateway_service& service) {
  if (!serving_.emplace(std::move(name), &service).second) {
    return fail(errc::conflict, "served already");
  }
  return {};
}

void fake_bus::publish(const heartbeat& beat) {
  if (!is_connected) return;
  for (const auto& hear : listeners_) hear(beat);
}

void fake_bus::publish(const event& what) {
  if (!is_connected) return;
  for (const auto& hear : watchers_) hear(what);
}

}  // namespace peerage::fakes
