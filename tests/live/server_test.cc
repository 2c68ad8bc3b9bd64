// Slow and idle clients are nobody's business but their own.
#include <gtest/gtest.h>

#include <thread>

#include "tests/live/daemon.h"
#include "tests/live/raw.h"

namespace peerage::live {
namespace {

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
  // All of them come from one host here.
  std::string config = daemon.config_text();
  config.insert(config.find("[api]\n") + 6, "connections_per_host = 2000\n");
  daemon.write_config(config);
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
