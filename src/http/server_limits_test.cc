// Every limit of the server, crossed once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <optional>

#include "http/loopback.h"
#include "http/server.h"

namespace peerage::http {
namespace {

using loopback::descriptor_limit;
using loopback::get;
using loopback::patience_ms;
using loopback::post;
using loopback::raw_answer;
using loopback::raw_client;
using loopback::served;
using testing::HasSubstr;

TEST(limit, a_header_too_large_is_431) {
  served here;
  raw_client client(here.port());
  const auto answer = client.ask(get("/", "X: " + std::string(16 * 1024, 'x') + "\r\n"));
  EXPECT_EQ(answer.status, 431);
  EXPECT_THAT(answer.head, HasSubstr("Connection: close"));
  raw_client fits(here.port());
  EXPECT_EQ(fits.ask(get("/", "X: " + std::string(16'000, 'x') + "\r\n")).status, 200);
}

TEST(limit, a_body_too_large_is_413_before_it_is_read) {
  served here;
  raw_client client(here.port());
  const auto head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 65537\r\n\r\n";
  EXPECT_EQ(client.ask(head).status, 413);
  raw_client fits(here.port());
  EXPECT_EQ(fits.ask(post("/", std::string(64 * 1024, 'x'))).status, 200);
}

TEST(limit, who_writes_all_before_it_reads_gets_the_413) {
  served here;
  raw_client client(here.port());
  const std::string body(10'000'000, 'x');
  ASSERT_TRUE(client.send(post("/", body))) << "a broken pipe";
  EXPECT_EQ(client.read_answer().status, 413);
  EXPECT_TRUE(client.at_end());
  EXPECT_FALSE(client.reset());
}

TEST(limit, only_so_many_refused_clients_at_once_may_go_on_sending) {
  served here({.drain_pause = seconds{1}, .drains = 1});
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n";
  raw_client first(here.port());
  EXPECT_EQ(first.ask(head).status, 413);
  raw_client second(here.port());
  EXPECT_EQ(second.ask(head).status, 413);
  // Each byte of either comes before the pause is over; that of the second does not count.
  while (second.send("x")) {
    ASSERT_TRUE(first.send("x"));
    (void)first.readable(20);
  }
  EXPECT_TRUE(first.send("x"));
}

TEST(limit, a_chunked_body_is_413_where_it_grows_too_large) {
  served here;
  raw_client client(here.port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  const auto chunk = "4000\r\n" + std::string(0x4000, 'x') + "\r\n";
  for (int i = 0; i < 4; ++i) client.send(chunk);
  EXPECT_FALSE(client.readable(0));
  client.send("1\r\nx\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_answer().status, 413);
  EXPECT_TRUE(client.at_end());
  EXPECT_FALSE(client.reset());
}

/// Sends one byte at a time until the server answers or closes.
raw_answer drip(raw_client& client, std::string_view bytes) {
  for (const char byte : bytes) {
    if (client.readable(20) || !client.send({&byte, 1})) break;
  }
  return client.read_answer();
}

TEST(limit, a_header_byte_by_byte_is_408) {
  served here({.header_time = milliseconds{200}});
  raw_client client(here.port());
  EXPECT_EQ(drip(client, get("/", "X: " + std::string(500, 'x'))).status, 408);
  EXPECT_TRUE(client.at_end());
}

TEST(limit, a_second_header_byte_by_byte_is_408_too) {
  served here({.header_time = milliseconds{200}});
  raw_client client(here.port());
  EXPECT_EQ(client.ask(get("/")).status, 200);
  EXPECT_EQ(drip(client, get("/", "X: " + std::string(500, 'x'))).status, 408);
}

TEST(limit, a_body_byte_by_byte_is_408) {
  served here({.header_time = seconds{60}, .body_time = milliseconds{200}});
  raw_client client(here.port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n");
  EXPECT_EQ(drip(client, std::string(500, 'x')).status, 408);
}

TEST(limit, a_connection_without_a_byte_is_closed_without_a_word) {
  served here({.header_time = milliseconds{100}});
  raw_client client(here.port());
  EXPECT_TRUE(client.at_end());
}

TEST(limit, an_idle_connection_is_closed_and_a_first_one_is_not_called_idle) {
  served here({.idle_time = milliseconds{100}});
  raw_client client(here.port());
  raw_client fresh(here.port());
  EXPECT_EQ(client.ask(get("/")).status, 200);
  EXPECT_TRUE(client.at_end());
  EXPECT_EQ(fresh.ask(get("/")).status, 200);
}

TEST(limit, a_client_that_does_not_read_is_closed) {
  served here({.write_time = milliseconds{200}});
  raw_client client(here.port());
  client.send(get("/large"));
  raw_client other(here.port());
  EXPECT_EQ(other.ask(get("/")).status, 200);
  pollfd broken{client.descriptor(), POLLRDHUP | POLLERR, 0};
  ASSERT_EQ(::poll(&broken, 1, patience_ms), 1) << "the server never gave up";
  EXPECT_LT(client.read_all().size(), 32U * 1024 * 1024);
}

TEST(limit, a_refused_client_that_goes_on_sending_is_cut_off) {
  served here({.drain_pause = milliseconds{100}, .drain_bytes = 1024});
  raw_client client(here.port());
  client.send("garbage\r\n\r\n");
  while (client.send(std::string(4096, 'x'))) {}
  SUCCEED();
}

TEST(limit, too_many_requests_in_flight_are_503_and_may_come_again) {
  served here({.in_flight = 2});
  raw_client first(here.port());
  raw_client second(here.port());
  first.send(get("/wait"));
  second.send(get("/wait"));
  ASSERT_TRUE(here.gate().entered.try_acquire_for(seconds{10}));
  ASSERT_TRUE(here.gate().entered.try_acquire_for(seconds{10}));
  raw_client third(here.port());
  const auto refused = third.ask(get("/"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_THAT(refused.head, HasSubstr("Retry-After: 1\r\n"));
  here.open_gate();
  EXPECT_EQ(first.read_answer().status, 200);
  EXPECT_EQ(second.read_answer().status, 200);
  EXPECT_EQ(third.ask(get("/")).status, 200);
}

TEST(limit, a_new_connection_is_503_where_all_are_at_work) {
  served here({.connections = 2});
  std::deque<raw_client> busy;
  for (int i = 0; i < 2; ++i) {
    busy.emplace_back(here.port()).send(get("/wait"));
    ASSERT_TRUE(here.gate().entered.try_acquire_for(seconds{10}));
  }
  for (int i = 0; i < 3; ++i) {
    raw_client surplus(here.port());
    const auto refused = surplus.ask(get("/"));
    EXPECT_EQ(refused.status, 503);
    EXPECT_THAT(refused.head, HasSubstr("Retry-After: 1\r\n"));
    EXPECT_TRUE(surplus.at_end());
    EXPECT_FALSE(surplus.reset());
  }
  here.open_gate();
  EXPECT_EQ(busy[0].read_answer().status, 200);
  EXPECT_EQ(busy[1].read_answer().status, 200);
  raw_client client(here.port());
  EXPECT_EQ(client.ask(get("/")).status, 200);
}

TEST(limit, the_connection_that_waits_longest_makes_room) {
  served here({.connections = 3});
  raw_client first(here.port());
  raw_client second(here.port());
  raw_client third(here.port());
  for (auto* each : {&first, &second, &third, &first}) EXPECT_EQ(each->ask(get("/")).status, 200);
  raw_client fourth(here.port());
  EXPECT_EQ(fourth.ask(get("/")).status, 200);
  EXPECT_TRUE(second.at_end());
  for (auto* each : {&first, &third, &fourth}) EXPECT_EQ(each->ask(get("/")).status, 200);
  EXPECT_EQ(here.connections(), 3U);
}

TEST(limit, a_thousand_idle_and_64_slow_connections_stop_nobody) {
  const descriptor_limit many(8192);
  served here({.connections = 1064, .connections_per_host = 1064});
  std::deque<raw_client> idle;
  std::deque<raw_client> slow;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(idle.emplace_back(here.port()).ask(get("/")).status, 200) << i;
  }
  for (int i = 0; i < 64; ++i) slow.emplace_back(here.port()).send("GET / HTTP/1.1\r\nHost: x\r\n");
  raw_client client(here.port());
  EXPECT_EQ(client.ask(get("/")).status, 200);
  EXPECT_TRUE(idle.front().at_end()) << "the one that idled longest made room";
  EXPECT_EQ(idle.back().ask(get("/")).status, 200);
  EXPECT_EQ(slow.back().ask("\r\n").status, 200);
  EXPECT_EQ(here.connections(), 1064U);
}

TEST(limit, slow_senders_alone_stop_nobody) {
  served here({.connections = 16});
  std::deque<raw_client> slow;
  for (int i = 0; i < 64; ++i) slow.emplace_back(here.port()).send("GET / HTTP/1.1\r\n");
  raw_client client(here.port());
  EXPECT_EQ(client.ask(get("/")).status, 200);
  EXPECT_LE(here.connections(), 16U);
}

/// With this as the limit, the process can open nothing more.
rlim_t next_descriptor() {
  const int next = ::dup(0);
  ::close(next);
  return static_cast<rlim_t>(next);
}

TEST(limit, out_of_descriptors_it_waits_and_goes_on) {
  served here({.accept_pause = milliseconds{10}});
  raw_client busy(here.port());
  busy.send(get("/wait"));
  ASSERT_TRUE(here.gate().entered.try_acquire_for(seconds{10}));
  std::optional<descriptor_limit> none;
  raw_client client(here.port(), [&] { none.emplace(next_descriptor()); });
  client.send(get("/"));
  EXPECT_FALSE(client.readable(100)) << "there was a descriptor left";
  none.reset();
  EXPECT_EQ(client.read_answer().status, 200);
}

TEST(limit, out_of_descriptors_an_idle_connection_makes_room) {
  served here({.accept_pause = milliseconds{10}});
  raw_client idle(here.port());
  EXPECT_EQ(idle.ask(get("/")).status, 200);
  std::optional<descriptor_limit> none;
  raw_client client(here.port(), [&] { none.emplace(next_descriptor()); });
  EXPECT_EQ(client.ask(get("/")).status, 200);
  EXPECT_TRUE(idle.at_end());
}

}  // namespace
}  // namespace peerage::http
