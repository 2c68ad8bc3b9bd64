// Slow and idle clients are nobody's business but their own.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>
#include <thread>

#include "tests/live/daemon.h"

namespace peerage::live {
namespace {

/// A connection without manners of its own.
class raw_connection {
 public:
  explicit raw_connection(std::uint16_t port)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{5, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
      throw std::runtime_error(std::string("connect: ") + std::strerror(errno));
    }
  }
  ~raw_connection() { ::close(socket_); }
  raw_connection(const raw_connection&) = delete;
  raw_connection& operator=(const raw_connection&) = delete;

  bool send(std::string_view text) const {
    const ssize_t sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
    return sent == static_cast<ssize_t>(text.size());
  }
  /// The first bytes of what comes next.
  std::string receive() const {
    std::string text(4096, '\0');
    const ssize_t size = ::recv(socket_, text.data(), text.size(), 0);
    text.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return text;
  }

 private:
  int socket_;
};

using connections = std::vector<std::unique_ptr<raw_connection>>;

constexpr std::string_view question = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

connections open_many(const daemon_under_test& daemon, int count) {
  connections all;
  for (int i = 0; i < count; ++i) {
    all.push_back(std::make_unique<raw_connection>(daemon.api_port()));
  }
  return all;
}

void expect_served_within_a_second(const daemon_under_test& daemon) {
  const auto begun = std::chrono::steady_clock::now();
  caller one_more = daemon.admin();
  const json::object body{{"public_key", new_public_key()}};
  const answer made = one_more.call("POST", "/v1/networks/acme/peers", body);
  EXPECT_EQ(made.status, 201) << made.text;
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 1s);
}

TEST(server, serves_the_next_beside_a_thousand_idle_and_64_slow_connections) {
  daemon_under_test daemon;
  daemon.start();
  daemon.admin().make_network("acme");
  const connections idle = open_many(daemon, 1'000);
  for (const auto& each : idle) {
    ASSERT_TRUE(each->send(question));
    ASSERT_TRUE(each->receive().starts_with("HTTP/1.1 200 "));
  }
  const connections slow = open_many(daemon, 64);
  for (std::size_t sent = 0; sent < 4; ++sent) {
    const auto next = std::chrono::steady_clock::now() + 1s;
    for (const auto& each : slow) ASSERT_TRUE(each->send(question.substr(sent, 1)));
    expect_served_within_a_second(daemon);
    std::this_thread::sleep_until(next);  // one byte a second is what slow means
  }
  // The idle ones are still served, and the slow ones when they have said it all.
  for (const auto& each : idle) {
    ASSERT_TRUE(each->send(question));
    ASSERT_TRUE(each->receive().starts_with("HTTP/1.1 200 "));
  }
  for (const auto& each : slow) {
    ASSERT_TRUE(each->send(question.substr(4)));
    ASSERT_TRUE(each->receive().starts_with("HTTP/1.1 200 "));
  }
}

}  // namespace
}  // namespace peerage::live
