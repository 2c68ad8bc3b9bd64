#include "http/proxies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace peerage::http {
namespace {

proxy_list trusted() {
  return proxy_list::parse({"10.0.0.0/8", "192.0.2.1", "fd00::/8", "2001:db8::1"}).value();
}

std::string client(const std::vector<std::string>& values) {
  header_list headers = {{"Host", "x"}};
  for (const std::string& value : values) headers.emplace_back("x-forwarded-for", value);
  const auto found = forwarded_client(headers, trusted());
  return found ? found->to_string() : "nobody";
}

TEST(proxies, are_ranges_addresses_and_the_unix_socket) {
  const auto list = trusted();
  const auto holds = [&](const char* text) { return list.contains(asio::ip::make_address(text)); };
  for (const char* in : {"10.255.0.1", "192.0.2.1", "fd12::1", "2001:db8::1", "::ffff:10.0.0.1"})
    EXPECT_TRUE(holds(in)) << in;
  for (const char* out : {"11.0.0.1", "192.0.2.2", "fe80::1", "2001:db8::2", "::ffff:11.0.0.1"})
    EXPECT_FALSE(holds(out)) << out;
  EXPECT_FALSE(list.contains_unix());
  EXPECT_TRUE(proxy_list::parse({"unix:"}).value().contains_unix());
  EXPECT_TRUE(proxy_list::parse({"0.0.0.0/0"}).value().contains(asio::ip::make_address("9.9.9.9")));
  for (const char* no : {"", "10.0.0.0/33", "fd00::/129", "proxy", "10.0.0.0/", "/8", "10.0.0/8",
                         "unix:/run/x", "10.0.0.0/-1", "10.0.0.0/8 "}) {
    EXPECT_FALSE(proxy_list::parse({no})) << no;
  }
}

TEST(proxies, the_client_is_the_rightmost_that_is_none) {
  EXPECT_EQ(client({"198.51.100.7"}), "198.51.100.7");
  EXPECT_EQ(client({"203.0.113.9, 198.51.100.7"}), "198.51.100.7")
      << "the left is the client's own";
  EXPECT_EQ(client({"203.0.113.9, 198.51.100.7,10.0.0.2 , 192.0.2.1"}), "198.51.100.7");
  EXPECT_EQ(client({"203.0.113.9", "198.51.100.7", "10.0.0.2"}), "198.51.100.7") << "one list";
  EXPECT_EQ(client({"10.0.0.3, 10.0.0.2"}), "10.0.0.3") << "a client among the proxies";
  EXPECT_EQ(client({}), "nobody");
}

TEST(proxies, every_form_of_an_address_is_read) {
  EXPECT_EQ(client({"198.51.100.7:4711"}), "198.51.100.7");
  EXPECT_EQ(client({"2001:db8::7"}), "2001:db8::7");
  EXPECT_EQ(client({"[2001:db8::7]"}), "2001:db8::7");
  EXPECT_EQ(client({"[2001:db8::7]:4711"}), "2001:db8::7");
  EXPECT_EQ(client({"fe80::1%eth0"}), "fe80::1");
  EXPECT_EQ(client({"[fe80::1%25eth0]:1"}), "fe80::1");
  EXPECT_EQ(client({"::ffff:198.51.100.7"}), "198.51.100.7");
  EXPECT_EQ(client({"198.51.100.7, [::ffff:10.0.0.2]:80"}), "198.51.100.7");
}

TEST(proxies, nothing_is_believed_beyond_what_is_no_address) {
  for (const char* garbage : {"",
                              " ",
                              "unknown",
                              "_hidden",
                              "198.51.100.7:",
                              "198.51.100.7:x",
                              "198.51.100.7:65536",
                              "[198.51.100.7]",
                              "[2001:db8::7",
                              "2001:db8::7]",
                              "[2001:db8::7]x",
                              "[2001:db8::7]:",
                              "[]",
                              "[]:1",
                              "1.2.3",
                              "1.2.3.4.5",
                              "198.51.100.7%eth0",
                              "\"198.51.100.7\"",
                              "%eth0",
                              ":1",
                              "%"}) {
    EXPECT_EQ(client({garbage}), "nobody") << garbage;
    EXPECT_EQ(client({"203.0.113.9, " + std::string(garbage) + ", 10.0.0.2"}), "10.0.0.2")
        << garbage;
  }
  EXPECT_EQ(client({"198.51.100.7", ""}), "nobody");
  EXPECT_EQ(client({"198.51.100.7,"}), "nobody");
}

TEST(proxies, a_thousand_entries_are_read_from_the_right) {
  std::string many = "198.51.100.7";
  for (int i = 0; i < 1'000; ++i) many += ",10.0.0.1";
  EXPECT_EQ(client({many}), "198.51.100.7");
  EXPECT_EQ(client({many + ", 203.0.113.9"}), "203.0.113.9");
  EXPECT_EQ(client({std::string(16'000, ',')}), "nobody");
}

}  // namespace
}  // namespace peerage::http
