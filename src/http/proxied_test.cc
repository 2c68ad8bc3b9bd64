// Clients behind a proxy, over a Unix socket, and with a PROXY header: who they are to the server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <boost/asio/detached.hpp>
#include <deque>

#include "http/loopback.h"
#include "http/server.h"
#include "testing/own_folder.h"

namespace peerage::http {
namespace {

using loopback::get;
using loopback::raw_client;
using loopback::raw_socket;
using loopback::served;

task<response> say_remote(request asked) {
  response answer;
  answer.body = std::move(asked.remote);
  co_return answer;
}

limits behind(const std::vector<std::string>& proxies, bool header = false) {
  limits made;
  made.trusted_proxies = proxy_list::parse(proxies).value();
  made.proxy_protocol = header;
  return made;
}

std::string forwarded(std::string_view value) {
  return get("/", "X-Forwarded-For: " + std::string(value) + "\r\n");
}

TEST(proxied, a_trusted_proxy_names_the_client_and_nobody_else_does) {
  served here(behind({"127.0.0.2"}), say_remote);
  auto proxy = raw_client::from(2, here.port());
  EXPECT_EQ(proxy.ask(forwarded("203.0.113.9, 198.51.100.7")).body, "198.51.100.7");
  EXPECT_EQ(proxy.ask(forwarded("198.51.100.7, 127.0.0.2")).body, "198.51.100.7");
  EXPECT_EQ(proxy.ask(forwarded("garbage")).body, "127.0.0.2");
  EXPECT_EQ(proxy.ask(get("/")).body, "127.0.0.2");
  auto other = raw_client::from(3, here.port());
  EXPECT_EQ(other.ask(forwarded("198.51.100.7")).body, "127.0.0.3");
}

TEST(proxied, the_limits_of_a_host_are_the_clients) {
  limits bounds = behind({"127.0.0.2"});
  bounds.connections_per_host = 2;
  bounds.in_flight_per_host = 1;
  bounds.pause_after_429 = milliseconds{0};
  served here(bounds);
  const auto wait_as = [](const std::string& client) {
    return get("/wait", "X-Forwarded-For: " + client + "\r\n");
  };
  // More connections than one host may have, each with a request of another client.
  std::deque<raw_client> busy;
  for (int i = 1; i <= 4; ++i) {
    busy.emplace_back(raw_client::from(2, here.port()))
        .send(wait_as("198.51.100." + std::to_string(i)));
    ASSERT_TRUE(here.gate().entered.try_acquire_for(seconds{10}));
  }
  auto more = raw_client::from(2, here.port());
  EXPECT_EQ(more.ask(wait_as("198.51.100.1")).status, 429) << "that client has one under way";
  EXPECT_EQ(more.ask(forwarded("198.51.100.9")).status, 200);
  here.open_gate();
  for (auto& each : busy) EXPECT_EQ(each.read_answer().status, 200);
  EXPECT_EQ(more.ask(forwarded("198.51.100.1")).status, 200);
}

TEST(proxied, a_proxy_header_names_the_client_of_a_connection) {
  served here(behind({"127.0.0.2"}, true), say_remote);
  auto proxy = raw_client::from(2, here.port());
  const std::string header = "PROXY TCP4 198.51.100.7 127.0.0.1 4711 443\r\n";
  EXPECT_EQ(proxy.ask(header + get("/")).body, "198.51.100.7");
  EXPECT_EQ(proxy.ask(get("/")).body, "198.51.100.7");
  EXPECT_EQ(proxy.ask(forwarded("203.0.113.9")).body, "198.51.100.7") << "it is no proxy itself";
  auto slow = raw_client::from(2, here.port());
  for (const char byte : header) slow.send({&byte, 1});
  EXPECT_EQ(slow.ask(get("/")).body, "198.51.100.7");
  auto own = raw_client::from(2, here.port());
  EXPECT_EQ(own.ask("PROXY UNKNOWN\r\n" + get("/")).body, "127.0.0.2");
}

TEST(proxied, a_proxy_header_is_wanted_of_proxies_and_of_nobody_else) {
  served here(behind({"127.0.0.2"}, true), say_remote);
  auto without = raw_client::from(2, here.port());
  EXPECT_EQ(without.ask(get("/")).status, 0) << "closed without a word";
  auto stranger = raw_client::from(3, here.port());
  EXPECT_EQ(stranger.ask("PROXY TCP4 198.51.100.7 127.0.0.1 4711 443\r\n" + get("/")).status, 400);
  auto plain = raw_client::from(3, here.port());
  EXPECT_EQ(plain.ask(get("/")).body, "127.0.0.3");
}

TEST(proxied, half_a_proxy_header_has_a_deadline) {
  limits bounds = behind({"127.0.0.2"}, true);
  bounds.header_time = milliseconds{200};
  served here(bounds, say_remote);
  auto slow = raw_client::from(2, here.port());
  slow.send("PROXY TCP4 198");
  EXPECT_TRUE(slow.at_end());
}

TEST(proxied, the_connections_of_one_client_behind_a_proxy_header_are_bounded) {
  limits bounds = behind({"127.0.0.2"}, true);
  bounds.connections_per_host = 2;
  served here(bounds);
  const std::string header = "PROXY TCP4 198.51.100.7 127.0.0.1 4711 443\r\n";
  std::deque<raw_client> busy;
  for (int i = 0; i < 2; ++i) {
    busy.emplace_back(raw_client::from(2, here.port())).send(header + get("/wait"));
    ASSERT_TRUE(here.gate().entered.try_acquire_for(seconds{10}));
  }
  auto surplus = raw_client::from(2, here.port());
  EXPECT_EQ(surplus.ask(header + get("/")).status, 429);
  auto another = raw_client::from(2, here.port());
  EXPECT_EQ(another.ask("PROXY TCP4 198.51.100.8 127.0.0.1 4711 443\r\n" + get("/")).status, 200);
  here.open_gate();
  for (auto& each : busy) EXPECT_EQ(each.read_answer().status, 200);
}

/// A server on a Unix socket, on this thread's loop.
struct unix_server {
  explicit unix_server(std::string where, limits bounds = {}) : path(std::move(where)) {
    auto listening = server::listen(loop.get_executor(), "unix:" + path, std::move(bounds),
                                    say_remote, loopback::refuse);
    if (listening) made = *std::move(listening);
    if (!listening) problem = listening.error();
  }
  ~unix_server() {
    if (!made) return;
    asio::co_spawn(loop, made->stop(seconds{0}), asio::detached);
    loop.run();
  }
  std::string ask(const std::string& text) {
    raw_socket client(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(client.descriptor(), generic, sizeof address) != 0) return "no connection";
    client.send(text);
    while (!client.readable(0) && loop.run_one() > 0) {}
    const std::string head = client.read_until("\r\n\r\n");
    return client.read(std::stoul(head.substr(head.find("Content-Length: ") + 16)));
  }

  asio::io_context loop{1};
  std::string path;
  std::unique_ptr<server> made;
  error problem;
};

TEST(unix_socket, serves_and_goes_with_its_server) {
  const fakes::own_folder own;
  const std::string path = own.file("api.sock");
  {
    unix_server here(path);
    ASSERT_TRUE(here.made) << here.problem.message;
    EXPECT_EQ(here.made->port(), 0);
    EXPECT_EQ(here.ask(get("/", "Connection: close\r\n")), "unix");
    struct stat found{};
    ASSERT_EQ(::stat(path.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777U, 0666U);
    unix_server second(path);
    EXPECT_FALSE(second.made);
    EXPECT_EQ(second.problem.code, errc::conflict) << "somebody listens there";
    EXPECT_EQ(here.ask(get("/", "Connection: close\r\n")), "unix") << "and goes on";
  }
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

TEST(unix_socket, one_that_a_killed_process_left_is_replaced_and_nothing_else) {
  const fakes::own_folder own;
  const std::string path = own.file("api.sock");
  {
    raw_socket left(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    ASSERT_EQ(::bind(left.descriptor(), generic, sizeof address), 0);
  }
  ASSERT_EQ(::access(path.c_str(), F_OK), 0);
  EXPECT_TRUE(unix_server(path).made);
  const std::string file = own.file("file");
  ::close(::creat(file.c_str(), 0600));
  EXPECT_EQ(unix_server(file).problem.code, errc::conflict);
  EXPECT_EQ(::access(file.c_str(), F_OK), 0) << "it is no socket, and stays";
  EXPECT_EQ(unix_server(own.file("none/api.sock")).problem.code, errc::io);
}

TEST(unix_socket, a_proxy_before_it_names_the_client_where_it_is_trusted) {
  const fakes::own_folder own;
  const std::string text = get("/", "X-Forwarded-For: 198.51.100.7\r\nConnection: close\r\n");
  EXPECT_EQ(unix_server(own.file("a.sock"), behind({"unix:"})).ask(text), "198.51.100.7");
  EXPECT_EQ(unix_server(own.file("b.sock"), behind({"0.0.0.0/0"})).ask(text), "unix");
}

}  // namespace
}  // namespace peerage::http
