#include "http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/loopback.h"

namespace peerage::http {
namespace {

using loopback::get;
using loopback::post;
using loopback::raw_client;
using loopback::served;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

TEST(server, answers_many_requests_on_one_connection) {
  served here;
  raw_client client(here.port());
  for (int i = 0; i < 3; ++i) {
    const auto answer = client.ask(post("/a?b=c", "body"));
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "POST /a?b=c body");
    EXPECT_THAT(answer.head, Not(HasSubstr("Connection:")));
    EXPECT_THAT(answer.head, Not(HasSubstr("Server:")));
  }
  EXPECT_EQ(here.connections(), 1U);
}

TEST(server, answers_pipelined_requests_in_order) {
  served here;
  raw_client client(here.port());
  std::string all;
  for (int i = 0; i < 50; ++i) all += post("/" + std::to_string(i), std::string(500, 'x'));
  client.send(all);
  for (int i = 0; i < 50; ++i) {
    const auto answer = client.read_answer();
    ASSERT_EQ(answer.status, 200);
    EXPECT_THAT(answer.body, testing::StartsWith("POST /" + std::to_string(i) + "? x"));
  }
}

TEST(server, every_answer_has_its_date) {
  served here;
  const auto date = ContainsRegex(
      "Date: [A-Z][a-z][a-z], [0-9][0-9] [A-Z][a-z][a-z] 20[0-9][0-9] [0-9:]{8} GMT\r\n");
  raw_client client(here.port());
  EXPECT_THAT(client.ask(get("/")).head, date);
  EXPECT_THAT(client.ask(get("/none")).head, date);
  EXPECT_THAT(client.ask(get("/throw")).head, date);
  EXPECT_THAT(client.ask("garbage\r\n\r\n").head, date);
}

TEST(server, a_star_is_the_target_of_options_alone) {
  served here;
  raw_client client(here.port());
  const auto answer = client.ask("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "OPTIONS *? ");
  EXPECT_EQ(client.ask("GET * HTTP/1.1\r\nHost: x\r\n\r\n").status, 400);
}

TEST(server, head_is_get_without_the_body) {
  served here;
  raw_client client(here.port());
  client.send("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n" + get("/b"));
  const auto head = client.read_answer(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_THAT(head.head, HasSubstr("Content-Length: 8\r\n")) << "of \"GET /a? \"";
  EXPECT_EQ(client.read_answer().body, "GET /b? ");
}

TEST(server, a_204_has_no_body_and_no_length) {
  served here;
  raw_client client(here.port());
  client.send(get("/none") + get("/b"));
  const auto none = client.read_answer();
  EXPECT_EQ(none.status, 204);
  EXPECT_THAT(none.head, Not(HasSubstr("Content-Length")));
  EXPECT_EQ(client.read_answer().body, "GET /b? ");
}

TEST(server, closes_where_the_client_wants_it) {
  served here;
  raw_client modern(here.port());
  EXPECT_THAT(modern.ask(get("/", "Connection: close\r\n")).head, HasSubstr("Connection: close"));
  EXPECT_TRUE(modern.at_end());
  raw_client old(here.port());
  EXPECT_EQ(old.ask("GET / HTTP/1.0\r\n\r\n").status, 200);
  EXPECT_TRUE(old.at_end());
  raw_client kept(here.port());
  const std::string again = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  EXPECT_THAT(kept.ask(again).head, HasSubstr("Connection: keep-alive"));
  EXPECT_EQ(kept.ask(again).status, 200);
}

TEST(server, a_client_that_sends_its_last_word_and_waits_is_answered) {
  served here;
  raw_client client(here.port());
  client.send(get("/a"));
  ::shutdown(client.descriptor(), SHUT_WR);
  EXPECT_EQ(client.read_answer().body, "GET /a? ");
  EXPECT_TRUE(client.at_end());
}

TEST(server, continues_where_that_is_expected) {
  served here;
  raw_client client(here.port());
  client.send("PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(client.ask("body").body, "PUT /a? body");
  client.send(
      "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 413);
}

TEST(server, what_a_handler_throws_is_a_500_and_the_connection_goes_on) {
  served here;
  raw_client client(here.port());
  const auto answer = client.ask(get("/throw"));
  EXPECT_EQ(answer.status, 500);
  EXPECT_THAT(answer.body, Not(HasSubstr("a bug")));
  EXPECT_THAT(answer.head, HasSubstr("application/problem+json"));
  EXPECT_EQ(client.ask(get("/a")).status, 200);
}

TEST(server, a_header_that_breaks_out_of_its_line_is_never_sent) {
  served here;
  raw_client client(here.port());
  const auto answer = client.ask(get("/split"));
  EXPECT_EQ(answer.status, 500);
  EXPECT_THAT(answer.head, Not(HasSubstr("X-Injected")));
}

TEST(server, refuses_garbage_and_closes_without_a_reset) {
  served here;
  raw_client client(here.port());
  client.send("garbage garbage\r\n\r\n" + std::string(200'000, 'x'));
  const auto answer = client.read_answer();
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.head, HasSubstr("Connection: close"));
  EXPECT_TRUE(client.at_end());
  EXPECT_FALSE(client.reset());
}

TEST(server, a_smuggled_request_is_never_served) {
  served here;
  for (const char* head :
       {"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: identity\r\nContent-Length: 4\r\n", "Transfer-Encoding: gzip\r\n",
        "Content-Length: 4\r\nContent-Length: 0\r\n", "Transfer-Encoding : chunked\r\n"}) {
    raw_client client(here.port());
    client.send("POST /a HTTP/1.1\r\nHost: x\r\n" + std::string(head) + "\r\n0\r\n\r\n" +
                get("/smuggled"));
    const auto all = client.read_all();
    EXPECT_THAT(all, testing::AnyOf(testing::StartsWith("HTTP/1.1 400 "),
                                    testing::StartsWith("HTTP/1.1 501 ")))
        << head;
    EXPECT_THAT(all, Not(HasSubstr("smuggled"))) << head;
  }
}

TEST(server, says_who_asks) {
  asio::io_context loop{1};
  auto made = server::listen(
      loop.get_executor(), "127.0.0.1:0", {},
      [](request asked) -> task<response> {
        response answer;
        answer.body = std::move(asked.remote);
        co_return answer;
      },
      loopback::refuse);
  ASSERT_TRUE(made);
  raw_client client((*made)->port());
  client.send(get("/", "Connection: close\r\n"));
  while (!client.readable(0) && loop.run_one() > 0) {}
  EXPECT_EQ(client.read_answer().body, "127.0.0.1");
  asio::co_spawn(loop, (*made)->stop(seconds{0}), asio::detached);
  loop.run();
}

result<std::unique_ptr<server>> listen_on(asio::io_context& loop, const std::string& where) {
  return server::listen(
      loop.get_executor(), where, {}, [](request) -> task<response> { co_return response{}; },
      loopback::refuse);
}

TEST(listening, says_that_a_port_is_in_use) {
  asio::io_context loop{1};
  const auto first = listen_on(loop, "127.0.0.1:0");
  ASSERT_TRUE(first);
  EXPECT_NE((*first)->port(), 0);
  const auto name = "127.0.0.1:" + std::to_string((*first)->port());
  const auto second = listen_on(loop, name);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::conflict);
  EXPECT_THAT(second.error().message, HasSubstr(name + " is in use"));
}

TEST(listening, refuses_what_is_no_address_and_port) {
  asio::io_context loop{1};
  for (const char* where : {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:x",
                            "127.0.0.1:1 ", "::1:80", "[127.0.0.1]:80", "[::1]", "localhost:80"}) {
    const auto made = listen_on(loop, where);
    ASSERT_FALSE(made) << where;
    EXPECT_EQ(made.error().code, errc::invalid) << where;
  }
}

TEST(stopping, closes_idle_connections_and_may_be_repeated) {
  served here;
  raw_client idle(here.port());
  EXPECT_EQ(idle.ask(get("/a")).status, 200);
  raw_client half(here.port());
  half.send("GET / HT");
  auto first = here.start_stop(seconds{60});
  auto second = here.start_stop(seconds{60});
  EXPECT_TRUE(idle.at_end());
  EXPECT_TRUE(half.at_end());
  ASSERT_EQ(first.wait_for(seconds{10}), std::future_status::ready);
  ASSERT_EQ(second.wait_for(seconds{10}), std::future_status::ready);
  EXPECT_THROW(raw_client{here.port()}, std::runtime_error);
  here.stop(seconds{60});
}

TEST(stopping, answers_what_was_sent_before_the_client_could_know) {
  limits patient;
  patient.last_call = seconds{10};
  served here(patient);
  raw_client kept(here.port());
  EXPECT_EQ(kept.ask(get("/a")).status, 200);
  raw_client fresh(here.port());
  auto stopped = here.start_stop(seconds{60});
  for (raw_client* each : {&kept, &fresh}) {
    const auto answer = each->ask(get("/b"));
    EXPECT_EQ(answer.status, 200);
    EXPECT_THAT(answer.head, HasSubstr("Connection: close"));
    EXPECT_TRUE(each->at_end());
  }
  EXPECT_EQ(stopped.wait_for(seconds{5}), std::future_status::ready);
}

TEST(stopping, lets_requests_in_flight_be_answered) {
  served here;
  raw_client client(here.port());
  client.send(get("/wait") + get("/never"));
  ASSERT_TRUE(here.gate().entered.try_acquire_for(seconds{10}));
  auto stopped = here.start_stop(seconds{60});
  EXPECT_EQ(stopped.wait_for(milliseconds{50}), std::future_status::timeout);
  here.open_gate();
  const auto answer = client.read_answer();
  EXPECT_EQ(answer.body, "GET /wait? ");
  EXPECT_THAT(answer.head, HasSubstr("Connection: close"));
  EXPECT_TRUE(client.at_end());
  EXPECT_FALSE(client.reset());
  EXPECT_EQ(stopped.wait_for(seconds{10}), std::future_status::ready);
}

TEST(stopping, cancels_what_outlasts_the_grace) {
  served here;
  raw_client client(here.port());
  client.send(get("/wait"));
  ASSERT_TRUE(here.gate().entered.try_acquire_for(seconds{10}));
  auto stopped = here.start_stop(milliseconds{50});
  EXPECT_TRUE(client.at_end());
  ASSERT_EQ(stopped.wait_for(seconds{10}), std::future_status::ready);
  EXPECT_EQ(here.gate().cancelled, 1);
  EXPECT_EQ(here.connections(), 0U);
}

TEST(stopping, a_server_that_goes_without_it_leaves_nothing_running) {
  asio::io_context loop{1};
  auto made = listen_on(loop, "127.0.0.1:0");
  ASSERT_TRUE(made);
  raw_client client((*made)->port());
  client.send("GET /");
  loop.poll();
  made->reset();
  loop.run();
  EXPECT_TRUE(client.at_end());
}

}  // namespace
}  // namespace peerage::http
