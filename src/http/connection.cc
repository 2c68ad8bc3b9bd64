#include "http/connection.h"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "http/encode.h"
#include "http/proxy_protocol.h"

namespace peerage::http {
namespace {

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t first_buffer = 4096;
constexpr std::size_t least_room = 1024;
constexpr std::size_t drain_buffer = 64 * 1024;
constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

/// One of the requests in flight, or of the streams, while it lives; for its host too.
class flight {
 public:
  flight(std::shared_ptr<server_core> core, std::size_t& count, std::shared_ptr<host> from)
      : core_(std::move(core)), count_(count), from_(std::move(from)) {
    ++count_;
    ++from_->in_flight;
  }
  ~flight() {
    --count_;
    --from_->in_flight;
    core_->let_go(*from_);
  }
  flight(const flight&) = delete;
  flight& operator=(const flight&) = delete;

 private:
  std::shared_ptr<server_core> core_;
  std::size_t& count_;
  std::shared_ptr<host> from_;
};

/// A host that a request is of, which stays known until that is answered: behind a proxy it has no
/// connection of its own.
class mention {
 public:
  mention(std::shared_ptr<server_core> core, std::shared_ptr<host> of)
      : core_(std::move(core)), of_(std::move(of)) {
    ++of_->named;
  }
  ~mention() {
    --of_->named;
    core_->let_go(*of_);
  }
  mention(const mention&) = delete;
  mention& operator=(const mention&) = delete;

 private:
  std::shared_ptr<server_core> core_;
  std::shared_ptr<host> of_;
};

/// One of the connections that may take their time to drain, while it lives; none where `count` is
/// null.
class drain {
 public:
  explicit drain(std::size_t* count) : count_(count) {
    if (count_ != nullptr) ++*count_;
  }
  ~drain() {
    if (count_ != nullptr) --*count_;
  }
  drain(const drain&) = delete;
  drain& operator=(const drain&) = delete;

 private:
  std::size_t* count_;
};

bool may_have_body(int status) {
  return status != 204 && status != 304;
}

}  // namespace

connection::connection(std::shared_ptr<server_core> core, asio::ip::tcp::socket socket,
                       asio::ip::address peer, int surplus)
    : core_(std::move(core)),
      stream_(std::move(socket)),
      peer_(std::move(peer)),
      parser_({core_->bounds.header_bytes, core_->bounds.body_bytes}),
      host_(core_->host_of(peer_)),
      surplus_(surplus) {
  ++host_->open;
  enter(core_->waiting);
  allow(core_->bounds.header_time);
}

connection::~connection() {
  list_->erase(place_);
  leave_host();
  core_->left();
}

void connection::leave_host() {
  if (!std::exchange(counted_, false)) return;
  --host_->open;
  core_->let_go(*host_);
}

void connection::enter(std::list<connection*>& list) {
  if (dropped_) return;
  if (list_ == nullptr) {
    place_ = list.insert(list.end(), this);
  } else {
    list.splice(list.end(), *list_, place_);
  }
  list_ = &list;
}

void connection::allow(steady_duration time) {
  deadline_ = std::chrono::steady_clock::now() + time;
  overdue_ = false;
}

void connection::check_deadline(steady_time now) {
  if (now < deadline_) return;
  // Told again at every sweep until the coroutine sets another deadline: it may be between two
  // reads just now.
  overdue_ = true;
  boost::system::error_code ignored;
  socket().cancel(ignored);
}

void connection::drop() {
  enter(core_->dropped);
  dropped_ = true;
  leave_host();
  boost::system::error_code ignored;
  socket().close(ignored);
}

bool connection::silent() {
  boost::system::error_code problem;
  return socket().available(problem) == 0 || problem;
}

asio::mutable_buffer connection::room() {
  if (begin_ == end_) begin_ = end_ = 0;
  if (input_.size() - end_ < least_room) {
    std::copy(input_.data() + begin_, input_.data() + end_, input_.data());
    end_ -= std::exchange(begin_, 0);
    // The parser refuses what is longer than a header and can't be used: this stays small.
    if (input_.size() - end_ < least_room) input_.resize(std::max(first_buffer, 2 * input_.size()));
  }
  return asio::buffer(input_.data() + end_, input_.size() - end_);
}

task<> connection::run() {
  boost::system::error_code problem;
  socket().set_option(asio::ip::tcp::no_delay(true), problem);

  auto then = after::next;
  const bool announced = core_->bounds.proxy_protocol && core_->is_trusted_proxy(peer_);
  if (announced && !co_await read_proxy()) {
    then = after::gone;  // whatever that is, no answer would be understood
  } else if (core_->tls && (surplus_ != 0 || !co_await stream_.accept_tls(core_->tls))) {
    then = after::gone;  // a handshake would cost more than the refusal is worth
  } else if (surplus_ != 0) {
    then = co_await refuse_surplus() ? after::close : after::gone;
  }
  while (then == after::next && !dropped_) then = co_await serve_one();
  if (then != after::gone && !dropped_) co_await linger();
  // What a client did not read in time is not kept in the system's memory for it.
  const bool unread = then == after::gone && overdue_;
  if (unread) socket().set_option(asio::socket_base::linger(true, 0), problem);
  socket().close(problem);
}

/// Within the time of a first header. From then on the connection is the client's.
task<bool> connection::read_proxy() {
  std::string header;
  for (;;) {
    const auto step = read_proxy_header(header);
    if (!step) co_return false;
    if (step->missing == 0) {
      if (!step->client) co_return true;
      leave_host();
      peer_ = *step->client;
      if (surplus_ == 0) surplus_ = core_->make_room_of(peer_);
      host_ = core_->host_of(peer_);
      ++host_->open;
      counted_ = true;
      co_return !dropped_;
    }
    const std::size_t begin = header.size();
    header.resize(begin + step->missing);
    const auto [problem, size] = co_await socket().async_read_some(
        asio::buffer(header.data() + begin, step->missing), as_result);
    if (problem || overdue_ || dropped_) co_return false;
    header.resize(begin + size);
  }
}

task<bool> connection::refuse_surplus() {
  response answer = core_->refuse(
      surplus_, surplus_ == 429 ? "every connection that this server allows a host is in use"
                                : "every connection that this server allows is in use");
  co_return co_await write(std::move(answer), 11, false, true);
}

task<connection::after> connection::serve_one() {
  if (!first_) parser_.reset();
  const arrival came = co_await read_request();
  first_ = false;
  if (came == arrival::gone) co_return after::gone;
  if (came == arrival::whole) co_return co_await answer_request();
  response answer = core_->refuse(refused_.status, std::move(refused_.detail));
  const bool written = co_await write(std::move(answer), 11, false, true);
  co_return written ? after::close : after::gone;
}

task<connection::arrival> connection::read_request() {
  const auto& bounds = core_->bounds;
  bool begun = first_;
  enter(core_->waiting);
  if (!first_) allow(bounds.idle_time);
  bool any_byte = begin_ != end_;
  for (;;) {
    any_byte = any_byte || begin_ != end_;
    if (any_byte && !begun) {
      // Its wait counts from here: a request on its way is not the first to make room.
      begun = true;
      allow(bounds.header_time);
      enter(core_->waiting);
    }
    if (any_byte) {
      std::size_t used = 0;
      auto step = parser_.feed(unread(), used);
      begin_ += used;
      if (!step) {
        refused_ = std::move(step.error());
        co_return arrival::refused;
      }
      if (*step == progress::whole) co_return arrival::whole;
      if (*step == progress::header) {
        allow(bounds.body_time);
        if (!parser_.wants_continue() || begin_ != end_) continue;
        co_await asio::async_write(stream_, asio::buffer(continue_line), as_result);
      }
    }
    const auto [problem, size] = co_await stream_.async_read_some(room(), as_result);
    end_ += size;
    if (dropped_) co_return arrival::gone;
    if (problem && !(overdue_ && any_byte)) co_return arrival::gone;
    if (problem) {
      refused_ = {408, "the request took too long to arrive"};
      co_return arrival::refused;
    }
  }
}

task<connection::after> connection::answer_request() {
  enter(core_->working);
  deadline_ = steady_time::max();  // the handler keeps its own
  const int version = parser_.version();
  const bool kept = parser_.keep_alive();
  request incoming = parser_.take();
  const auto client = find_client(incoming);
  const mention known(core_, client);
  const bool head = incoming.method == "HEAD";
  if (head) incoming.method = "GET";
  response answer = co_await handle(std::move(incoming), client);
  if (answer.stream) {
    const bool sent = co_await write_stream(std::move(answer), client, !head);
    co_return sent ? after::close : after::gone;
  }
  const bool keep = kept && !core_->stopping;
  const bool too_often = answer.status == 429;
  const bool written = co_await write(std::move(answer), version, keep, !head);
  if (!written) co_return after::gone;
  if (keep && too_often) co_await pause();
  co_return keep ? after::next : after::close;
}

/// Whose request it is: its address goes into the request, and its limits count.
std::shared_ptr<host> connection::find_client(request& incoming) {
  auto client = peer_;
  std::shared_ptr<host> counts = host_;
  if (core_->is_trusted_proxy(peer_)) {
    const auto named = forwarded_client(incoming.headers, core_->bounds.trusted_proxies);
    if (named) client = *named;
    if (named) counts = core_->host_of(client);
  }
  const bool nameless = client.is_unspecified() && !core_->unix_path.empty();
  incoming.remote = nameless ? "unix" : client.to_string();
  return counts;
}

/// It counts as one that waits, and makes room where that is wanted.
task<> connection::pause() {
  enter(core_->waiting);
  deadline_ = steady_time::max();
  // Half of it to one and a half: those that were refused together shall not come back together.
  std::uniform_real_distribution<> between{0.5, 1.5};
  const auto full = std::chrono::duration<double>(core_->bounds.pause_after_429);
  const auto mine = full * between(core_->dice);
  asio::steady_timer over(core_->loop, std::chrono::duration_cast<steady_duration>(mine));
  co_await over.async_wait(as_result);
}

task<response> connection::handle(request incoming, std::shared_ptr<host> client) {
  if (core_->in_flight >= core_->bounds.in_flight) {
    co_return core_->refuse(503, "the server is at work on as many requests as it allows");
  }
  if (client->in_flight >= core_->bounds.in_flight_per_host) {
    co_return core_->refuse(429, "the server is at work on as many requests as it allows a host");
  }
  const flight counted(core_, core_->in_flight, client);
  try {
    co_return co_await core_->handle(std::move(incoming));
  } catch (...) {
    // A bug, or stop() has cancelled it. The handler's room logs what it wants to be known.
  }
  co_return core_->refuse(500, "the server failed at this request");
}

/// The connection's other side ends it, or the source does, or the server.
task<bool> connection::write_stream(response answer, std::shared_ptr<host> client, bool with_body) {
  using namespace asio::experimental::awaitable_operators;
  if (core_->streams >= core_->bounds.streams) {
    response full = core_->refuse(503, "as many streams are open as the server allows");
    co_return co_await write(std::move(full), 11, false, with_body);
  }
  const flight counted(core_, core_->streams, client);
  const auto source = answer.stream;
  output_.clear();
  if (!put_head(answer, 11, false)) co_return false;
  allow(core_->bounds.write_time);
  const auto [problem, size] =
      co_await asio::async_write(stream_, asio::buffer(output_), as_result);
  if (problem || dropped_) co_return false;
  deadline_ = steady_time::max();
  if (!with_body) co_return true;
  if (core_->stopping) co_return true;
  streaming_ = true;
  co_await (pump(source) || until_gone());
  streaming_ = false;
  co_return !dropped_;
}

task<> connection::pump(std::shared_ptr<body_source> from) {
  for (;;) {
    std::string piece;
    try {
      piece = co_await from->next();
    } catch (const std::exception&) {
      co_return;  // cancelled, or a bug: either way it is over
    }
    if (piece.empty()) co_return;
    allow(core_->bounds.write_time);
    const auto [problem, size] =
        co_await asio::async_write(stream_, asio::buffer(piece), as_result);
    if (problem) co_return;
    deadline_ = steady_time::max();
  }
}

/// What the other side still sends is dropped; it was to read.
task<> connection::until_gone() {
  std::array<char, 1024> ignored;
  for (;;) {
    const auto [problem, size] = co_await stream_.async_read_some(asio::buffer(ignored), as_result);
    if (problem) co_return;
  }
}

bool connection::put_head(response& answer, int version, bool keep_alive) {
  answer.set_header("Date", http_date(std::chrono::system_clock::now()));
  return append_answer_head(output_, answer, version, keep_alive);
}

task<bool> connection::write(response answer, int version, bool keep_alive, bool with_body) {
  output_.clear();
  if (!put_head(answer, version, keep_alive)) {
    output_.clear();
    answer = core_->refuse(500, "the server made an answer that can't be sent");
    if (!put_head(answer, version, keep_alive)) co_return false;
  }
  allow(core_->bounds.write_time);
  const bool body = with_body && may_have_body(answer.status);
  const std::array<asio::const_buffer, 2> parts{
      asio::buffer(output_), body ? asio::buffer(answer.body) : asio::const_buffer{}};
  const auto [problem, size] = co_await asio::async_write(stream_, parts, as_result);
  co_return !problem && !dropped_;
}

task<> connection::linger() {
  // Closing while bytes are unread, or yet to come, sends a reset, which may overtake the answer.
  lingering_ = true;
  enter(core_->waiting);
  const auto& bounds = core_->bounds;
  const bool patient = !core_->stopping && core_->draining < bounds.drains;
  const drain counted(patient ? &core_->draining : nullptr);
  const auto ends = std::chrono::steady_clock::now() +
                    (patient ? bounds.drain_time : std::min(bounds.drain_time, bounds.drain_pause));
  allow(bounds.drain_pause);
  co_await stream_.end_tls();
  boost::system::error_code ignored;
  socket().shutdown(asio::socket_base::shutdown_send, ignored);
  if (input_.size() < drain_buffer) input_.resize(drain_buffer);
  std::size_t drained = 0;
  while (!dropped_ && !overdue_ && drained < bounds.drain_bytes) {
    begin_ = end_ = 0;
    allow(bounds.drain_pause);
    deadline_ = std::min(deadline_, ends);
    const auto [problem, size] = co_await socket().async_read_some(room(), as_result);
    if (problem) co_return;
    drained += size;
  }
}

}  // namespace peerage::http
