#include "http/server.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "http/connection.h"
#include "http/unix_socket.h"

namespace peerage::http {
namespace {

using asio::ip::tcp;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);
constexpr const char* retry_after_s = "1";

std::optional<tcp::endpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  const auto port_text = text.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  std::uint16_t port = 0;
  const auto* end = port_text.data() + port_text.size();
  const auto parsed = std::from_chars(port_text.data(), end, port);
  boost::system::error_code problem;
  const auto address = asio::ip::make_address(std::string(host), problem);
  if (problem || parsed.ec != std::errc{} || parsed.ptr != end || address.is_v6() != bracketed) {
    return std::nullopt;
  }
  return tcp::endpoint(address, port);
}

std::unexpected<error> cant_listen(const std::string& address,
                                   const boost::system::error_code& problem) {
  if (problem == asio::error::address_in_use) {
    return fail(errc::conflict,
                "the address " + address +
                    " is in use by another process; stop that one, or listen elsewhere");
  }
  const auto code = problem == asio::error::access_denied ? errc::denied : errc::io;
  return fail(code, "can't listen on " + address + ": " + problem.message());
}

result<> open_acceptor(tcp::acceptor& acceptor, const tcp::endpoint& where,
                       const std::string& address) {
  boost::system::error_code problem;
  acceptor.open(where.protocol(), problem);
  if (!problem) acceptor.set_option(tcp::acceptor::reuse_address(true), problem);
  if (!problem) acceptor.bind(where, problem);
  if (!problem) acceptor.listen(asio::socket_base::max_listen_connections, problem);
  if (problem) return cant_listen(address, problem);
  return {};
}

/// The acceptor, and each connection that it makes, is a TCP one by type alone: what is done with
/// them is the same for every stream socket.
result<> open_unix_acceptor(tcp::acceptor& acceptor, const std::string& address) {
  auto listening = listen_on_unix(address.substr(unix_prefix.size()));
  boost::system::error_code problem(listening ? 0 : listening.error(),
                                    boost::system::system_category());
  if (!problem) acceptor.assign(tcp::v4(), *listening, problem);
  if (problem) return cant_listen(address, problem);
  return {};
}

/// How often deadlines are looked at: often enough for the shortest of them.
steady_duration sweep_every(const limits& bounds) {
  const auto shortest = std::min({bounds.header_time, bounds.body_time, bounds.idle_time,
                                  bounds.write_time, bounds.drain_pause});
  return std::clamp<steady_duration>(shortest / 4, milliseconds{5}, milliseconds{500});
}

task<> serve(std::shared_ptr<connection> each) {
  co_await each->run();
}

void admit(const std::shared_ptr<server_core>& core, tcp::socket socket) {
  const auto peer = core->peer_of(socket);
  int surplus = 0;
  if (!core->is_trusted_proxy(peer)) surplus = core->make_room_of(peer);
  while (core->open() >= core->bounds.connections && core->make_room()) {}
  if (core->open() >= core->bounds.connections) surplus = 503;
  auto made = std::make_shared<connection>(core, std::move(socket), peer, surplus);
  const auto slot = made->cancel.slot();
  // An exception ends this connection alone: stop() has cancelled it, or memory ran out. The
  // signal lives until the coroutine's frame is gone.
  auto ended = [made](const std::exception_ptr&) {};
  asio::co_spawn(core->loop, serve(made), asio::bind_cancellation_slot(slot, std::move(ended)));
}

task<> accept_connections(std::shared_ptr<server_core> core) {
  while (!core->stopping) {
    auto [problem, socket] = co_await core->acceptor.async_accept(as_result);
    if (!problem) {
      admit(core, std::move(socket));
      continue;
    }
    if (core->stopping) break;
    // Most likely out of descriptors: one that idles may give up its own.
    core->make_room();
    core->accept_pause.expires_after(core->bounds.accept_pause);
    co_await core->accept_pause.async_wait(as_result);
  }
  core->accepting = false;
  core->left();
}

/// Closes every connection, and cancels the handlers.
void cut_off(const server_core& core) {
  std::vector<std::shared_ptr<connection>> rest;
  for (auto* each : core.waiting) rest.push_back(each->shared_from_this());
  for (auto* each : core.working) rest.push_back(each->shared_from_this());
  for (const auto& each : rest) {
    each->drop();
    each->cancel.emit(asio::cancellation_type::terminal);
  }
}

/// Closes what is idle and has brought nothing since stop().
void end_last_call(const server_core& core) {
  std::vector<connection*> idle;
  for (auto* each : core.waiting) {
    if (!each->lingering() && each->silent()) idle.push_back(each);
  }
  for (auto* each : idle) each->drop();
}

task<> sweep(std::shared_ptr<server_core> core) {
  const auto every = sweep_every(core->bounds);
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    const bool in_grace = core->stopping && now < core->grace_ends;
    if (core->stopping && !in_grace) cut_off(*core);
    if (in_grace && now >= core->last_call_ends) end_last_call(*core);
    if (core->stopping && !core->accepting && core->open() == 0 && core->dropped.empty()) break;
    for (auto* each : core->waiting) each->check_deadline(now);
    for (auto* each : core->working) each->check_deadline(now);
    auto next = now + every;
    if (in_grace) next = std::min(next, core->grace_ends);
    if (in_grace && now < core->last_call_ends) next = std::min(next, core->last_call_ends);
    core->sweep_tick.expires_at(next);
    co_await core->sweep_tick.async_wait(as_result);
  }
  core->done = true;
  core->gone.cancel();
}

/// Connections that the system has accepted for us belong to clients that were told so.
void admit_the_rest(const std::shared_ptr<server_core>& core) {
  boost::system::error_code problem;
  core->acceptor.non_blocking(true, problem);
  while (!problem) {
    tcp::socket socket(core->loop);
    core->acceptor.accept(socket, problem);
    if (!problem) admit(core, std::move(socket));
  }
}

void begin_stop(const std::shared_ptr<server_core>& core, steady_duration grace) {
  const auto now = std::chrono::steady_clock::now();
  const bool first = !core->stopping;
  core->grace_ends = first ? now + grace : std::min(core->grace_ends, now + grace);
  core->stopping = true;
  if (first) {
    core->last_call_ends = now + core->bounds.last_call;
    if (grace > steady_duration::zero()) admit_the_rest(core);
  }
  // Streams have no end of their own to wait for.
  std::vector<connection*> streams;
  for (connection* each : core->working) {
    if (each->streaming()) streams.push_back(each);
  }
  for (connection* each : streams) each->drop();
  boost::system::error_code ignored;
  core->acceptor.close(ignored);
  if (first && !core->unix_path.empty()) ::unlink(core->unix_path.c_str());
  core->accept_pause.cancel();
  core->sweep_tick.cancel();
}

}  // namespace

server_core::server_core(asio::any_io_executor executor, limits given, handler answer,
                         refuser refusal)
    : loop(std::move(executor)),
      bounds(std::move(given)),
      handle(std::move(answer)),
      make_refusal(std::move(refusal)),
      acceptor(loop),
      accept_pause(loop),
      sweep_tick(loop),
      gone(loop, steady_time::max()) {}

bool server_core::make_room(const host* of) {
  if (waiting.empty()) return false;
  // Those that have waited long are in front, and in a flood most of them are the flood's.
  const auto fits = [&](const connection* each) {
    return of != nullptr ? &each->from() == of : each->from().open * hosts.size() >= open();
  };
  auto found = std::find_if(waiting.begin(), waiting.end(), fits);
  if (found == waiting.end() && of != nullptr) return false;
  if (found == waiting.end()) found = waiting.begin();
  (*found)->drop();
  return true;
}

int server_core::make_room_of(const asio::ip::address& peer) {
  const auto from = host_of(peer);
  const std::size_t most = bounds.connections_per_host;
  while (from->open >= most && make_room(from.get())) {}
  const int surplus = from->open >= most ? 429 : 0;
  let_go(*from);
  return surplus;
}

asio::ip::address server_core::peer_of(const tcp::socket& socket) const {
  if (!unix_path.empty()) return {};
  boost::system::error_code problem;
  return without_mapping(socket.remote_endpoint(problem).address());
}

bool server_core::is_trusted_proxy(const asio::ip::address& peer) const {
  const bool at_unix_socket = !unix_path.empty() && peer.is_unspecified();
  return at_unix_socket ? bounds.trusted_proxies.contains_unix()
                        : bounds.trusted_proxies.contains(peer);
}

std::shared_ptr<host> server_core::host_of(const asio::ip::address& address) {
  std::string name;
  if (address.is_v6()) {
    const auto bytes = address.to_v6().to_bytes();
    name.assign(bytes.begin(), bytes.begin() + 8);
  } else {
    const auto bytes = address.to_v4().to_bytes();
    name.assign(bytes.begin(), bytes.end());
  }
  auto& known = hosts[name];
  if (!known) known = std::make_shared<host>(host{std::move(name)});
  return known;
}

void server_core::let_go(const host& one) {
  if (one.open == 0 && one.in_flight == 0 && one.named == 0) hosts.erase(one.name);
}

response server_core::refuse(int status, std::string detail) const {
  response made;
  try {
    made = make_refusal(status, std::move(detail));
  } catch (...) {
    made = {};
    made.status = status;
  }
  if ((status == 503 || status == 429) && made.header("Retry-After").empty()) {
    made.set_header("Retry-After", retry_after_s);
  }
  return made;
}

void server_core::left() {
  if (stopping) sweep_tick.cancel();
}

server::server(std::shared_ptr<server_core> core, std::uint16_t port)
    : core_(std::move(core)), port_(port) {}

server::~server() {
  begin_stop(core_, steady_duration::zero());
}

void server::use(std::shared_ptr<server_tls> tls) {
  core_->tls = std::move(tls);
}

std::size_t server::connections() const {
  return core_->open();
}

result<std::unique_ptr<server>> server::listen(asio::any_io_executor loop, std::string address,
                                               limits bounds, handler handle, refuser refuse,
                                               std::shared_ptr<server_tls> tls) {
  const bool is_unix = address.starts_with(unix_prefix) && address.size() > unix_prefix.size();
  const auto where = parse_endpoint(address);
  if (!where && !is_unix) {
    return fail(errc::invalid, "\"" + address +
                                   "\" is not an address to listen on, such as "
                                   "\"127.0.0.1:7420\", \"[::1]:7420\" or "
                                   "\"unix:/run/peerage.sock\"");
  }
  auto core = std::make_shared<server_core>(std::move(loop), std::move(bounds), std::move(handle),
                                            std::move(refuse));
  core->tls = std::move(tls);
  auto opened = is_unix ? open_unix_acceptor(core->acceptor, address)
                        : open_acceptor(core->acceptor, *where, address);
  if (!opened) return std::unexpected(std::move(opened.error()));
  std::uint16_t port = 0;
  if (is_unix) {
    core->unix_path = address.substr(unix_prefix.size());
  } else {
    boost::system::error_code problem;
    port = core->acceptor.local_endpoint(problem).port();
    if (problem) return cant_listen(address, problem);
  }
  core->accepting = true;
  asio::co_spawn(core->loop, accept_connections(core), asio::detached);
  asio::co_spawn(core->loop, sweep(core), asio::detached);
  return std::unique_ptr<server>(new server(std::move(core), port));
}

task<> server::stop(steady_duration grace) {
  const auto core = core_;
  begin_stop(core, grace);
  while (!core->done) co_await core->gone.async_wait(as_result);
}

}  // namespace peerage::http
