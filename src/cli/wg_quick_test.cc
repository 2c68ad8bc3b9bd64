#include "cli/wg_quick.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace peerage::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view peer_key = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=";
constexpr std::string_view gateway_key = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";

json::value answer_of(std::string_view dns) {
  const std::string text = R"({"name": "ci-1", "network": "acme",
    "public_key": "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=",
    "addresses": ["fd00:0:0:1::2/128", "10.0.0.2/32"], "allowed_ips": ["fd00::/48", "10.0.0.0/24"],
    "dns": )" + std::string(dns) +
                           R"(, "keepalive_s": 25,
    "gateway": {"name": "gw-fra-1", "region": "fra", "endpoint": "203.0.113.7:51820",
                "public_key": ")" +
                           std::string(gateway_key) + R"("}})";
  return json::parse(text).value();
}

secret_key key_of_ones() {
  secret_key key;
  for (auto& byte : key.reveal()) byte = 1;
  return key;
}

TEST(wg_quick, the_whole_file) {
  const auto text = wg_quick_text(answer_of("[\"10.0.0.53\", \"fd00::53\"]"), key_of_ones(), {});
  ASSERT_TRUE(text.has_value()) << text.error().message;
  EXPECT_EQ(text->reveal(), R"(# ci-1 in acme, on gw-fra-1 (fra)
[Interface]
PrivateKey = AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=
Address = fd00:0:0:1::2/128, 10.0.0.2/32
DNS = 10.0.0.53, fd00::53

[Peer]
PublicKey = hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=
Endpoint = 203.0.113.7:51820
AllowedIPs = fd00::/48, 10.0.0.0/24
PersistentKeepalive = 25
)");
}

TEST(wg_quick, the_gateways_mtu_is_said_where_it_is_not_the_usual_one) {
  auto with = [](const json::value& mtu) {
    json::value answer = answer_of("[]");
    answer.as_object()["gateway"].as_object()["mtu"] = mtu;
    return wg_quick_text(answer, key_of_ones(), {});
  };
  const auto text = with(1'380);
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_THAT(std::string(text->reveal()), HasSubstr("/32\nMTU = 1380\n\n[Peer]"));
  const auto usual = with(1'420);
  ASSERT_TRUE(usual);
  EXPECT_THAT(std::string(usual->reveal()), Not(HasSubstr("MTU")));
  for (const json::value& wrong : {json::value(1'279), json::value(65'456), json::value("1400"),
                                   json::value("1400\nPostUp = x"), json::value(-1)}) {
    const auto refused = with(wrong);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().field, "gateway.mtu");
  }
}

TEST(wg_quick, lines_that_have_nothing_to_say_are_not_there) {
  const auto text = wg_quick_text(answer_of("[]"), {}, {});
  ASSERT_TRUE(text.has_value());
  EXPECT_THAT(std::string(text->reveal()), Not(HasSubstr("DNS")));
  EXPECT_THAT(std::string(text->reveal()), Not(HasSubstr("\nPrivateKey")));
  EXPECT_THAT(std::string(text->reveal()), Not(HasSubstr("PresharedKey")));
  EXPECT_THAT(std::string(text->reveal()), Not(HasSubstr("MTU")));
}

TEST(wg_quick, without_a_private_key_it_says_where_that_goes) {
  const auto text = wg_quick_text(answer_of("[]"), {}, {});
  ASSERT_TRUE(text.has_value());
  EXPECT_THAT(std::string(text->reveal()),
              HasSubstr("[Interface]\n# Put the private key of " + std::string(peer_key) +
                        " here:\n# PrivateKey =\nAddress = "));
}

TEST(wg_quick, a_file_of_one_family_has_nothing_of_the_other) {
  const json::value peer = answer_of("[\"10.0.0.53\", \"fd00::53\"]");
  const auto v4 = wg_quick_text(peer, key_of_ones(), {}, family::ipv4);
  ASSERT_TRUE(v4.has_value()) << v4.error().message;
  EXPECT_THAT(std::string(v4->reveal()), HasSubstr("Address = 10.0.0.2/32\nDNS = 10.0.0.53\n"));
  EXPECT_THAT(std::string(v4->reveal()), HasSubstr("AllowedIPs = 10.0.0.0/24\n"));
  EXPECT_THAT(std::string(v4->reveal()), Not(HasSubstr("fd00")));
  // The gateway's endpoint is an IPv4 address.
  const auto unreachable = wg_quick_text(peer, key_of_ones(), {}, family::ipv6);
  ASSERT_FALSE(unreachable.has_value());
  EXPECT_EQ(unreachable.error().code, errc::unsupported);
  EXPECT_THAT(unreachable.error().message,
              HasSubstr("203.0.113.7:51820, can't be reached over IPv6"));
  for (const char* endpoint : {"[2001:db8::1]:51820", "gw.example.com:51820"}) {
    json::value other = peer;
    other.as_object()["gateway"].as_object()["endpoint"] = endpoint;
    const auto v6 = wg_quick_text(other, key_of_ones(), {}, family::ipv6);
    ASSERT_TRUE(v6.has_value()) << v6.error().message;
    EXPECT_THAT(std::string(v6->reveal()),
                HasSubstr("Address = fd00:0:0:1::2/128\nDNS = fd00::53\n"));
    EXPECT_THAT(std::string(v6->reveal()), Not(HasSubstr("10.0.0")));
    EXPECT_THAT(std::string(v6->reveal()), HasSubstr("Endpoint = " + std::string(endpoint)));
  }
}

TEST(wg_quick, a_family_that_the_network_lacks_makes_no_file) {
  for (const char* name : {"addresses", "allowed_ips"}) {
    json::value peer = answer_of("[]");
    peer.as_object()[name] = json::array{json::value("fd00::/48")};
    const auto text = wg_quick_text(peer, key_of_ones(), {}, family::ipv4);
    ASSERT_FALSE(text.has_value()) << name;
    EXPECT_EQ(text.error().code, errc::unsupported);
    EXPECT_EQ(text.error().field, name);
    EXPECT_THAT(text.error().message, HasSubstr("no IPv4"));
  }
}

TEST(wg_quick, a_preshared_key_belongs_to_the_peer) {
  const auto text = wg_quick_text(answer_of("[]"), key_of_ones(), secret_key{});
  ASSERT_TRUE(text.has_value());
  EXPECT_THAT(std::string(text->reveal()),
              HasSubstr("qbTmo=\nPresharedKey = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"));
}

TEST(wg_quick, a_server_can_not_write_lines_of_its_own) {
  struct change {
    const char* member;
    json::value value;
  };
  const std::string evil = "fd00::1/128\nPostUp = reboot";
  const change table[] = {
      {"name", "a\nb"},
      {"name", nullptr},
      {"network", "a b"},
      {"addresses", json::array{json::value(evil)}},
      {"addresses", json::array{}},
      {"addresses", json::array{1}},
      {"addresses", "fd00::1/128"},
      {"allowed_ips", json::array{json::value("::/0\nPostUp = x")}},
      {"allowed_ips", nullptr},
      {"dns", json::array{json::value("10.0.0.1\nPostUp = x")}},
      {"dns", json::array{json::value("example.com")}},
      {"keepalive_s", -1},
      {"keepalive_s", 65536},
      {"keepalive_s", "25\nPostUp = x"},
      {"gateway", nullptr},
  };
  for (const auto& [name, value] : table) {
    json::value peer = answer_of("[]");
    peer.as_object()[name] = value;
    const auto text = wg_quick_text(peer, key_of_ones(), {});
    ASSERT_FALSE(text.has_value()) << name;
    EXPECT_EQ(text.error().code, errc::corrupt);
    EXPECT_THAT(text.error().message, HasSubstr(name));
  }
  for (const char* name : {"name", "region", "endpoint", "public_key"}) {
    json::value peer = answer_of("[]");
    peer.as_object()["gateway"].as_object()[name] = "203.0.113.7:1\nPostUp = x";
    const auto text = wg_quick_text(peer, key_of_ones(), {});
    ASSERT_FALSE(text.has_value()) << name;
    EXPECT_EQ(text.error().field, "gateway." + std::string(name));
  }
}

}  // namespace
}  // namespace peerage::cli
