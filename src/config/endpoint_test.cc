#include "config/endpoint.h"

#include <gtest/gtest.h>

namespace peerage {
namespace {

TEST(endpoint, no_client_can_use_what_is_no_hosts) {
  for (const char* bad :
       {"203.0.113.300:51820", "0.0.0.0:1", "0.1.2.3:1", "[fe80::1]:51820", "169.254.1.1:1",
        "224.0.0.1:1", "255.255.255.255:1", "[ff02::1]:1", "[::]:1", "[::ffff:192.0.2.1]:1",
        "a..b:1", "gw-.x:1", "-gw.x:1", ".gw:1", "gw.-x:1", "1.2.3:1", "12345:1", "a.b.7:1"}) {
    EXPECT_NE(useless_because(bad), "") << bad;
  }
  for (const char* good :
       {"203.0.113.30:51820", "[2001:db8::1]:1", "gw-1.example.net:1", "gw:1", "gw.example.:1",
        "127.0.0.1:1", "10.0.0.1:1", "1a.2b:1", "xn--gw-1a:1"}) {
    EXPECT_EQ(useless_because(good), "") << good;
  }
  std::string label(64, 'a');
  label.append(".x:1");
  EXPECT_NE(useless_because(label), "");
}

TEST(endpoint, some_are_for_some_clients_alone) {
  for (const char* few : {"127.0.0.1:1", "[::1]:1", "10.1.2.3:1", "172.31.0.1:1", "192.168.1.1:1",
                          "100.64.0.1:1", "[fd00::1]:1"})
    EXPECT_NE(only_for(few), "") << few;
  for (const char* all :
       {"203.0.113.1:1", "[2001:db8::1]:1", "gw:1", "172.32.0.1:1", "100.128.0.1:1"})
    EXPECT_EQ(only_for(all), "") << all;
}

}  // namespace
}  // namespace peerage
