// Runs coroutines to their end from a test that is none.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "async/task.h"

namespace peerage::fakes {

/// What the coroutine returns, once the loop has run it to its end.
template <class T>
T run_on(asio::io_context& loop, task<T> work) {
  std::optional<T> value;
  asio::co_spawn(loop, std::move(work), [&](std::exception_ptr thrown, T made) {
    if (thrown) std::rethrow_exception(thrown);
    value.emplace(std::move(made));
  });
  loop.restart();
  while (!value && loop.run_one() > 0) {}
  return std::move(value.value());
}

inline void run_on(asio::io_context& loop, task<> work) {
  bool ended = false;
  asio::co_spawn(loop, std::move(work), [&](std::exception_ptr thrown) {
    if (thrown) std::rethrow_exception(thrown);
    ended = true;
  });
  loop.restart();
  while (!ended && loop.run_one() > 0) {}
}

}  // namespace peerage::fakes
