// The words of asynchronous code: a coroutine that yields a T, and a signal to wait for.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace peerage {

namespace asio = boost::asio;

/// Runs when awaited, on the executor of whoever awaits it.
template <class T = void>
using task = asio::awaitable<T>;

}  // namespace peerage
