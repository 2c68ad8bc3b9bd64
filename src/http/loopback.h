// For the tests of this room alone: a server on a thread of its own, a client that can misbehave,
// and a server that can. All of them over the loopback, with blocking sockets that give up after
// ten seconds; a test reads from top to bottom.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <functional>
#include <future>
#include <memory>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "http/server.h"

namespace peerage::http::loopback {

constexpr int patience_ms = 10'000;

/// Where the handler of "/wait" waits until the test opens it.
struct gate {
  explicit gate(asio::io_context& loop) : timer(loop, steady_time::max()) {}
  asio::steady_timer timer;
  bool open = false;
  std::atomic<int> cancelled = 0;
  std::counting_semaphore<> entered{0};
};

inline task<response> echo(std::shared_ptr<gate> at, request asked) {
  if (asked.path == "/throw") throw std::runtime_error("a bug");
  if (asked.path == "/wait") {
    at->entered.release();
    try {
      while (!at->open) co_await at->timer.async_wait(asio::as_tuple(asio::use_awaitable));
    } catch (...) {
      ++at->cancelled;
      throw;
    }
  }
  response answer;
  if (asked.path == "/none") answer.status = 204;
  if (asked.path == "/often") answer.status = 429;
  if (asked.path == "/split") answer.set_header("X-Reflected", "a\r\nX-Injected: b");
  if (asked.path == "/large") answer.body.assign(32 * 1024 * 1024, 'x');
  if (!answer.body.empty()) co_return answer;
  answer.set_header("Content-Type", "text/plain");
  answer.body = asked.method + " " + asked.path + "?" + asked.query + " " + asked.body;
  co_return answer;
}

inline response refuse(int status, std::string detail) {
  response answer;
  answer.status = status;
  answer.set_header("Content-Type", "application/problem+json");
  answer.body = "{\"detail\": \"" + detail + "\"}";
  return answer;
}

class served {
 public:
  explicit served(limits bounds = {}, handler own = {}, std::shared_ptr<server_tls> tls = {})
      : work_(asio::make_work_guard(loop_)), gate_(std::make_shared<loopback::gate>(loop_)) {
    auto made = server::listen(
        loop_.get_executor(), "127.0.0.1:0", bounds,
        own ? own : handler([at = gate_](request asked) { return echo(at, std::move(asked)); }),
        refuse, std::move(tls));
    if (!made) throw std::runtime_error(made.error().message);
    server_ = std::move(*made);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~served() {
    stop(milliseconds{0});
    work_.reset();
    thread_.join();
  }
  served(const served&) = delete;
  served& operator=(const served&) = delete;

  std::uint16_t port() const { return server_->port(); }
  loopback::gate& gate() { return *gate_; }
  void open_gate() {
    asio::post(loop_, [at = gate_] {
      at->open = true;
      at->timer.cancel();
    });
  }
  std::future<void> start_stop(steady_duration grace) {
    return asio::co_spawn(loop_, server_->stop(grace), asio::use_future);
  }
  void stop(steady_duration grace) { start_stop(grace).get(); }
  std::size_t connections() {
    std::promise<std::size_t> count;
    asio::post(loop_, [&] { count.set_value(server_->connections()); });
    return count.get_future().get();
  }

 private:
  asio::io_context loop_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::shared_ptr<loopback::gate> gate_;
  std::unique_ptr<server> server_;
  std::thread thread_;
};

/// A blocking socket that closes itself.
class raw_socket {
 public:
  explicit raw_socket(int descriptor) : descriptor_(descriptor) {
    if (descriptor_ < 0) throw std::runtime_error("no socket");
    const timeval patience{patience_ms / 1000, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }
  ~raw_socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  raw_socket(raw_socket&& from) noexcept
      : descriptor_(std::exchange(from.descriptor_, -1)), read_(std::move(from.read_)) {}
  raw_socket& operator=(raw_socket&&) = delete;

  int descriptor() const { return descriptor_; }
  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  /// Anything to be read, an end included, within that time?
  bool readable(int milliseconds_) const {
    pollfd wanted{descriptor_, POLLIN, 0};
    return !read_.empty() || ::poll(&wanted, 1, milliseconds_) > 0;
  }
  /// All up to and with `end`; less when the other side closes before.
  std::string read_until(std::string_view end) {
    std::size_t at = 0;
    while ((at = read_.find(end)) == std::string::npos) {
      if (!more()) return std::exchange(read_, {});
    }
    return take(at + end.size());
  }
  std::string read(std::size_t size) {
    while (read_.size() < size && more()) {}
    return take(std::min(size, read_.size()));
  }
  /// All up to the end; `reset` says whether it was none in good order.
  std::string read_all() {
    while (more()) {}
    return std::exchange(read_, {});
  }
  bool at_end() { return read_.empty() && !more(); }
  bool reset() const { return reset_; }

 private:
  bool more() {
    char bytes[16 * 1024];
    const auto got = ::recv(descriptor_, bytes, sizeof bytes, 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      throw std::runtime_error("nothing came");
    }
    reset_ = got < 0;
    if (got > 0) read_.append(bytes, static_cast<std::size_t>(got));
    return got > 0;
  }
  std::string take(std::size_t size) {
    auto taken = read_.substr(0, size);
    read_.erase(0, size);
    return taken;
  }

  int descriptor_;
  std::string read_;
  bool reset_ = false;
};

inline sockaddr_in address_of(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

struct raw_answer {
  int status = 0;  // 0: the connection was closed instead
  std::string head;
  std::string body;
};

class raw_client : public raw_socket {
 public:
  explicit raw_client(std::uint16_t port) : raw_client(port, [] {}) {}
  /// From 127.0.0.`last`: another host, as far as the server can tell.
  static raw_client from(std::uint8_t last, std::uint16_t port) {
    return {port, [] {}, last};
  }
  /// `before` runs with the socket made and not yet connected.
  raw_client(std::uint16_t port, const std::function<void()>& before, std::uint8_t last = 1)
      : raw_socket(::socket(AF_INET, SOCK_STREAM, 0)) {
    before();
    auto own = address_of(0);
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + last);
    const auto* own_generic = reinterpret_cast<const sockaddr*>(&own);
    if (last != 1 && ::bind(descriptor(), own_generic, sizeof own) != 0) {
      throw std::runtime_error("can't bind");
    }
    const auto address = address_of(port);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(descriptor(), generic, sizeof address) != 0) {
      throw std::runtime_error("can't connect");
    }
  }

  raw_answer read_answer(bool to_head = false) {
    raw_answer answer;
    answer.head = read_until("\r\n\r\n");
    if (!answer.head.starts_with("HTTP/1.1 ")) return answer;
    answer.status = std::stoi(answer.head.substr(9, 3));
    const auto length = answer.head.find("Content-Length: ");
    if (length == std::string::npos || to_head) return answer;
    answer.body = read(std::stoul(answer.head.substr(length + 16)));
    return answer;
  }
  raw_answer ask(std::string_view bytes) {
    send(bytes);
    return read_answer();
  }
};

/// A server that plays a script: for each connection what it says to each request. After the last
/// answer it closes; after `hang` it waits until the client does.
class scripted_server {
 public:
  static constexpr std::string_view hang = "<hang>";
  using script = std::vector<std::vector<std::string>>;

  explicit scripted_server(script play) : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    auto address = address_of(0);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    if (::bind(listener_.descriptor(), generic, size) != 0 ||
        ::listen(listener_.descriptor(), 16) != 0 ||
        ::getsockname(listener_.descriptor(), generic, &size) != 0) {
      throw std::runtime_error("can't listen");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, lines = std::move(play)] { run(lines); });
  }
  ~scripted_server() {
    ::shutdown(listener_.descriptor(), SHUT_RDWR);
    thread_.join();
  }
  scripted_server(const scripted_server&) = delete;
  scripted_server& operator=(const scripted_server&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  int requests() const { return requests_; }
  /// Acquired once for each connection that it has closed.
  std::counting_semaphore<>& closed() { return closed_; }

 private:
  void run(const script& play) {
    for (const auto& answers : play) {
      const int accepted = ::accept(listener_.descriptor(), nullptr, nullptr);
      if (accepted < 0) return;
      try {
        serve(raw_socket(accepted), answers);
      } catch (const std::runtime_error&) {
        // The client neither spoke nor closed; the test will see what it lacks.
      }
      closed_.release();
    }
  }
  void serve(raw_socket other, const std::vector<std::string>& answers) {
    for (const auto& answer : answers) {
      if (!other.read_until("\r\n\r\n").ends_with("\r\n\r\n")) return;
      ++requests_;
      if (answer == hang) {
        other.read_all();
      } else {
        other.send(answer);
      }
    }
  }

  raw_socket listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> requests_ = 0;
  std::counting_semaphore<> closed_{0};
  std::thread thread_;
};

inline std::string get(std::string_view target, std::string_view more = {}) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n" + std::string(more) + "\r\n";
}

inline std::string post(std::string_view target, std::string_view body,
                        std::string_view more = {}) {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(more) + "\r\n" + std::string(body);
}

/// So many files may be open from here on; as it was at the end.
class descriptor_limit {
 public:
  explicit descriptor_limit(rlim_t wanted) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit now{std::min(wanted, before_.rlim_max), before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &now);
  }
  ~descriptor_limit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  descriptor_limit(const descriptor_limit&) = delete;
  descriptor_limit& operator=(const descriptor_limit&) = delete;

 private:
  rlimit before_{};
};

}  // namespace peerage::http::loopback
