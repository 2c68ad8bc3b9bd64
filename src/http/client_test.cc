#include "http/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <optional>

#include "http/loopback.h"

namespace peerage::http {
namespace {

using loopback::scripted_server;
using loopback::served;
using testing::HasSubstr;

constexpr auto patience = seconds{10};
const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const std::string hang{scripted_server::hang};

request of(std::string method, std::string path = "/", std::string body = {}) {
  request wanted;
  wanted.method = std::move(method);
  wanted.path = std::move(path);
  wanted.body = std::move(body);
  return wanted;
}

/// A client with a loop, run by the test's own thread while it waits for an answer.
class calling {
 public:
  explicit calling(const std::string& url, client_limits bounds = {})
      : client_(client::to(loop_.get_executor(), url, bounds).value()) {}

  result<response> send(request wanted, steady_duration deadline = patience) {
    std::optional<result<response>> answer;
    asio::co_spawn(loop_, client_.send(std::move(wanted), deadline),
                   [&](const std::exception_ptr& thrown, result<response> got) {
                     if (thrown) std::rethrow_exception(thrown);
                     answer = std::move(got);
                   });
    loop_.restart();
    while (!answer) loop_.run_one();
    return std::move(*answer);
  }
  asio::io_context& loop() { return loop_; }
  http::client& client() { return client_; }

 private:
  asio::io_context loop_{1};
  http::client client_;
};

TEST(base_url, is_a_scheme_a_host_and_a_port) {
  struct {
    const char* text;
    base_url url;
    const char* authority;
  } const table[] = {
      {"http://127.0.0.1:7420", {"127.0.0.1", 7420}, "127.0.0.1:7420"},
      {"http://gw-1.example.org/", {"gw-1.example.org", 80}, "gw-1.example.org:80"},
      {"HTTP://[::1]:8080/", {"::1", 8080}, "[::1]:8080"},
      {"http://[fd00::1]", {"fd00::1", 80}, "[fd00::1]:80"},
  };
  for (const auto& row : table) {
    const auto url = parse_base_url(row.text);
    ASSERT_TRUE(url) << row.text;
    EXPECT_EQ(*url, row.url);
    EXPECT_EQ(url->authority(), row.authority);
  }
}

TEST(base_url, refuses_all_else_and_does_not_repeat_it) {
  for (const char* text :
       {"", "127.0.0.1:80", "http://", "http:///", "http://:80", "http://h:", "http://h:0",
        "http://h:65536", "http://h:8x", "http://[::1", "http://[h]:80", "http://::1:80",
        "http://[::1]x", "http://h/path", "http://me:hunter2@h", "http://h?a", "ftp://h",
        "http://h h", "http://h\r\n"}) {
    const auto url = parse_base_url(text);
    ASSERT_FALSE(url) << text;
    EXPECT_EQ(url.error().code, errc::invalid) << text;
    EXPECT_THAT(url.error().message, testing::Not(HasSubstr("hunter2")));
  }
  const auto tls = parse_base_url("HTTPS://h");
  EXPECT_EQ(*tls, (base_url{"h", 443, true}));
  EXPECT_EQ(*parse_base_url("https://[::1]:80/"), (base_url{"::1", 80, true}));
}

TEST(client, keeps_its_connection) {
  served here;
  calling client("http://127.0.0.1:" + std::to_string(here.port()));
  for (int i = 0; i < 3; ++i) {
    auto wanted = of("POST", "/a", "body");
    wanted.query = "b=c";
    const auto answer = client.send(std::move(wanted));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "POST /a?b=c body");
    EXPECT_EQ(answer->header("content-type"), "text/plain");
  }
  EXPECT_EQ(client.send(of("HEAD"))->body, "");
  EXPECT_EQ(client.send(of("GET", "/none"))->status, 204);
  EXPECT_EQ(client.send(of("GET", "/large"))->body.size(), 32U * 1024 * 1024);
  EXPECT_EQ(here.connections(), 1U);
}

TEST(client, works_without_a_loop_of_the_callers) {
  served here;
  const auto url = "http://127.0.0.1:" + std::to_string(here.port());
  EXPECT_EQ(send_blocking(url, of("GET", "/a"), patience)->body, "GET /a? ");
  EXPECT_EQ(send_blocking(url, of("GET", "a b"), patience).error().code, errc::invalid);
}

TEST(client, finds_a_server_by_name) {
  served here;
  const auto url = "http://localhost:" + std::to_string(here.port());
  const auto answer = send_blocking(url, of("GET", "/a"), patience);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "GET /a? ");
}

TEST(client, says_whom_it_can_not_reach) {
  std::uint16_t port = 0;
  {
    served here;
    port = here.port();
  }
  const auto url = "http://127.0.0.1:" + std::to_string(port);
  const auto answer = send_blocking(url, of("POST"), patience);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, errc::unavailable);
  EXPECT_EQ(answer.error().message, "can't reach " + url + ": Connection refused");
}

TEST(client, gives_up_at_its_deadline) {
  scripted_server other({{hang}, {ok}});
  calling client(other.url());
  const auto answer = client.send(of("GET"), milliseconds{100});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, errc::timeout);
  EXPECT_THAT(answer.error().message, HasSubstr(other.url()));
  EXPECT_EQ(client.send(of("GET"))->body, "ok") << "the next call has a connection of its own";
}

TEST(client, a_deadline_of_an_earlier_call_does_not_end_a_later_one) {
  scripted_server other({{ok, hang}});
  calling client(other.url());
  EXPECT_TRUE(client.send(of("GET"), milliseconds{200}));
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(client.send(of("GET"), milliseconds{600}).error().code, errc::timeout);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, milliseconds{600});
}

TEST(client, refuses_garbage) {
  scripted_server other({{"SSH-2.0-x\r\n\r\n"}, {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"}});
  calling client(other.url());
  EXPECT_EQ(client.send(of("GET")).error().code, errc::corrupt);
  EXPECT_EQ(client.send(of("GET")).error().code, errc::corrupt);
}

TEST(client, refuses_an_answer_over_its_limits) {
  const auto large = "HTTP/1.1 200 OK\r\nX: " + std::string(300, 'x') + "\r\n\r\n";
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string endless = "HTTP/1.1 200 OK\r\n\r\n";
  const std::string body(101, 'x');
  scripted_server other({{"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n"},
                         {large},
                         {chunked + "65\r\n" + body + "\r\n0\r\n\r\n"},
                         {endless + body}});
  calling client(other.url(), {.header_bytes = 200, .body_bytes = 100});
  for (int i = 0; i < 4; ++i) {
    const auto answer = client.send(of("GET"));
    ASSERT_FALSE(answer) << i;
    EXPECT_EQ(answer.error().code, errc::corrupt) << i;
  }
}

TEST(client, takes_an_answer_that_ends_with_the_connection) {
  scripted_server other({{"HTTP/1.1 200 OK\r\n\r\nall of it"}, {"HTTP/1.0 200 OK\r\n\r\n"}, {ok}});
  calling client(other.url());
  EXPECT_EQ(client.send(of("GET"))->body, "all of it");
  EXPECT_EQ(client.send(of("GET"))->body, "");
  EXPECT_EQ(client.send(of("GET"))->body, "ok");
}

TEST(client, half_an_answer_is_no_answer) {
  const std::string half = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf";
  scripted_server other({{half}, {half}, {"HTTP/1.1 2"}});
  calling client(other.url());
  EXPECT_EQ(client.send(of("GET")).error().code, errc::unavailable);
  EXPECT_EQ(client.send(of("PUT")).error().code, errc::outcome_unknown);
  EXPECT_EQ(client.send(of("POST")).error().code, errc::outcome_unknown);
  EXPECT_EQ(other.requests(), 3) << "none of them may be sent again";
}

/// The second request finds the kept connection open, and is the one that it closes on.
std::vector<std::string> closes_on_the_second() {
  return {ok, ""};
}

TEST(client, sends_again_what_may_be_repeated_where_a_kept_connection_closes) {
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE"}) {
    scripted_server other({closes_on_the_second(), {ok}});
    calling client(other.url());
    ASSERT_TRUE(client.send(of("GET")));
    EXPECT_TRUE(client.send(of(method))) << method;
    EXPECT_EQ(other.requests(), 3) << method;
  }
}

TEST(client, never_sends_a_post_again) {
  scripted_server other({closes_on_the_second(), {ok}});
  calling client(other.url());
  ASSERT_TRUE(client.send(of("GET")));
  EXPECT_EQ(client.send(of("POST")).error().code, errc::outcome_unknown);
  EXPECT_EQ(other.requests(), 2);
  EXPECT_TRUE(client.send(of("POST")));
}

TEST(client, does_not_repeat_itself_on_a_new_connection) {
  scripted_server other({{""}, {ok}});
  calling client(other.url());
  EXPECT_EQ(client.send(of("GET")).error().code, errc::unavailable);
  EXPECT_EQ(other.requests(), 1);
}

TEST(client, sends_a_post_over_a_new_connection_where_the_kept_one_is_seen_to_be_closed) {
  scripted_server other({{ok}, {ok}});
  calling client(other.url());
  ASSERT_TRUE(client.send(of("GET")));
  ASSERT_TRUE(other.closed().try_acquire_for(patience));
  EXPECT_TRUE(client.send(of("POST")));
}

TEST(client, does_not_keep_a_connection_that_is_out_of_step_or_closing) {
  const std::string closing = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  scripted_server other({{ok + ok, hang}, {closing, hang}, {ok}});
  calling client(other.url());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(client.send(of("POST"), seconds{5})) << i;
}

TEST(client, one_request_at_a_time) {
  scripted_server other({{hang}});
  calling client(other.url());
  std::exception_ptr thrown;
  const auto ended = [&](const std::exception_ptr& problem, const result<response>&) {
    if (problem) thrown = problem;
  };
  asio::co_spawn(client.loop(), client.client().send(of("GET"), milliseconds{100}), ended);
  asio::co_spawn(client.loop(), client.client().send(of("GET"), milliseconds{100}), ended);
  client.loop().run();
  ASSERT_TRUE(thrown);
  EXPECT_THROW(std::rethrow_exception(thrown), std::logic_error);
}

TEST(client, cancelling_closes_the_connection_and_the_next_call_opens_another) {
  scripted_server other({{hang}, {ok}});
  calling client(other.url());
  asio::cancellation_signal cancel;
  bool ended = false;
  asio::co_spawn(client.loop(), client.client().send(of("GET"), patience),
                 asio::bind_cancellation_slot(cancel.slot(), [&](const std::exception_ptr& thrown,
                                                                 const result<response>& answer) {
                   ended = thrown != nullptr || !answer;
                 }));
  while (other.requests() == 0) client.loop().run_one_for(milliseconds{1});
  cancel.emit(asio::cancellation_type::terminal);
  client.loop().run();
  EXPECT_TRUE(ended);
  EXPECT_TRUE(other.closed().try_acquire_for(patience));
  EXPECT_TRUE(client.send(of("GET")));
}

}  // namespace
}  // namespace peerage::http
