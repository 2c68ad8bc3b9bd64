#include "http/proxy_protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace peerage::http {
namespace {

const std::string v2("\r\n\r\n\0\r\nQUIT\n", 12);

std::string v2_header(char command, char family, const std::string& rest) {
  return v2 + command + family + static_cast<char>(rest.size() / 256) +
         static_cast<char>(rest.size() % 256) + rest;
}

/// Reads it as a connection does: as many bytes as are asked for, and never one too many.
std::string read(const std::string& bytes) {
  std::size_t have = 0;
  for (;;) {
    const auto step = read_proxy_header(std::string_view(bytes).substr(0, have));
    if (!step) return "refused";
    if (step->missing == 0) {
      if (have != bytes.size()) return "stopped after " + std::to_string(have);
      return step->client ? step->client->to_string() : "nobody";
    }
    if (have + step->missing > bytes.size()) return "waits";
    have += step->missing;
  }
}

TEST(proxy_protocol, version_1_names_the_client) {
  EXPECT_EQ(read("PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n"), "192.0.2.7");
  EXPECT_EQ(read("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n"), "1.1.1.1") << "the shortest";
  EXPECT_EQ(read("PROXY TCP6 2001:db8::7 2001:db8::1 4711 443\r\n"), "2001:db8::7");
  EXPECT_EQ(read("PROXY TCP6 ::ffff:192.0.2.7 ::1 4711 443\r\n"), "192.0.2.7");
  EXPECT_EQ(read("PROXY UNKNOWN\r\n"), "nobody");
  EXPECT_EQ(read("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"), "nobody");
}

TEST(proxy_protocol, version_2_names_the_client) {
  const std::string v4("\xc0\x00\x02\x07\xc0\x00\x02\x01\x12\x34\x01\xbb", 12);
  EXPECT_EQ(read(v2_header('\x21', '\x11', v4)), "192.0.2.7");
  EXPECT_EQ(read(v2_header('\x21', '\x11', v4 + std::string(500, 't'))), "192.0.2.7")
      << "with TLVs";
  std::string v6(36, '\0');
  v6.replace(0, 4, "\x20\x01\x0d\xb8");
  v6[15] = 7;
  EXPECT_EQ(read(v2_header('\x21', '\x21', v6)), "2001:db8::7");
  EXPECT_EQ(read(v2_header('\x20', '\x00', "")), "nobody") << "the proxy looks whether we live";
  EXPECT_EQ(read(v2_header('\x21', '\x31', std::string(216, 'u'))), "nobody") << "a Unix socket";
  EXPECT_EQ(read(v2_header('\x21', '\x00', "")), "nobody");
}

TEST(proxy_protocol, refuses_what_is_no_header) {
  const std::string whole = "PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(read(whole.substr(0, size)), "waits") << size;
  }
  for (const std::string& no :
       {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), std::string("PROXY  TCP4 1.1.1.1\r\n"),
        std::string("PROXY TCP4 192.0.2.7 192.0.2.1 4711\r\n"),
        std::string("PROXY TCP4 192.0.2.7 192.0.2.1 4711 443 1\r\n"),
        std::string("PROXY TCP4 192.0.2.7 192.0.2.1 4711 65536\r\n"),
        std::string("PROXY TCP4 192.0.2.7 192.0.2.1 -1 443\r\n"),
        std::string("PROXY TCP4 2001:db8::7 2001:db8::1 4711 443\r\n"),
        std::string("PROXY TCP6 192.0.2.7 192.0.2.1 4711 443\r\n"),
        std::string("PROXY TCP6 fe80::1%1 fe80::2 4711 443\r\n"),
        std::string("PROXY TCP5 192.0.2.7 192.0.2.1 4711 443\r\n"),
        "PROXY UNKNOWN " + std::string(200, 'x'), std::string("\x16\x03\x01\x02\x00\x01", 6),
        v2 + "\x11\x11" + std::string(14, '\0'), v2 + "\x22\x11" + std::string(14, '\0'),
        v2_header('\x21', '\x11', std::string(11, '\0')),
        v2_header('\x21', '\x21', std::string(35, '\0')),
        v2_header('\x21', '\x11', std::string(521, '\0')), v2 + "\x21\x11\xff\xff"}) {
    EXPECT_EQ(read(no + std::string(600, 'y')), "refused") << testing::PrintToString(no);
  }
}

}  // namespace
}  // namespace peerage::http
