#include "http/client.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <exception>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "http/dial.h"
#include "http/encode.h"
#include "http/parse.h"
#include "http/stream.h"
#include "http/unix_socket.h"

namespace peerage::http {
namespace {

using boost::system::error_code;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t read_size = 16 * 1024;

bool is_host(std::string_view text) {
  return !text.empty() && text.size() <= 255 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':';
  });
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), port);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() || port == 0) {
    return std::nullopt;
  }
  return port;
}

bool changes_nothing(std::string_view method) {
  return method == "GET" || method == "HEAD";
}

bool may_be_repeated(std::string_view method) {
  return changes_nothing(method) || method == "PUT" || method == "DELETE";
}

std::unexpected<error> not_a_url() {
  // The text is not repeated: a user's password may be in it.
  return fail(errc::invalid, "the server's URL must be like \"https://HOST:PORT\"", "server");
}

}  // namespace

std::string base_url::text() const {
  if (!path.empty()) return std::string(unix_prefix) + path;
  return (tls ? "https://" : "http://") + authority();
}

std::string base_url::authority() const {
  if (!path.empty()) return "localhost";
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

result<base_url> parse_base_url(std::string_view text) {
  if (text.starts_with(unix_prefix)) {
    base_url socket;
    socket.path = text.substr(unix_prefix.size());
    return socket.path.starts_with('/') ? result<base_url>(std::move(socket)) : not_a_url();
  }
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return not_a_url();
  const auto scheme = text.substr(0, scheme_end);
  const bool tls = same_word(scheme, "https");
  if (!tls && !same_word(scheme, "http")) return not_a_url();
  text.remove_prefix(scheme_end + 3);
  if (text.ends_with('/')) text.remove_suffix(1);
  const bool bracketed = text.starts_with('[');
  const auto host_end = bracketed ? text.find(']') : text.find(':');
  if (bracketed && host_end == std::string_view::npos) return not_a_url();

  base_url url;
  url.tls = tls;
  if (tls) url.port = 443;
  url.host = bracketed ? text.substr(1, host_end - 1) : text.substr(0, host_end);
  const auto rest =
      host_end == std::string_view::npos ? "" : text.substr(host_end + (bracketed ? 1 : 0));
  if (!is_host(url.host)) return not_a_url();
  error_code problem;
  const auto address = asio::ip::make_address(url.host, problem);
  if (bracketed != (!problem && address.is_v6())) return not_a_url();
  if (rest.empty()) return url;
  const auto port = parse_port(rest.substr(1));
  if (!rest.starts_with(':') || !port) return not_a_url();
  url.port = *port;
  return url;
}

struct client::state : std::enable_shared_from_this<client::state> {
  state(const asio::any_io_executor& executor, base_url to, client_limits bounds,
        std::shared_ptr<client_tls> with)
      : loop(executor),
        url(std::move(to)),
        tls(std::move(with)),
        name(url.text()),
        bytes(loop),
        timer(loop),
        parser({bounds.header_bytes, bounds.body_bytes}) {}

  void begin(steady_duration time);
  void end(bool keep);
  void close();
  bool still_open();
  error failure(const error_code& problem, bool sent) const;

  task<result<>> connect();
  result<> connect_by_path();
  task<result<>> shake_hands();
  task<result<response>> exchange();
  task<result<response>> send();

  asio::any_io_executor loop;
  base_url url;
  std::shared_ptr<client_tls> tls;  // none for plain HTTP
  std::string name;
  stream bytes;
  asio::steady_timer timer;
  response_parser parser;
  request wanted;           // the one under way
  std::string head;         // its first line and headers
  std::vector<char> input;  // bytes of the answer that are not used yet
  bool busy = false;
  bool overdue = false;
  bool heard = false;       // a byte of the answer has come
  std::uint64_t calls = 0;  // counts them: a timer that fires late knows that it is not meant
};

void client::state::begin(steady_duration time) {
  if (busy) throw std::logic_error("an HTTP client sends one request at a time");
  busy = true;
  overdue = false;
  timer.expires_after(time);
  timer.async_wait([self = shared_from_this(), mine = ++calls](const error_code& cancelled) {
    if (cancelled || self->calls != mine || !self->busy) return;
    self->overdue = true;
    self->close();
  });
}

void client::state::end(bool keep) {
  busy = false;
  wanted = {};
  timer.cancel();
  if (!keep) close();
}

void client::state::close() {
  error_code ignored;
  bytes.socket().close(ignored);
}

/// A kept connection on which anything can be read is closed by the other side, or out of step.
bool client::state::still_open() {
  if (!bytes.socket().is_open()) return false;
  char byte = 0;
  const auto got = ::recv(bytes.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
  close();
  return false;
}

error client::state::failure(const error_code& problem, bool sent) const {
  if (!sent) {
    return {errc::unavailable,
            "can't reach " + name + ": " + (overdue ? "no answer in time" : problem.message()),
            {}};
  }
  if (overdue) return {errc::timeout, name + " did not answer in time", {}};
  if (changes_nothing(wanted.method)) {
    return {errc::unavailable, name + " closed the connection before its answer was whole", {}};
  }
  return {errc::outcome_unknown,
          name + " closed the connection before its answer was whole; the request may be done",
          {}};
}

/// At once: where nobody takes it, it is refused.
result<> client::state::connect_by_path() {
  const auto connected = connect_to_unix(url.path);
  if (!connected) {
    return fail(errc::unavailable, "can't reach " + name + ": " + std::strerror(connected.error()));
  }
  // A stream socket like any other, once it is connected.
  bytes.socket().assign(asio::ip::tcp::v4(), *connected);
  return {};
}

task<result<>> client::state::connect() {
  close();
  if (!url.path.empty()) co_return connect_by_path();
  const steady_duration left = timer.expiry() - std::chrono::steady_clock::now();
  auto dialled = co_await dial(loop, url.host, url.port, left);
  if (overdue) co_return std::unexpected(failure({}, false));
  if (!dialled) {
    co_return fail(errc::unavailable, "can't reach " + name + ": " + dialled.error().message);
  }
  bytes.socket() = *std::move(dialled);
  co_return co_await shake_hands();
}

task<result<>> client::state::shake_hands() {
  bytes.forget_tls();
  if (!tls) co_return result<>{};
  const auto shaken = co_await bytes.connect_tls(tls);
  if (shaken) co_return result<>{};
  close();
  if (overdue) co_return fail(errc::unavailable, "can't reach " + name + ": no answer in time");
  const auto& [code, why, field] = shaken.error();
  co_return fail(code, "can't reach " + name + ": TLS: " + why, field);
}

task<result<response>> client::state::exchange() {
  heard = false;
  input.clear();
  parser.reset(wanted.method == "HEAD");
  const std::array<asio::const_buffer, 2> parts{asio::buffer(head), asio::buffer(wanted.body)};
  // A server may refuse a long request and close before it has read all of it: its answer counts.
  const auto [write_failed, written] = co_await asio::async_write(bytes, parts, as_result);
  std::size_t pending = 0;
  for (;;) {
    if (input.size() - pending < read_size / 2) input.resize(pending + read_size);
    const auto room = asio::buffer(input.data() + pending, input.size() - pending);
    const auto [problem, size] = co_await bytes.async_read_some(room, as_result);
    heard = heard || size > 0;
    // Over TLS an end is only one that the server has signed.
    const bool cut = problem == asio::ssl::error::stream_truncated;
    if (problem && !overdue && !cut && parser.feed_end()) co_return parser.take();
    if (problem) co_return std::unexpected(failure(problem, true));
    pending += size;

    std::size_t begin = 0;
    for (auto step = progress::header; step == progress::header;) {
      std::size_t used = 0;
      const auto fed = parser.feed({input.data() + begin, pending - begin}, used);
      if (!fed) co_return fail(fed.error().code, name + ": " + fed.error().message);
      begin += used;
      step = *fed;
      if (step != progress::whole) continue;
      if (begin != pending || write_failed || !parser.keep_alive()) close();
      co_return parser.take();
    }
    std::copy(input.data() + begin, input.data() + pending, input.data());
    pending -= begin;
  }
}

task<result<response>> client::state::send() {
  auto encoded = encode_request_head(wanted, url.authority());
  if (!encoded) co_return std::unexpected(std::move(encoded.error()));
  head = std::move(*encoded);
  if (still_open()) {
    auto answer = co_await exchange();
    const bool lost = !answer && answer.error().code != errc::corrupt && !heard && !overdue;
    if (!lost || !may_be_repeated(wanted.method)) co_return answer;
  }
  auto connected = co_await connect();
  if (!connected) co_return std::unexpected(std::move(connected.error()));
  co_return co_await exchange();
}

result<client> client::to(asio::any_io_executor loop, std::string_view url, client_limits bounds,
                          std::shared_ptr<client_tls> tls) {
  auto parsed = parse_base_url(url);
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  if (!parsed->tls) {
    tls.reset();
  } else if (!tls) {
    auto made = make_client_tls({}, parsed->host);
    if (!made) return std::unexpected(std::move(made.error()));
    tls = std::move(*made);
  }
  return client(std::make_shared<state>(loop, std::move(*parsed), bounds, std::move(tls)));
}

client::client(std::shared_ptr<state> made) : state_(std::move(made)) {}
client::~client() {
  if (state_) state_->close();
}
client::client(client&&) noexcept = default;
client& client::operator=(client&&) noexcept = default;

task<result<response>> client::send(request wanted, steady_duration deadline) {
  // Until the end is reached in order, whatever happens closes the connection: cancelling too.
  struct watch {
    std::shared_ptr<state> of;
    bool keep = false;
    ~watch() { of->end(keep); }
  };
  state_->begin(deadline);
  watch watching{state_};
  watching.of->wanted = std::move(wanted);
  auto answer = co_await watching.of->send();
  watching.keep = answer.has_value();
  co_return answer;
}

result<response> send_blocking(std::string_view url, request wanted, steady_duration deadline,
                               client_limits bounds) {
  asio::io_context loop(1);
  auto made = client::to(loop.get_executor(), url, bounds);
  if (!made) return std::unexpected(std::move(made.error()));
  std::optional<result<response>> answer;
  std::exception_ptr thrown;
  asio::co_spawn(loop, made->send(std::move(wanted), deadline),
                 [&](const std::exception_ptr& problem, result<response> got) {
                   thrown = problem;
                   answer = std::move(got);
                 });
  while (!answer && loop.run_one() > 0) {}
  if (thrown) std::rethrow_exception(thrown);
  return std::move(*answer);
}

}  // namespace peerage::http
