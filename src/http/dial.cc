#include "http/dial.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace peerage::http {
namespace {

using asio::ip::tcp;
using boost::system::error_code;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr milliseconds next_after{250};
// Of threads that wait for a resolver which does not answer.
constexpr int most_lookups = 16;
constexpr std::size_t most_addresses = 16;
std::atomic<int> lookups_under_way = 0;

/// What a lookup's thread and who waits for it share. The thread may outlive the waiter, and the
/// event loop with it, so nothing of the loop is kept in here.
struct lookup {
  std::mutex guard;                      // of what follows
  asio::steady_timer* waiter = nullptr;  // while somebody waits, and so its loop is there
  std::optional<result<endpoints>> found;
};

struct leave {
  std::shared_ptr<lookup> of;
  ~leave() {
    const std::lock_guard held(of->guard);
    of->waiter = nullptr;
  }
};

void look_up(const std::shared_ptr<lookup>& mine, const std::string& host, std::uint16_t port,
             const resolver& by) {
  auto found = by(host, port);
  --lookups_under_way;
  const std::lock_guard held(mine->guard);
  mine->found = std::move(found);
  if (mine->waiter == nullptr) return;
  asio::post(mine->waiter->get_executor(), [mine] {
    const std::lock_guard on_the_loop(mine->guard);
    if (mine->waiter != nullptr) mine->waiter->cancel();
  });
}

task<result<endpoints>> find(asio::any_io_executor loop, std::string host, std::uint16_t port,
                             steady_duration limit, resolver by) {
  error_code problem;
  const auto address = asio::ip::make_address(host, problem);
  if (!problem) co_return endpoints{tcp::endpoint(address, port)};
  if (lookups_under_way >= most_lookups) {
    co_return fail(errc::unavailable, "its name was not found: the resolver does not answer");
  }
  asio::steady_timer answered(loop, limit);
  const auto mine = std::make_shared<lookup>();
  mine->waiter = &answered;
  const leave leaving{mine};
  ++lookups_under_way;
  try {
    std::thread(look_up, mine, host, port, std::move(by)).detach();
  } catch (const std::system_error& failed) {
    --lookups_under_way;
    co_return fail(errc::unavailable, std::string("its name was not found: ") + failed.what());
  }
  co_await answered.async_wait(as_result);
  const std::lock_guard held(mine->guard);
  if (!mine->found) co_return fail(errc::unavailable, "its name was not found in time");
  co_return std::move(*mine->found);
}

/// IPv6 and IPv4 in turn, in their order otherwise; the first one's family begins.
std::deque<tcp::endpoint> interleaved(const endpoints& all) {
  std::deque<tcp::endpoint> first, second, made;
  for (const auto& each : all) {
    const bool same = each.protocol() == all.front().protocol();
    (same ? first : second).push_back(each);
  }
  while (!first.empty() && made.size() < most_addresses) {
    made.push_back(first.front());
    first.pop_front();
    if (!second.empty()) std::swap(first, second);
    if (first.empty()) std::swap(first, second);
  }
  return made;
}

/// The attempts under way; each holds it.
struct race {
  explicit race(const asio::any_io_executor& loop) : changed(loop) {}
  asio::steady_timer changed;
  std::deque<tcp::endpoint> left;
  std::vector<std::shared_ptr<tcp::socket>> running;
  std::optional<tcp::socket> won;
  error_code last_problem;
};

void try_next(const std::shared_ptr<race>& of) {
  const auto socket = std::make_shared<tcp::socket>(of->changed.get_executor());
  of->running.push_back(socket);
  const tcp::endpoint to = of->left.front();
  of->left.pop_front();
  socket->async_connect(to, [of, socket](const error_code& failed) {
    std::erase(of->running, socket);
    if (failed) of->last_problem = failed;
    if (!failed && !of->won) of->won = std::move(*socket);
    of->changed.cancel();
  });
}

}  // namespace

result<endpoints> resolve_by_system(const std::string& host, std::uint16_t port) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_NUMERICSERV;
  addrinfo* all = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &all);
  if (failed != 0) {
    return fail(errc::unavailable,
                std::string("its name was not found: ") + ::gai_strerror(failed));
  }
  endpoints made;
  for (const addrinfo* each = all; each != nullptr; each = each->ai_next) {
    tcp::endpoint one;
    if (each->ai_addrlen > one.capacity()) continue;
    std::memcpy(one.data(), each->ai_addr, each->ai_addrlen);
    one.resize(each->ai_addrlen);
    made.push_back(one);
  }
  ::freeaddrinfo(all);
  return made;
}

task<result<tcp::socket>> dial(asio::any_io_executor loop, std::string host, std::uint16_t port,
                               steady_duration limit, resolver by) {
  const auto until = std::chrono::steady_clock::now() + limit;
  auto found = co_await find(loop, std::move(host), port, limit, std::move(by));
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (found->empty()) co_return fail(errc::unavailable, "its name has no address");
  const auto all = std::make_shared<race>(loop);
  struct ends {
    race& of;
    ~ends() {
      error_code ignored;
      for (const auto& each : of.running) each->close(ignored);
    }
  } const at_the_end{*all};
  all->left = interleaved(*found);
  for (;;) {
    if (all->won) {
      error_code ignored;
      all->won->set_option(tcp::no_delay(true), ignored);
      co_return std::move(*all->won);
    }
    const auto now = std::chrono::steady_clock::now();
    if (now >= until) co_return fail(errc::unavailable, "no answer in time");
    if (all->left.empty() && all->running.empty()) {
      co_return fail(errc::unavailable, all->last_problem.message());
    }
    if (!all->left.empty()) try_next(all);
    all->changed.expires_at(all->left.empty() ? until : std::min(until, now + next_after));
    co_await all->changed.async_wait(as_result);
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      throw boost::system::system_error(asio::error::operation_aborted);
    }
  }
}

}  // namespace peerage::http
