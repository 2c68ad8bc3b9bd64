#include "tests/live/proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace peerage::live {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in made{};
  made.sin_family = AF_INET;
  made.sin_port = htons(port);
  made.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return made;
}

void must(bool fine, const char* what) {
  if (!fine) throw std::runtime_error(std::string("proxy: ") + what);
}

}  // namespace

tcp_proxy::tcp_proxy(std::uint16_t to) : to_(to) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in here = loopback(0);
  socklen_t size = sizeof here;
  auto* const raw = reinterpret_cast<sockaddr*>(&here);
  must(::bind(listener_, raw, size) == 0 && ::listen(listener_, 64) == 0, "listen");
  must(::getsockname(listener_, raw, &size) == 0, "port");
  port_ = ntohs(here.sin_port);
}

void tcp_proxy::start() {
  const std::lock_guard lock(mutex_);
  threads_.emplace_back([this] { accept(); });
}

tcp_proxy::~tcp_proxy() {
  stop();
  ::close(listener_);
  for (link& each : links_) {
    ::close(each.client);
    ::close(each.server);
  }
}

void tcp_proxy::stop() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  std::list<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    for (link& each : links_) {
      each.closed = true;
      ::shutdown(each.client, SHUT_RDWR);
      ::shutdown(each.server, SHUT_RDWR);
    }
  }
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      threads.swap(threads_);
    }
    if (threads.empty()) return;
    for (std::thread& each : threads) each.join();
    threads.clear();
  }
}

void tcp_proxy::accept() {
  for (;;) {
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) return;
    const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in there = loopback(to_);
    if (::connect(server, reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0) {
      ::close(client);
      ::close(server);
      continue;
    }
    const int one = 1;
    ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    ::setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      ::close(client);
      ::close(server);
      return;
    }
    link& made = links_.emplace_back();
    made.client = client;
    made.server = server;
    threads_.emplace_back([this, &made] { from_client(made); });
    threads_.emplace_back([this, &made] { from_server(made); });
  }
}

void tcp_proxy::from_client(link& over) {
  std::vector<char> bytes(64 * 1024);
  for (;;) {
    const ssize_t got = ::recv(over.client, bytes.data(), bytes.size(), 0);
    if (got <= 0) break;
    {
      const std::lock_guard lock(over.sending);
      over.asked.assign(bytes.data(), static_cast<std::size_t>(got));
    }
    if (::send(over.server, bytes.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) != got)
      break;
  }
  ::shutdown(over.server, SHUT_RDWR);
}

void tcp_proxy::from_server(link& over) {
  std::vector<char> bytes(64 * 1024);
  for (;;) {
    const ssize_t got = ::recv(over.server, bytes.data(), bytes.size(), 0);
    if (got <= 0) break;
    on_answer(over, std::string(bytes.data(), static_cast<std::size_t>(got)));
  }
  over.closed = true;
  ::shutdown(over.client, SHUT_RDWR);
}

void tcp_proxy::send(link& over, const std::string& bytes) {
  const std::lock_guard lock(over.sending);
  for (std::size_t at = 0; at < bytes.size() && !over.closed;) {
    const ssize_t sent = ::send(over.client, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
    if (sent <= 0) return;
    at += static_cast<std::size_t>(sent);
  }
}

holding_proxy::~holding_proxy() {
  release();
  stop();
}

void holding_proxy::hold(std::string words) {
  const std::lock_guard lock(mutex_);
  words_ = std::move(words);
  held_ = 0;
}

bool holding_proxy::await_held() {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds{10}, [this] { return held_ > 0; });
}

void holding_proxy::release() {
  const std::lock_guard lock(mutex_);
  words_.clear();
  changed_.notify_all();
}

void holding_proxy::on_answer(link& over, std::string bytes) {
  {
    std::unique_lock lock(mutex_);
    std::string line;
    {
      const std::lock_guard sending(over.sending);
      line = over.asked.substr(0, over.asked.find('\r'));
    }
    if (!words_.empty() && line.find(words_) != std::string::npos) {
      ++held_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return words_.empty(); });
    }
  }
  send(over, bytes);
}

void lying_proxy::answer(std::string bytes) {
  const std::lock_guard lock(mutex_);
  bytes_ = std::move(bytes);
}

void lying_proxy::on_answer(link& over, std::string bytes) {
  std::string instead;
  {
    const std::lock_guard lock(mutex_);
    instead = bytes_;
  }
  if (instead.empty()) {
    send(over, bytes);
    return;
  }
  ++told_;
  send(over, instead);
  over.closed = true;
  ::shutdown(over.client, SHUT_RDWR);
}

chaotic_nats::~chaotic_nats() {
  stop();
  for (std::thread& each : late_) each.join();
}

void chaotic_nats::on_answer(link& over, std::string bytes) {
  over.unread += bytes;
  for (;;) {
    const auto end = over.unread.find("\r\n");
    if (end == std::string::npos) return;
    const std::string line = over.unread.substr(0, end);
    std::size_t whole = end + 2;
    const bool message = line.starts_with("MSG ") || line.starts_with("HMSG ");
    if (message) whole += std::stoul(line.substr(line.rfind(' ') + 1)) + 2;
    if (over.unread.size() < whole) return;
    const std::string all = over.unread.substr(0, whole);
    over.unread.erase(0, whole);
    if (message) {
      disturb(over, all);
    } else {
      send(over, all);
    }
  }
}

void chaotic_nats::disturb(link& over, const std::string& message) {
  const std::lock_guard lock(mutex_);
  const unsigned what = chance_() % 4;
  const bool now = what != 2;
  const bool later = what >= 2;
  if (now) send(over, message);
  if (!later) return;
  ++disturbed_;
  const std::chrono::milliseconds delay{chance_() % 400};
  late_.emplace_back([&over, message, delay] {
    std::this_thread::sleep_for(delay);
    send(over, message);
  });
}

}  // namespace peerage::live
