#include "cli/api_client.h"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <chrono>
#include <exception>
#include <utility>

#include "async/task.h"
#include "crypto/random.h"
#include "http/client.h"

namespace peerage::cli {
namespace {

constexpr std::size_t most_at_once = 16;

/// How long the server asks to be left alone, and up to half of that more, so that many who were
/// refused together do not come back together. Nothing where the same call again is of no use.
std::optional<steady_duration> wait_before_next(const http::response& said) {
  if (said.status != 503 && said.status != 429) return {};
  const std::string_view text = said.header("Retry-After");
  unsigned after = 0;
  const char* last = text.data() + text.size();
  const auto [end, problem] = std::from_chars(text.data(), last, after);
  if (text.empty() || problem != std::errc{} || end != last || after > 60) return {};
  std::array<std::uint8_t, 2> bytes{};
  fill_random(bytes);
  const unsigned jitter = (bytes[0] * 256U + bytes[1]) % (after * 500U + 100U);
  return milliseconds{after * 1'000U + jitter};
}

}  // namespace

struct api_client::core {
  std::string server;
  secret_text token;
  std::string token_note;
  std::shared_ptr<http::client_tls> tls;  // none for plain HTTP
  asio::io_context loop{1};
  std::vector<http::client> connections;  // as many as were ever needed at once

  // The calls of one call_each() and where it stands.
  std::vector<api_call> wanted;
  std::vector<std::optional<answer<api_answer>>> answers;
  std::size_t next = 0;
  std::optional<failure> unreachable;

  milliseconds patience{};
  task<> work(std::size_t connection);
  task<result<http::response>> ask(std::size_t connection, const api_call& call);
  http::request request_for(const api_call& call) const;
  answer<api_answer> read(const api_call& call, result<http::response> said) const;
};

http::request api_client::core::request_for(const api_call& call) const {
  http::request request;
  request.method = call.method;
  request.path = call.path;
  request.query = call.query;
  request.headers.emplace_back("Accept", "application/json, application/problem+json");
  request.headers.emplace_back("User-Agent", "peerage");
  if (!token.empty()) {
    request.headers.emplace_back("Authorization", "Bearer " + std::string(token.reveal()));
  }
  if (call.body) {
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = json::serialize(*call.body);
  }
  return request;
}

answer<api_answer> api_client::core::read(const api_call& call, result<http::response> said) const {
  if (!said) return std::unexpected(lost_on_the_way(said.error(), call.tried, server));
  if (said->status < 200 || said->status > 299) {
    return std::unexpected(refused_by_server(*said, call.tried, token_note));
  }
  api_answer read{said->status};
  if (said->body.empty()) return read;
  auto body = json::parse(said->body);
  if (!body) {
    const error no_json{errc::corrupt, "the server's answer " + body.error().message, {}};
    return std::unexpected(lost_on_the_way(no_json, call.tried, server));
  }
  read.body = std::move(*body);
  return read;
}

task<result<http::response>> api_client::core::ask(std::size_t connection, const api_call& call) {
  using clock = std::chrono::steady_clock;
  const auto until = clock::now() + patience;
  for (;;) {
    http::request request = request_for(call);
    auto said = co_await connections[connection].send(std::move(request), until - clock::now());
    if (!said) co_return said;
    const auto wait = wait_before_next(*said);
    // A last call that had hardly any time would end without an answer, and hide the one before.
    if (!wait || clock::now() + *wait + patience / 4 >= until) co_return said;
    asio::steady_timer timer(loop, *wait);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

task<> api_client::core::work(std::size_t connection) {
  while (next < wanted.size()) {
    const std::size_t at = next++;
    if (unreachable) {
      answers[at] = std::unexpected(*unreachable);
      continue;
    }
    auto said = co_await ask(connection, wanted[at]);
    answers[at] = read(wanted[at], std::move(said));
    const auto& read_answer = *answers[at];
    if (!read_answer && read_answer.error().status == exit_status::unreachable) {
      unreachable = read_answer.error();
    }
  }
}

api_client::api_client(std::unique_ptr<core> made) : core_(std::move(made)) {}
api_client::~api_client() = default;

answer<std::unique_ptr<api_client>> api_client::open(const settings& from, milliseconds patience) {
  auto made = std::make_unique<core>();
  made->patience = patience;
  made->server = from.server;
  made->token = from.token;
  made->token_note = from.token_note;
  // The settings have parsed this URL already.
  const http::base_url url = http::parse_base_url(from.server).value();
  if (!url.tls && !from.ca_file.empty()) {
    return wrong_usage("a CA file is for a server's URL that begins with https://, and " +
                       from.server + " does not");
  }
  if (url.tls) {
    auto tls =
        http::make_client_tls({.ca_file = from.ca_file, .cert_file = {}, .key_file = {}}, url.host);
    if (!tls) return wrong_usage(tls.error().message);
    made->tls = *std::move(tls);
  }
  return std::unique_ptr<api_client>(new api_client(std::move(made)));
}

answer<api_answer> api_client::call(api_call wanted) {
  std::vector<api_call> one;
  one.push_back(std::move(wanted));
  return std::move(call_each(std::move(one)).front());
}

std::vector<answer<api_answer>> api_client::call_each(std::vector<api_call> wanted) {
  core& state = *core_;
  state.wanted = std::move(wanted);
  state.answers.assign(state.wanted.size(), std::nullopt);
  state.next = 0;
  state.unreachable.reset();
  const std::size_t workers = std::min(state.wanted.size(), most_at_once);
  while (state.connections.size() < workers) {
    auto made = http::client::to(state.loop.get_executor(), state.server, {}, state.tls);
    state.connections.push_back(std::move(made.value()));
  }
  std::exception_ptr bug;
  for (std::size_t i = 0; i < workers; ++i) {
    asio::co_spawn(state.loop, state.work(i), [&bug](std::exception_ptr thrown) {
      if (thrown) bug = thrown;
    });
  }
  state.loop.restart();
  state.loop.run();
  if (bug) std::rethrow_exception(bug);
  std::vector<answer<api_answer>> answers;
  answers.reserve(state.answers.size());
  for (auto& each : state.answers) answers.push_back(std::move(each.value()));
  return answers;
}

}  // namespace peerage::cli
