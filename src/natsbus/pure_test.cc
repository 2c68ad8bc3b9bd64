// What the room decides and encodes without a server.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "crypto/certificate.h"
#include "json/json.h"
#include "natsbus/micro.h"
#include "natsbus/options.h"
#include "natsbus/permissions.h"
#include "natsbus/subjects.h"

namespace peerage::nats {
namespace {

TEST(subjects, are_those_of_the_document) {
  const auto name = *gateway_name::parse("gw-fra-1");
  EXPECT_EQ(subject_of(name, action::apply), "peerage.v1.gateway.gw-fra-1.apply");
  EXPECT_EQ(subject_of(name, action::status), "peerage.v1.gateway.gw-fra-1.status");
  EXPECT_EQ(subject_of(name, action::heartbeat), "peerage.v1.gateway.gw-fra-1.heartbeat");
}

TEST(subjects, a_heartbeat_names_its_gateway) {
  EXPECT_EQ(gateway_of_heartbeat("peerage.v1.gateway.gw-1.heartbeat")->text(), "gw-1");
  for (const char* wrong : {"", "peerage.v1.gateway.heartbeat", "peerage.v1.gateway..heartbeat",
                            "peerage.v1.gateway.a.b.heartbeat", "peerage.v1.gateway.gw-1.apply",
                            "peerage.v2.gateway.gw-1.heartbeat"}) {
    EXPECT_FALSE(gateway_of_heartbeat(wrong)) << wrong;
  }
}

TEST(permissions, a_refusal_is_read_from_the_words_of_the_server) {
  EXPECT_EQ(read_violation("Permissions Violation for Publish to \"a.b\""), (refusal{true, "a.b"}));
  EXPECT_EQ(read_violation("Permissions Violation for Subscription to \"a.*\" using queue \"q\""),
            (refusal{false, "a.*"}));
  for (const char* other :
       {"", "Authorization Violation", "Permissions Violation for Publish to \"a", "Publish to"}) {
    EXPECT_FALSE(read_violation(other)) << other;
  }
}

TEST(permissions, the_text_names_a_few_subjects_of_many) {
  EXPECT_EQ(text_of({}), "");
  std::vector<refusal> many;
  for (int i = 0; i < 9; ++i) many.push_back({i > 6, "s" + std::to_string(i)});
  const std::string text = text_of(many);
  EXPECT_NE(text.find("subscribe to s0, s1, s2, s3 and 3 more, nor to publish to s7, s8: "),
            std::string::npos)
      << text;
}

TEST(pauses, grow_to_a_bound_and_are_never_all_the_same) {
  EXPECT_EQ(pause_after(0, 0), milliseconds{100});
  EXPECT_EQ(pause_after(1, 0), milliseconds{200});
  EXPECT_EQ(pause_after(3, 0), milliseconds{800});
  EXPECT_EQ(pause_after(4, 0), milliseconds{1'000});
  EXPECT_EQ(pause_after(4'000'000'000, 0), milliseconds{1'000});
  EXPECT_EQ(pause_after(1, 1), milliseconds{100});
  EXPECT_EQ(pause_after(1, 0.5), milliseconds{150});
}

TEST(options, tls_is_used_where_anything_asks_for_it) {
  nats_options plain;
  plain.servers = {"nats://a:4222"};
  EXPECT_FALSE(wants_tls(plain));
  auto by_server = plain;
  by_server.servers.push_back("tls://b:4222");
  EXPECT_TRUE(wants_tls(by_server));
  auto by_file = plain;
  by_file.ca_file = "ca.pem";
  EXPECT_TRUE(wants_tls(by_file));
}

TEST(options, a_host_is_found_in_its_url) {
  EXPECT_EQ(host_of("tls://nats-1:4222"), "nats-1");
  EXPECT_EQ(host_of("tls://nats-1"), "nats-1");
  EXPECT_EQ(host_of("nats://user:pa:ss@nats-1:4222"), "nats-1");
  EXPECT_EQ(host_of("nats-1:4222"), "nats-1");
  EXPECT_EQ(host_of("tls://[fd00::1]:4222"), "fd00::1");
}

TEST(options, trouble_with_tls_is_said_in_our_words) {
  EXPECT_EQ(tls_trouble("(conn.c:1): SSL handshake error: 10:certificate has expired:depth=0", "h"),
            certificate_trouble(10, "h"));
  EXPECT_EQ(tls_trouble("SSL handshake error: 62:hostname mismatch:expected=h:cert=/CN=x", "h"),
            certificate_trouble(62, "h"));
  EXPECT_EQ(tls_trouble("SSL handshake error: wrong version number", "h"), "wrong version number");
  EXPECT_EQ(tls_trouble("SSL handshake error: 10", "h"), "10");
  EXPECT_EQ(tls_trouble("something else", "h"), "something else");
}

TEST(options, the_public_key_stands_beside_the_seed) {
  const std::string file = testing::TempDir() + "nkey_test";
  const std::string user = "U" + std::string(55, 'A');
  std::ofstream(file) << "SU" << std::string(56, 'A') << "\n" << user << "\r\n";
  EXPECT_EQ(nkey_user(file).value(), user);
  std::ofstream(file) << "SU" << std::string(56, 'A') << "\n";
  EXPECT_EQ(nkey_user(file).error().code, errc::invalid);
  std::remove(file.c_str());
  EXPECT_EQ(nkey_user(file).error().code, errc::io);
}

TEST(micro, listens_bare_by_name_and_by_name_and_id) {
  const auto all = subjects_of(micro_question::stats, "X1");
  EXPECT_EQ(all[0], "$SRV.STATS");
  EXPECT_EQ(all[1], "$SRV.STATS.peerage-gateway");
  EXPECT_EQ(all[2], "$SRV.STATS.peerage-gateway.X1");
}

TEST(micro, says_what_adr_32_wants) {
  micro_service from;
  from.id = "X1";
  from.gateway = *gateway_name::parse("gw-1");
  from.region = "fra";
  from.endpoints[0] = {"apply", "a.b", 4, 1, "bad", std::chrono::nanoseconds{400}};
  const auto ping = json::parse(answer_to(micro_question::ping, from))->as_object();
  EXPECT_EQ(ping.at("type"), "io.nats.micro.v1.ping_response");
  EXPECT_EQ(ping.at("metadata").at("gateway"), "gw-1");
  EXPECT_FALSE(ping.contains("endpoints"));
  const auto info = json::parse(answer_to(micro_question::info, from))->as_object();
  EXPECT_EQ(info.at("type"), "io.nats.micro.v1.info_response");
  EXPECT_EQ(info.at("endpoints").at(0).at("subject"), "a.b");
  EXPECT_TRUE(info.contains("description"));
  const auto stats = json::parse(answer_to(micro_question::stats, from))->as_object();
  EXPECT_EQ(stats.at("type"), "io.nats.micro.v1.stats_response");
  EXPECT_EQ(stats.at("started"), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(stats.at("endpoints").at(0).at("num_requests"), 4);
  EXPECT_EQ(stats.at("endpoints").at(0).at("num_errors"), 1);
  EXPECT_EQ(stats.at("endpoints").at(0).at("last_error"), "bad");
  EXPECT_EQ(stats.at("endpoints").at(0).at("average_processing_time"), 100);
  EXPECT_EQ(stats.at("endpoints").at(1).at("average_processing_time"), 0);
}

}  // namespace
}  // namespace peerage::nats
