#include "cli/wg_quick.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace peerage::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view gateway_key = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";

json::value answer_of(std::string_view dns) {
  const std::string text = R"({"name": "ci-1", "network": "acme",
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

TEST(wg_quick, lines_that_have_nothing_to_say_are_not_there) {
  const auto text = wg_quick_text(answer_of("[]"), {}, {});
  ASSERT_TRUE(text.has_value());
  EXPECT_THAT(std::string(text->reveal()), Not(HasSubstr("DNS")));
  EXPECT_THAT(std::string(text->reveal()), Not(HasSubstr("PrivateKey")));
  EXPECT_THAT(std::string(text->reveal()), Not(HasSubstr("PresharedKey")));
  EXPECT_THAT(std::string(text->reveal()), Not(HasSubstr("MTU")));
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
