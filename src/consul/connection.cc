#include "consul/connection.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <utility>

#include "http/dial.h"
#include "http/encode.h"

namespace peerage::consul {
namespace {

using boost::system::error_code;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t read_size = 32 * 1024;
constexpr std::size_t most_header = 64 * 1024;
constexpr std::size_t most_body = 256 * 1024 * 1024;  // the names of a million peers

}  // namespace

/// Holds the deadline, and closes the connection unless the call came to its end in order.
struct connection::watch {
  watch(std::shared_ptr<connection> of, steady_duration limit) : of_(std::move(of)) {
    of_->overdue_ = false;
    of_->timer_.expires_after(limit);
    of_->timer_.async_wait([self = of_, mine = ++of_->calls_](const error_code& cancelled) {
      if (cancelled || self->calls_ != mine) return;
      self->overdue_ = true;
      self->close();
    });
  }
  ~watch() {
    ++of_->calls_;
    of_->timer_.cancel();
    if (!keep) of_->close();
  }
  watch(const watch&) = delete;
  watch& operator=(const watch&) = delete;
  bool keep = false;

 private:
  std::shared_ptr<connection> of_;
};

connection::connection(asio::any_io_executor loop, http::base_url to,
                       std::shared_ptr<const consul_access> with)
    : loop_(loop),
      to_(std::move(to)),
      with_(std::move(with)),
      stream_(loop),
      timer_(loop),
      parser_({most_header, most_body}) {}

connection::~connection() = default;

void connection::close() {
  error_code ignored;
  stream_.socket().close(ignored);
}

/// A kept connection on which anything can be read is closed by the other side, or out of step.
bool connection::still_open() {
  if (!stream_.socket().is_open()) return false;
  char byte = 0;
  const auto got = ::recv(stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
  close();
  return false;
}

error connection::lost(bool writing) const {
  const std::string what = overdue_ ? " did not answer in time" : " closed before its answer";
  const std::string where = "Consul at " + to_.authority() + what;
  if (!writing) return {errc::unavailable, where, {}};
  return {errc::outcome_unknown, where + "; the write may be done", {}};
}

task<result<>> connection::connect() {
  close();
  const steady_duration left = timer_.expiry() - std::chrono::steady_clock::now();
  auto dialled = co_await http::dial(loop_, to_.host, to_.port, left);
  if (!dialled || overdue_) {
    const std::string why = overdue_ ? std::string("no answer in time") : dialled.error().message;
    co_return fail(errc::unavailable, "can't reach Consul at " + to_.authority() + ": " + why);
  }
  stream_.socket() = *std::move(dialled);
  co_return co_await shake_hands();
}

task<result<>> connection::shake_hands() {
  stream_.forget_tls();
  auto tls = with_->tls;
  if (!tls) co_return result<>{};
  const auto shaken = co_await stream_.connect_tls(std::move(tls));
  if (shaken) co_return result<>{};
  close();
  const std::string why = overdue_ ? "no answer in time" : shaken.error().message;
  co_return fail(errc::unavailable, "TLS with Consul at " + to_.authority() + ": " + why);
}

task<result<http::response>> connection::exchange(std::string head, std::string body,
                                                  bool writing) {
  heard_ = false;
  parser_.reset(false);
  const std::array<asio::const_buffer, 2> parts{asio::buffer(head), asio::buffer(body)};
  const auto [write_failed, written] = co_await asio::async_write(stream_, parts, as_result);
  std::size_t pending = 0;
  for (;;) {
    if (input_.size() - pending < read_size / 2) input_.resize(pending + read_size);
    const auto room = asio::buffer(input_.data() + pending, input_.size() - pending);
    const auto [problem, size] = co_await stream_.async_read_some(room, as_result);
    heard_ = heard_ || size > 0;
    if (problem) co_return std::unexpected(lost(writing));
    pending += size;
    std::size_t begin = 0;
    for (auto step = http::progress::header; step == http::progress::header;) {
      std::size_t used = 0;
      const auto fed = parser_.feed({input_.data() + begin, pending - begin}, used);
      if (!fed && writing) co_return std::unexpected(lost(writing));
      if (!fed) co_return fail(errc::corrupt, "Consul's answer: " + fed.error().message);
      begin += used;
      step = *fed;
      if (step != http::progress::whole) continue;
      if (begin != pending || write_failed || !parser_.keep_alive()) close();
      co_return parser_.take();
    }
    std::copy(input_.data() + begin, input_.data() + pending, input_.data());
    pending -= begin;
  }
}

task<result<http::response>> connection::ask(http::request wanted, bool writing,
                                             steady_duration limit) {
  watch watching(shared_from_this(), limit);
  auto head = http::encode_request_head(wanted, to_.authority());
  if (!head) co_return std::unexpected(std::move(head.error()));
  if (still_open()) {
    auto answer = co_await exchange(*head, wanted.body, writing);
    watching.keep = answer.has_value();
    if (answer || writing || heard_ || overdue_) co_return answer;
  }
  auto connected = co_await connect();
  if (!connected) co_return std::unexpected(std::move(connected.error()));
  auto answer = co_await exchange(std::move(*head), std::move(wanted.body), writing);
  watching.keep = answer.has_value();
  co_return answer;
}

}  // namespace peerage::consul
