#include "uapi/connection.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <tuple>
#include <utility>

namespace peerage::uapi {
namespace {

using protocol = asio::local::stream_protocol;
constexpr auto as_values = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t read_size = 64 * 1024;
constexpr std::size_t longest_path = sizeof(sockaddr_un::sun_path) - 1;

pid_t listener_of(protocol::socket& socket) {
  ucred who{};
  socklen_t size = sizeof who;
  if (getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return 0;
  return who.pid;
}

// With errors as values an operation that was cancelled looks like one that failed.
void throw_if_cancelled(asio::cancellation_type cancelled) {
  if (cancelled != asio::cancellation_type::none)
    throw boost::system::system_error(asio::error::operation_aborted);
}

}  // namespace

struct connection::wire {
  explicit wire(const asio::any_io_executor& loop) : socket(loop), deadline(loop) {}

  protocol::socket socket;
  asio::steady_timer deadline;
  std::uint64_t question = 0;  // counts them: a timer that fires late knows that it is late
  bool asking = false;
  bool expired = false;
  std::array<char, read_size> bytes{};
};

// One question's use of the wire: its deadline, and no half-read answer left behind.
class connection::question {
 public:
  question(std::shared_ptr<wire> on, steady_duration limit) : wire_(std::move(on)) {
    wire_->asking = true;
    wire_->expired = false;
    const std::uint64_t mine = ++wire_->question;
    wire_->deadline.expires_after(limit);
    wire_->deadline.async_wait([kept = std::weak_ptr<wire>(wire_), mine](auto failure) {
      const auto still = kept.lock();
      if (failure || !still || !still->asking || still->question != mine) return;
      still->expired = true;
      boost::system::error_code ignored;
      // Closing, for a cancel would miss a write that is between two of its parts.
      still->socket.close(ignored);
    });
  }
  question(const question&) = delete;
  question& operator=(const question&) = delete;
  ~question() {
    wire_->asking = false;
    wire_->deadline.cancel();
    if (keep_) return;
    boost::system::error_code ignored;
    wire_->socket.close(ignored);
  }
  void keep() { keep_ = true; }

 private:
  std::shared_ptr<wire> wire_;
  bool keep_ = false;
};

connection::connection(asio::any_io_executor loop, std::string path)
    : path_(std::move(path)), wire_(std::make_shared<wire>(loop)) {}

connection::~connection() {
  close();
}

bool connection::is_open() const {
  return wire_->socket.is_open();
}

void connection::close() {
  boost::system::error_code ignored;
  wire_->socket.close(ignored);
}

std::unexpected<error> connection::unreachable(int number) const {
  const std::string said =
      where() + " can't be reached: " + std::generic_category().message(number);
  if (number == EACCES || number == EPERM) return fail(errc::denied, said + "; run as root");
  const bool away = number == ENOENT || number == ECONNREFUSED || number == ECONNRESET;
  return fail(away ? errc::unavailable : errc::io, said);
}

connection::attempt connection::cut_off() const {
  return {outcome::broken,
          {errc::unavailable, where() + " closed the connection before its answer", {}}};
}

task<result<pid_t>> connection::open() {
  const auto on = wire_;
  if (path_.size() > longest_path)
    co_return fail(errc::invalid, "the socket path " + path_ + " is longer than 107 bytes");
  if (!on->socket.is_open()) {
    const protocol::endpoint endpoint(path_);
    const auto [failure] = co_await on->socket.async_connect(endpoint, as_values);
    if (failure) {
      close();
      const auto state = co_await asio::this_coro::cancellation_state;
      throw_if_cancelled(state.cancelled());
      co_return unreachable(failure.value());
    }
  }
  const pid_t listener = listener_of(on->socket);
  if (process_ && *process_ != listener) {
    close();
    co_return fail(errc::unavailable, where() + " is another process than before");
  }
  co_return listener;
}

task<result<>> connection::ask(std::string_view request, answer_reader& answer,
                               steady_duration limit) {
  const auto on = wire_;
  if (on->asking) throw std::logic_error("two requests at once on one UAPI connection");
  question mine(on, limit);
  for (bool kept = is_open();; kept = false) {
    if (!kept) {
      const auto listener = co_await open();
      if (!listener && !on->expired) co_return std::unexpected(listener.error());
    }
    attempt made = is_open() ? attempt{} : cut_off();
    if (is_open()) made = co_await ask_once(request, answer, kept);
    const auto state = co_await asio::this_coro::cancellation_state;
    throw_if_cancelled(state.cancelled());
    if (on->expired) co_return fail(errc::timeout, where() + " did not answer in time");
    if (made.how == outcome::broken) co_return std::unexpected(std::move(made.why));
    if (made.how == outcome::answered) break;
    close();
  }
  if (answer.error_number() == 0) mine.keep();
  co_return result<>{};
}

task<connection::attempt> connection::ask_once(std::string_view request, answer_reader& answer,
                                               bool kept) {
  const auto on = wire_;
  // A request that was refused half-way ends the connection, after the answer that says why; so the
  // answer is read whether or not all could be sent.
  std::ignore = co_await asio::async_write(on->socket, asio::buffer(request), as_values);
  while (!answer.whole()) {
    auto [unread, count] = co_await on->socket.async_read_some(asio::buffer(on->bytes), as_values);
    const auto fed = answer.feed({on->bytes.data(), count});
    wipe(on->bytes.data(), count);
    if (!fed) co_return attempt{outcome::broken, fed.error()};
    if (unread) break;
  }
  if (answer.whole()) co_return attempt{outcome::answered, {}};
  if (kept && answer.empty()) co_return attempt{outcome::stale, {}};
  co_return cut_off();
}

task<> connection::closed() {
  const auto on = wire_;
  while (on->socket.is_open()) {
    std::array<char, 64> unexpected{};
    const auto [failure, count] =
        co_await on->socket.async_read_some(asio::buffer(unexpected), as_values);
    const auto state = co_await asio::this_coro::cancellation_state;
    throw_if_cancelled(state.cancelled());
    if (failure) co_return;
  }
}

task<result<pid_t>> answering(asio::any_io_executor loop, std::string path, steady_duration limit) {
  connection asked(loop, path);
  auto listener = co_await asked.open();
  if (!listener) co_return listener;
  answer_reader answer(answer_kind::acknowledgement);
  const auto answered = co_await asked.ask(probe_request, answer, limit);
  if (!answered) co_return std::unexpected(answered.error());
  const auto fine = check_errno(answer.error_number(), "asking who listens at " + path);
  if (!fine) co_return std::unexpected(fine.error());
  co_return listener;
}

}  // namespace peerage::uapi
