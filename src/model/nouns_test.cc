// The small nouns: keys, names, endpoints, scopes, kinds of events, and what records are kept
// under.
#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <unordered_set>

#include "base/base64.h"
#include "model/apply.h"
#include "model/event.h"
#include "model/record.h"
#include "testing/samples.h"

namespace peerage {
namespace {

std::string base64_of(std::string_view hex) {
  std::array<std::uint8_t, key_size> bytes{};
  EXPECT_TRUE(hex_decode(hex, bytes));
  return base64_encode(bytes);
}

TEST(public_key, has_one_text) {
  const std::string text = fakes::sample_key(7).text();
  EXPECT_EQ(text.size(), 44U);
  EXPECT_EQ(*public_key::parse(text), fakes::sample_key(7));
  for (const std::string& bad : {std::string(), text.substr(1), text + "=", "A" + text}) {
    const auto read = public_key::parse(bad);
    ASSERT_FALSE(read) << bad;
    EXPECT_EQ(read.error().code, errc::invalid);
  }
}

TEST(public_key, of_low_order_is_none) {
  const std::string zeros(62, '0');
  for (const std::string& hex :
       {zeros + "00", "01" + zeros, "01" + zeros.substr(2) + "80",
        std::string("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        std::string("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        std::string("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")}) {
    const auto read = public_key::parse(base64_of(hex));
    ASSERT_FALSE(read) << hex;
    EXPECT_NE(read.error().message.find("low order"), std::string::npos) << hex;
  }
  EXPECT_TRUE(public_key::parse(base64_of("02" + zeros)));
}

TEST(public_key, can_be_put_into_a_set) {
  const std::unordered_set<public_key> all{fakes::sample_key(1), fakes::sample_key(2),
                                           fakes::sample_key(1)};
  EXPECT_EQ(all.size(), 2U);
}

TEST(secret_key, may_be_any_32_bytes) {
  const std::string zero = base64_of(std::string(64, '0'));
  EXPECT_TRUE(parse_secret_key(zero));
  const auto bad = parse_secret_key(zero.substr(1));
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, errc::invalid);
}

TEST(name, is_a_dns_label) {
  for (const std::string& good :
       {std::string("a"), std::string("0"), std::string("ci-4711"), std::string(63, 'x')}) {
    const auto read = peer_name::parse(good);
    ASSERT_TRUE(read) << good;
    EXPECT_EQ(read->text(), good);
    EXPECT_EQ(std::hash<peer_name>{}(*read), std::hash<peer_name>{}(*peer_name::parse(good)));
  }
  for (const std::string& bad :
       {std::string(), std::string("-a"), std::string("a-"), std::string("A"), std::string("a.b"),
        std::string("a{"), std::string("a/"), std::string("a:"), std::string(64, 'x')}) {
    EXPECT_FALSE(peer_name::parse(bad)) << bad;
  }
  EXPECT_TRUE(peer_name().empty());
}

TEST(endpoint, is_a_host_and_a_port) {
  for (const char* good : {"203.0.113.7:51820", "[fd00::1]:1", "gw-1.example.COM:65535", "a:1"})
    EXPECT_EQ(parse_endpoint(good), good);
  const std::string long_host(254, 'a');
  for (const std::string& bad :
       {std::string("203.0.113.7"), std::string(":1"), std::string("a:"), std::string("a:0"),
        std::string("a:65536"), std::string("a:x"), std::string("a:1x"), std::string("fd00::1:1"),
        std::string("[10.0.0.1]:1"), std::string("[x]:1"), std::string("[]:1"),
        std::string("[fd00::1:1"), std::string("-a:1"), std::string(".a:1"), std::string("a b:1"),
        std::string("a{:1"), std::string("a_b:1"), long_host + ":1"}) {
    const auto read = parse_endpoint(bad);
    ASSERT_FALSE(read) << bad;
    EXPECT_EQ(read.error().code, errc::invalid);
  }
}

TEST(scope, has_a_name_that_finds_it) {
  for (const scope each :
       {scope::admin, scope::peers_read, scope::peers_write, scope::peers_manage}) {
    EXPECT_EQ(scope_named(name_of(each)), each);
  }
  EXPECT_FALSE(scope_named("peers"));
}

TEST(event, kinds_have_names_of_their_own) {
  std::set<std::string_view> names;
  for (const event_kind each :
       {event_kind::peer_live, event_kind::peer_pending, event_kind::peer_removed,
        event_kind::peer_expired, event_kind::gateway_up, event_kind::gateway_down}) {
    names.insert(name_of(each));
  }
  EXPECT_EQ(names.size(), 6U);
  EXPECT_TRUE(names.contains("peer-live"));
}

TEST(record, is_kept_under_its_own_name) {
  const peer one = fakes::sample_peer("acme", "ci-1", 1);
  EXPECT_EQ(key_of(record{one}), record_key{one.id});
  EXPECT_EQ(key_of(record{fakes::sample_network("acme")}), record_key{one.id.network});
  EXPECT_EQ(key_of(record{fakes::sample_gateway("gw-1")}), record_key{one.gateway});
  EXPECT_EQ(key_of(record{fakes::sample_token("t1")}), record_key{*token_id::parse("t1")});
  EXPECT_EQ(key_of(record{mark{"bootstrap", "done"}}), record_key{mark_name{"bootstrap"}});
}

TEST(peer, is_assigned_with_all_its_addresses) {
  peer one = fakes::sample_peer("acme", "ci-1", 1);
  EXPECT_EQ(one.addresses(), std::vector{prefix::host(one.ipv6)});
  one.ipv4 = *ip_address::parse("10.9.0.2");
  const assignment given = assignment_of(one, prefix::parse("10.9.0.0/16").value());
  EXPECT_EQ(given.addresses, (std::vector{prefix::host(one.ipv6), prefix::host(*one.ipv4)}));
  EXPECT_EQ(given.id, one.id);
  EXPECT_EQ(key_of(peer_change{put_peer_change{given}}), one.public_key);
  EXPECT_EQ(key_of(peer_change{remove_peer_change{one.public_key}}), one.public_key);
}

TEST(network, routes_what_it_allows_beyond_its_own_ranges) {
  network one = fakes::sample_network("acme");
  const prefix elsewhere = *prefix::parse("192.168.0.0/16");
  one.allowed_ips = {one.ipv6, elsewhere};
  EXPECT_EQ(routes_of(one), std::vector{elsewhere});
  one.ipv4 = *prefix::parse("10.9.0.0/16");
  one.allowed_ips.push_back(*prefix::parse("10.9.8.0/24"));
  EXPECT_EQ(routes_of(one), std::vector{elsewhere});
}

}  // namespace
}  // namespace peerage
