#include "wire/records.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "testing/samples.h"

namespace peerage::wire {
namespace {

constexpr wall_time some_time{seconds{1'700'000'000}};

TEST(records, read_as_they_were_written) {
  network tenant = fakes::sample_network("acme");
  EXPECT_EQ(read_network(write(tenant)), tenant);
  tenant.ipv4.reset();
  tenant.dns.clear();
  EXPECT_EQ(read_network(write(tenant)), tenant);

  gateway host = fakes::sample_gateway("gw-1");
  host.draining = true;
  EXPECT_EQ(write(host).find("mtu"), std::string::npos) << "an earlier version knows none";
  EXPECT_EQ(read_gateway(write(host)), host);
  host.mtu = 1'400;
  EXPECT_EQ(read_gateway(write(host)), host);

  peer one = fakes::sample_peer("acme", "ci-1", 1);
  EXPECT_EQ(read_peer(write(one)), one);
  one.ipv4 = *ip_address::parse("10.9.0.2");
  one.preshared_key = secret_key(fakes::sample_key(9).bytes());
  one.expires_at = some_time;
  one.quota = 200;
  EXPECT_EQ(read_peer(write(one)), one);
  for (const auto& range :
       {std::optional<prefix>{}, std::optional{*prefix::parse("10.9.0.0/16")}}) {
    const assignment given = assignment_of(one, range);
    EXPECT_EQ(read_assignment(write(given)), given);
  }
  const assignment routed = assignment_of(one, {}, {*prefix::parse("192.168.0.0/16")});
  EXPECT_EQ(read_assignment(write(routed)), routed);

  token pass = fakes::sample_token("t1");
  pass.last_used_at = some_time;
  EXPECT_EQ(read_token(write(pass)), pass);
  pass.max_peers = 4'000'000'000;
  pass.max_ttl = seconds{3'600};
  EXPECT_EQ(read_token(write(pass)), pass);
  pass.network.reset();
  pass.expires_at.reset();
  EXPECT_EQ(read_token(write(pass)), pass);

  const mark said{"bootstrap", "done"};
  EXPECT_EQ(read_mark(write(said)), said);
}

TEST(records, what_is_no_object_is_no_record) {
  for (const char* text : {"", "[]", "null", "{\"a\":"}) {
    EXPECT_FALSE(read_network(text));
    EXPECT_FALSE(read_gateway(text));
    EXPECT_FALSE(read_peer(text));
    EXPECT_FALSE(read_token(text));
    EXPECT_FALSE(read_mark(text));
    EXPECT_FALSE(read_assignment(text));
  }
}

/// The text with one member's value replaced.
std::string with(std::string text, const std::string& member, const std::string& value) {
  const auto from = text.find("\"" + member + "\":") + member.size() + 3;
  const bool list = text[from] == '[';
  const auto end = text.find_first_of(list ? "]" : ",}", from) + (list ? 1 : 0);
  return text.replace(from, end - from, value);
}

template <class T>
void blames(result<T> (*read)(std::string_view), const std::string& whole,
            const std::string& member, const std::string& value) {
  ASSERT_TRUE(read(whole));
  const auto done = read(with(whole, member, value));
  ASSERT_FALSE(done) << member << " " << value;
  EXPECT_EQ(done.error().code, errc::corrupt);
  EXPECT_EQ(done.error().field, member);
}

TEST(records, a_fault_names_the_member) {
  blames(read_network, write(fakes::sample_network("acme")), "ipv6", "\"x\"");
  blames(read_gateway, write(fakes::sample_gateway("gw-1")), "number", "65536");
  blames(read_token, write(fakes::sample_token("t1")), "hash", "\"07\"");
  blames(read_token, write(fakes::sample_token("t1")), "scopes", "[\"all\"]");
  blames(read_mark, write(mark{"a", "b"}), "value", "1");
  peer one = fakes::sample_peer("acme", "ci-1", 1);
  one.ipv4 = *ip_address::parse("10.9.0.2");
  blames(read_peer, write(one), "ipv6", "\"10.9.0.2\"");
  blames(read_peer, write(one), "ipv6", "\"x\"");
  blames(read_peer, write(one), "ipv4", "\"fd00::1\"");
  blames(read_peer, write(one), "ipv4", "\"x\"");
  blames(read_peer, write(one), "created_at", "\"today\"");
  const auto given = write(assignment_of(one, {}));
  blames(read_assignment, given, "addresses", "[]");
  blames(read_assignment, given, "addresses", "[\"fd00::/64\"]");
}

}  // namespace
}  // namespace peerage::wire
