// Answers that go on and on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "http/loopback.h"
#include "http/server.h"

namespace peerage::http {
namespace {

using loopback::get;
using loopback::raw_client;
using loopback::served;
using testing::HasSubstr;
using testing::Not;

std::atomic<int> open_sources = 0;

/// Says "one", "two", and then nothing more, or ends.
struct counting final : body_source {
  explicit counting(bool ends_) : ends(ends_) { ++open_sources; }
  ~counting() override { --open_sources; }
  task<std::string> next() override {
    ++said;
    if (said == 1) co_return "one\n";
    if (said == 2) co_return "two\n";
    if (ends) co_return "";
    asio::steady_timer never(co_await asio::this_coro::executor, steady_time::max());
    co_await never.async_wait(asio::use_awaitable);
    co_return "";
  }
  bool ends;
  int said = 0;
};

task<response> answer(request asked) {
  response made;
  made.set_header("Content-Type", "text/plain");
  made.stream = std::make_shared<counting>(asked.path == "/ends");
  co_return made;
}

bool soon(const std::function<bool()>& holds) {
  for (int i = 0; i < 500 && !holds(); ++i) std::this_thread::sleep_for(milliseconds{10});
  return holds();
}

TEST(stream, comes_piece_by_piece_and_ends_with_the_connection) {
  served here({}, answer);
  raw_client client(here.port());
  client.send(get("/ends"));
  const std::string all = client.read_all();
  EXPECT_THAT(all, HasSubstr("HTTP/1.1 200"));
  EXPECT_THAT(all, HasSubstr("Connection: close"));
  EXPECT_THAT(all, Not(HasSubstr("Content-Length")));
  EXPECT_THAT(all, testing::EndsWith("\r\n\r\none\ntwo\n"));
  EXPECT_TRUE(soon([] { return open_sources == 0; }));
}

TEST(stream, a_reader_that_goes_ends_it) {
  served here({}, answer);
  {
    raw_client client(here.port());
    client.send(get("/"));
    EXPECT_TRUE(soon([] { return open_sources == 1; }));
  }
  EXPECT_TRUE(soon([] { return open_sources == 0; })) << "though nothing was to be sent";
}

TEST(stream, a_server_that_stops_ends_it_at_once) {
  raw_client* kept = nullptr;
  {
    served here({}, answer);
    static raw_client client(here.port());
    kept = &client;
    client.send(get("/"));
    EXPECT_TRUE(soon([] { return open_sources == 1; }));
  }
  EXPECT_EQ(open_sources, 0);
  EXPECT_THAT(kept->read_all(), testing::EndsWith("one\ntwo\n"));
}

TEST(stream, there_are_only_so_many) {
  limits few;
  few.streams = 1;
  served here(few, answer);
  raw_client first(here.port());
  first.send(get("/"));
  EXPECT_TRUE(soon([] { return open_sources == 1; }));
  raw_client second(here.port());
  second.send(get("/"));
  EXPECT_THAT(second.read_all(), HasSubstr("HTTP/1.1 503"));
}

TEST(stream, head_gets_the_head_alone) {
  served here({}, answer);
  raw_client client(here.port());
  client.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string all = client.read_all();
  EXPECT_THAT(all, testing::EndsWith("\r\n\r\n"));
}

}  // namespace
}  // namespace peerage::http
