// What one host may take of the server, and what is left for the others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "http/loopback.h"
#include "http/server.h"

namespace peerage::http {
namespace {

using loopback::descriptor_limit;
using loopback::get;
using loopback::raw_client;
using loopback::served;
using testing::HasSubstr;

constexpr std::string_view half = "GET / HTTP/1.1\r\nHost: x\r\n";

TEST(host_limit, a_hosts_own_connection_makes_room_for_its_next) {
  served here({.connections = 16, .connections_per_host = 4});
  raw_client quiet(here.port());
  EXPECT_EQ(quiet.ask(get("/")).status, 200);
  std::deque<raw_client> flood;
  for (int i = 0; i < 40; ++i) flood.emplace_back(raw_client::from(2, here.port())).send(half);
  EXPECT_TRUE(flood.front().at_end());
  EXPECT_EQ(flood.back().ask("\r\n").status, 200);
  EXPECT_EQ(here.connections(), 5U);
  EXPECT_EQ(quiet.ask(get("/")).status, 200) << "over the connection that it has";
  EXPECT_EQ(raw_client(here.port()).ask(get("/")).status, 200);
}

TEST(host_limit, of_one_alone_it_is_the_last_that_stays) {
  served here({.connections_per_host = 1});
  std::deque<raw_client> each;
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(each.emplace_back(here.port()).ask(get("/")).status, 200);
    EXPECT_EQ(here.connections(), 1U);
  }
}

/// Two of one host, whose requests wait until the gate is opened.
std::deque<raw_client> two_at_work(served& here) {
  std::deque<raw_client> busy;
  for (int i = 0; i < 2; ++i) {
    busy.emplace_back(raw_client::from(2, here.port())).send(get("/wait"));
    EXPECT_TRUE(here.gate().entered.try_acquire_for(seconds{10}));
  }
  return busy;
}

TEST(host_limit, where_all_of_a_host_are_at_work_its_next_is_429) {
  served here({.connections_per_host = 2});
  auto busy = two_at_work(here);
  auto surplus = raw_client::from(2, here.port());
  const auto refused = surplus.ask(get("/"));
  EXPECT_EQ(refused.status, 429);
  EXPECT_THAT(refused.head, HasSubstr("Retry-After: 1\r\n"));
  EXPECT_THAT(refused.body, HasSubstr("allows a host"));
  EXPECT_TRUE(surplus.at_end());
  EXPECT_EQ(raw_client(here.port()).ask(get("/")).status, 200);
  here.open_gate();
  EXPECT_EQ(busy[1].read_answer().status, 200);
  EXPECT_EQ(raw_client::from(2, here.port()).ask(get("/")).status, 200);
}

TEST(host_limit, too_many_requests_of_a_host_in_flight_are_429) {
  served here({.in_flight_per_host = 2, .pause_after_429 = milliseconds{0}});
  auto busy = two_at_work(here);
  auto third = raw_client::from(2, here.port());
  const auto refused = third.ask(get("/"));
  EXPECT_EQ(refused.status, 429);
  EXPECT_THAT(refused.head, HasSubstr("Retry-After: 1\r\n"));
  EXPECT_EQ(raw_client(here.port()).ask(get("/")).status, 200);
  here.open_gate();
  for (auto& each : busy) EXPECT_EQ(each.read_answer().status, 200);
  EXPECT_EQ(third.ask(get("/")).status, 200);
}

TEST(host_limit, whoever_has_more_than_its_share_gives_way) {
  served here({.connections = 8});
  raw_client quiet(here.port());
  EXPECT_EQ(quiet.ask(get("/")).status, 200);
  std::deque<raw_client> flood;
  for (int i = 0; i < 20; ++i) flood.emplace_back(raw_client::from(2, here.port())).send(half);
  EXPECT_EQ(flood.back().ask("\r\n").status, 200) << "so all of them were let in";
  EXPECT_EQ(here.connections(), 8U);
  EXPECT_EQ(quiet.ask(get("/")).status, 200) << "it has waited longest, and is not the flood";
}

TEST(host_limit, after_a_429_the_next_request_waits) {
  served here({.pause_after_429 = seconds{60}});
  raw_client eager(here.port());
  EXPECT_EQ(eager.ask(get("/often")).status, 429);
  eager.send(get("/"));
  EXPECT_FALSE(eager.readable(100));
  EXPECT_EQ(raw_client(here.port()).ask(get("/")).status, 200);
  served soon({.pause_after_429 = milliseconds{1}});
  raw_client patient(soon.port());
  EXPECT_EQ(patient.ask(get("/often")).status, 429);
  EXPECT_EQ(patient.ask(get("/")).status, 200);
}

TEST(host_limit, ten_thousand_that_never_finish_a_request_stop_nobody) {
  const descriptor_limit many(16'384);
  served here;
  raw_client quiet(here.port());
  EXPECT_EQ(quiet.ask(get("/")).status, 200);
  std::deque<raw_client> flood;
  for (int i = 0; i < 10'000; ++i) {
    const auto last = static_cast<std::uint8_t>(2 + i % 8);
    flood.emplace_back(raw_client::from(last, here.port())).send(half);
    if (i % 1'000 != 999) continue;
    EXPECT_EQ(raw_client(here.port()).ask(get("/")).status, 200) << i;
  }
  EXPECT_EQ(quiet.ask(get("/")).status, 200) << "over the connection that it has";
  EXPECT_LE(here.connections(), limits{}.connections);
}

}  // namespace
}  // namespace peerage::http
