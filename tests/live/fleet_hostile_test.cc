// What comes in over NATS and stands in Consul is not trusted: it is refused or passed over, said
// once, with its subject or key, and nobody else feels it.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base64.h"
#include "json/json.h"
#include "model/key.h"
#include "tests/live/fleet.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

const std::string peers = "/v1/networks/acme/peers";
const std::string gateway_subject = "peerage.v1.gateway.gw-1.";

/// NATS by hand: one connection, one inbox.
class nats_by_hand {
 public:
  explicit nats_by_hand(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    timeval limit{5, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
      throw std::runtime_error("NATS can't be reached");
    }
    write("CONNECT {\"verbose\": false}\r\nSUB answers 1\r\n");
  }
  ~nats_by_hand() { ::close(socket_); }
  nats_by_hand(const nats_by_hand&) = delete;
  nats_by_hand& operator=(const nats_by_hand&) = delete;

  void publish(const std::string& subject, const std::string& payload, bool answered) {
    write("PUB " + subject + (answered ? " answers " : " ") + std::to_string(payload.size()) +
          "\r\n" + payload + "\r\n");
  }
  /// The next answer's payload; "" where none comes in time.
  std::string answer() {
    for (;;) {
      const auto message = unread_.find("MSG answers 1 ");
      const auto end = message == std::string::npos ? message : unread_.find("\r\n", message);
      if (end != std::string::npos) {
        const std::size_t size = std::stoul(unread_.substr(message + 14));
        if (unread_.size() >= end + 2 + size + 2) {
          std::string payload = unread_.substr(end + 2, size);
          unread_.erase(0, end + 2 + size + 2);
          return payload;
        }
      }
      char bytes[4096];
      const ssize_t got = ::recv(socket_, bytes, sizeof bytes, 0);
      if (got <= 0) return {};
      unread_.append(bytes, static_cast<std::size_t>(got));
    }
  }

 private:
  void write(const std::string& text) {
    if (::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(text.size())) {
      throw std::runtime_error("NATS takes no more");
    }
  }
  int socket_;
  std::string unread_;
};

TEST(fleet, garbage_on_every_subject_is_refused_and_harms_nobody) {
  fleet all;
  all.start_usual();
  caller api = all.call();
  const std::string good = new_public_key();
  const json::object wish{{"name", "good"}, {"public_key", good}, {"gateway", "gw-1"}};
  ASSERT_EQ(api.call("POST", peers, wish).status, 201);
  nats_by_hand nats(all.nats.port());
  const std::string other = new_public_key();
  const std::vector<std::string> garbage{
      "",
      "not JSON",
      "{\"request_id\": \"r\", \"epo",
      "[1, 2, 3]",
      "null",
      std::string("\x00\xff\xfe\x01", 4),
      std::string(900'000, 'x'),
      std::string(50'000, '['),
      R"({"request_id": 7, "epoch": {}, "revision": -1, "changes": "all"})",
      R"({"request_id": "r", "epoch": "e", "revision": 1e400, "changes": []})",
      R"({"request_id": "r", "epoch": "e", "revision": 1, "changes": [{"op": "burn"}]})",
      R"({"request_id": "r", "epoch": "e", "revision": 1, "changes": [{"op": "put", "peer": 7}]})",
      R"({"request_id": "r", "request_id": "s", "epoch": "e", "revision": 1, "changes": []})",
      R"({"public_keys": "all"})",
      R"({"public_keys": ["AAAA"]})",
  };
  for (const std::string& each : garbage) {
    nats.publish(gateway_subject + "apply", each, true);
    const std::string said = nats.answer();
    EXPECT_NE(said.find("\"error\""), std::string::npos) << each.substr(0, 60) << ": " << said;
    for (const char* what : {"status", "accept-removals"}) {
      nats.publish(gateway_subject + what, each, true);
      EXPECT_NE(nats.answer(), "") << what << ": " << each.substr(0, 60);
    }
    nats.publish(gateway_subject + "heartbeat", each, false);
    nats.publish("peerage.v1.events", each, false);
    nats.publish("$SRV.PING.peerage-gateway", each, true);
    for (int gateways = 0; gateways < 2; ++gateways) EXPECT_NE(nats.answer(), "");
  }
  // One that is well formed, and that nobody vouches for, changes nothing either.
  nats.publish(gateway_subject + "apply",
               R"({"request_id": "r", "epoch": "other", "revision": 999999999, "changes": [)"
               R"({"op": "remove", "public_key": ")" +
                   good + "\"}]}",
               true);
  EXPECT_NE(nats.answer().find("not signed"), std::string::npos);
  EXPECT_TRUE(all.gateway(0).has(good));
  EXPECT_EQ(all.gateway(0).peers(), 1U);
  EXPECT_NE(all.gateway(0).running().log().find("subject=" + gateway_subject + "apply"),
            std::string::npos)
      << "the log says which subject";
  EXPECT_TRUE(eventually(5s, [&] {
    return all.api().running().log().find("subject=" + gateway_subject + "heartbeat") !=
           std::string::npos;
  }));
  const json::object more{{"name", "more"}, {"public_key", other}, {"gateway", "gw-1"}};
  EXPECT_EQ(api.call("POST", peers, more).status, 201) << "and the gateway goes on";
}

TEST(fleet, values_in_consul_that_are_not_ours_are_said_once_and_passed_over) {
  fleet all;
  all.start_usual();
  caller api = all.call();
  const std::string good = new_public_key();
  const json::object wish{{"name", "good"}, {"public_key", good}, {"gateway", "gw-1"}};
  ASSERT_EQ(api.call("POST", peers, wish).status, 201);
  const std::string at = "at/gw-1/" + hex_encode(public_key::parse(new_public_key())->bytes());
  const std::string odd = "at/gw-1/" + hex_encode(public_key::parse(new_public_key())->bytes());
  all.consul.put(at, "no JSON");
  // A record whose key and content disagree.
  all.consul.put(odd, R"({"network": "acme", "name": "x", "public_key": ")" + new_public_key() +
                          R"(", "preshared_key": null, "addresses": ["fd00::7/128"],)"
                          R"( "network_ipv4": null, "expires_at": null})");
  all.consul.put("gateways/garbage", "{}");
  all.consul.put("networks/other", "[]");
  all.consul.put("rings/gw-1/stranger", "no ring");  // so that it reads everything again
  gateway_node& gateway = all.gateway(0);
  const auto said = [](const std::string& log, const std::string& key) {
    std::size_t count = 0;
    for (std::size_t i = 0; (i = log.find("key=peerage/v1/" + key + " ", i)) != std::string::npos;
         ++i) {
      ++count;
    }
    return count;
  };
  for (const std::string& key : {at, odd, std::string("rings/gw-1/stranger")}) {
    EXPECT_TRUE(eventually(10s, [&] { return said(gateway.running().log(), key) > 0; })) << key;
  }
  EXPECT_TRUE(eventually(10s, [&] {
    (void)api.call("GET", "/v1/networks");
    return said(all.api().running().log(), "gateways/garbage") > 0 &&
           said(all.api().running().log(), "networks/other") > 0;
  }));
  all.consul.put("rings/gw-1/stranger", "no ring again");
  const json::object more{{"name", "more"}, {"public_key", new_public_key()}, {"gateway", "gw-1"}};
  EXPECT_EQ(api.call("POST", peers, more).status, 201);
  EXPECT_TRUE(gateway.has(good));
  EXPECT_EQ(gateway.peers(), 2U);
  EXPECT_EQ(said(gateway.running().log(), at), 1U) << "once";
  EXPECT_EQ(said(all.api().running().log(), "gateways/garbage"), 1U);
}

}  // namespace
}  // namespace peerage::live
