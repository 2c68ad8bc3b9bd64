#include "netlink/route_codec.h"

#include <gtest/gtest.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

namespace peerage::netlink {
namespace {

ip_address ip(const char* text) {
  return ip_address::parse(text).value();
}
prefix net(const char* text) {
  return prefix::parse(text).value();
}

address_entry host(const char* text) {
  return {ip(text), ip(text).bits(), false};
}
route_entry ours(const char* text) {
  return {net(text), RTPROT_STATIC, net(text).family() == family::ipv6 ? 1024U : 0U, false};
}

bytes_view payload(const request& of) {
  return of.bytes().subspan(sizeof(nlmsghdr));
}

TEST(link_changes, only_what_differs) {
  const link_facts as_wanted{7, true, 1420, "peerage:x", "wireguard"};
  EXPECT_FALSE(compare(as_wanted, "peerage:x", 1420));
  EXPECT_EQ(compare(as_wanted, "peerage:x", 1400), (link_change{{}, 1400, false}));
  EXPECT_EQ(compare(as_wanted, "peerage:y", 1420), (link_change{"peerage:y", {}, false}));
  link_facts down = as_wanted;
  down.up = false;
  EXPECT_EQ(compare(down, "peerage:x", 1420), (link_change{{}, {}, true}));
}

TEST(address_changes, nothing_where_all_is_as_wanted) {
  const auto changes = compare({host("fd00::1"), host("10.0.0.1"), {ip("fe80::7"), 64, false}},
                               {ip("10.0.0.1"), ip("fd00::1")});
  EXPECT_TRUE(changes.drop.empty()) << "link-local ones are left alone";
  EXPECT_TRUE(changes.add.empty());
}

TEST(address_changes, what_is_missing_comes_and_what_is_surplus_goes) {
  const auto changes = compare({host("fd00::1"), host("10.0.0.1")}, {ip("fd00::1"), ip("fd00::2")});
  EXPECT_EQ(changes.drop, (std::vector<address_entry>{host("10.0.0.1")}));
  EXPECT_EQ(changes.add, (std::vector<ip_address>{ip("fd00::2")}));
}

TEST(address_changes, another_length_or_a_far_end_is_another_address) {
  const std::vector<address_entry> have{{ip("fd00::1"), 64, false}, {ip("10.0.0.1"), 32, true}};
  const std::vector<ip_address> want{ip("fd00::1"), ip("10.0.0.1")};
  const auto changes = compare(have, want);
  EXPECT_EQ(changes.drop, have);
  EXPECT_EQ(changes.add, want);
}

TEST(route_changes, nothing_where_all_is_as_wanted) {
  const auto changes = compare({ours("fd00::/48"), ours("10.0.0.0/8")},
                               {net("10.0.0.0/8"), net("fd00::/48"), net("fd00::/48")});
  EXPECT_TRUE(changes.drop.empty());
  EXPECT_TRUE(changes.add.empty());
}

TEST(route_changes, the_kernels_own_and_link_local_and_multicast_ones_stay) {
  const auto changes = compare({{net("fd00::1/128"), RTPROT_KERNEL, 256, false},
                                {net("fe80::/64"), RTPROT_BOOT, 1024, false},
                                {net("ff00::/8"), RTPROT_BOOT, 256, false},
                                {net("224.0.0.0/4"), RTPROT_BOOT, 0, false}},
                               {});
  EXPECT_TRUE(changes.drop.empty());
}

TEST(route_changes, surplus_ones_go_whoever_made_them) {
  const std::vector<route_entry> have{ours("fd00:1::/48"),
                                      {net("10.0.0.0/8"), RTPROT_BOOT, 0, false}};
  const auto changes = compare(have, {net("fd00:2::/48")});
  EXPECT_EQ(changes.drop, have);
  EXPECT_EQ(changes.add, (std::vector<prefix>{net("fd00:2::/48")}));
}

TEST(route_changes, a_route_through_a_gateway_or_of_another_priority_is_another_route) {
  route_entry gateway = ours("fd00::/48");
  gateway.has_gateway = true;
  route_entry metric = ours("10.0.0.0/8");
  metric.priority = 77;
  const auto changes = compare({gateway, metric}, {net("fd00::/48"), net("10.0.0.0/8")});
  EXPECT_EQ(changes.drop, (std::vector<route_entry>{gateway, metric}));
  EXPECT_EQ(changes.add.size(), 2U);
}

TEST(route_codec, decodes_the_address_it_encodes) {
  for (const char* text : {"fd00::1", "10.0.0.1"}) {
    const auto decoded = decode_address(payload(encode_add_address(7, ip(text))), 7);
    ASSERT_TRUE(decoded && *decoded) << text;
    EXPECT_TRUE(**decoded == host(text)) << text;
    EXPECT_FALSE(decode_address(payload(encode_add_address(8, ip(text))), 7).value());
  }
}

TEST(route_codec, an_ipv6_address_is_used_without_a_search_for_duplicates) {
  const request message = encode_add_address(7, ip("fd00::1"));
  attributes list(payload(message).subspan(sizeof(ifaddrmsg)));
  std::uint32_t flags = 0;
  while (const auto found = list.next()) {
    if (found->type == IFA_FLAGS) flags = read<std::uint32_t>(found->payload).value_or(0);
  }
  EXPECT_EQ(flags, std::uint32_t{IFA_F_NODAD});
}

TEST(route_codec, decodes_the_route_it_encodes) {
  for (const char* text : {"fd00::/48", "10.0.0.0/8", "::/0", "0.0.0.0/0"}) {
    const auto decoded = decode_route(payload(encode_add_route(7, net(text))), 7);
    ASSERT_TRUE(decoded && *decoded) << text;
    EXPECT_EQ((**decoded).destination, net(text));
    EXPECT_EQ((**decoded).protocol, RTPROT_STATIC);
    EXPECT_FALSE(decode_route(payload(encode_add_route(8, net(text))), 7).value());
  }
}

TEST(route_codec, decodes_the_link_it_encodes) {
  const auto link =
      decode_link(payload(encode_change_link(7, link_change{"peerage:x", 1420, true})));
  ASSERT_TRUE(link);
  EXPECT_TRUE(*link == (link_facts{7, true, 1420, "peerage:x", ""}));
}

TEST(route_codec, shortened_messages_are_corrupt) {
  const request address = encode_add_address(7, ip("fd00::1"));
  const request route = encode_add_route(7, net("fd00::/48"));
  const request link = encode_change_link(7, link_change{"peerage:x", 1420, true});
  const auto short_by = [](const request& of, std::size_t bytes) {
    const bytes_view whole = payload(of);
    return std::vector<std::uint8_t>(whole.begin(),
                                     whole.end() - static_cast<std::ptrdiff_t>(bytes));
  };
  for (std::size_t bytes = 1; bytes < 8; ++bytes) {
    EXPECT_FALSE(decode_address(short_by(address, bytes), 7));
    EXPECT_FALSE(decode_route(short_by(route, bytes), 7) &&
                 *decode_route(short_by(route, bytes), 7))
        << "without the interface it is none of ours";
  }
  EXPECT_FALSE(decode_link(short_by(link, 1)));
  EXPECT_FALSE(decode_link({}));
  EXPECT_FALSE(decode_route({}, 7));
  EXPECT_FALSE(decode_address({}, 7));
}

TEST(route_codec, reads_what_kind_of_link_it_is) {
  const auto link = decode_link(payload(encode_new_link("wg0", "wireguard")));
  EXPECT_FALSE(link) << "one that is yet to be made has no number";
  ifinfomsg header{};
  header.ifi_index = 7;
  request out(RTM_NEWLINK, 0, bytes_of(header));
  const std::size_t info = out.open_nest(IFLA_LINKINFO);
  out.put_text(IFLA_INFO_DATA, "x");
  out.put_text(IFLA_INFO_KIND, "wireguard");
  out.close_nest(info);
  EXPECT_EQ(decode_link(payload(out))->kind, "wireguard");
}

TEST(route_codec, a_link_is_changed_only_where_it_is_asked) {
  const auto link = decode_link(payload(encode_change_link(7, {})));
  ASSERT_TRUE(link);
  EXPECT_TRUE(*link == (link_facts{7, false, 0, "", ""}));
}

/// An address of interface 7.
std::vector<std::uint8_t> address_of(std::uint8_t kind, std::uint8_t length,
                                     const std::vector<attribute>& put) {
  ifaddrmsg header{};
  header.ifa_family = kind;
  header.ifa_prefixlen = length;
  header.ifa_index = 7;
  request out(RTM_NEWADDR, 0, bytes_of(header));
  for (const attribute& each : put) out.put(each.type, each.payload);
  return {payload(out).begin(), payload(out).end()};
}

TEST(route_codec, an_address_may_have_a_far_end) {
  const ip_address near = ip("10.0.0.1"), far = ip("10.0.0.2"), six = ip("fd00::1");
  const auto read = [](const std::vector<std::uint8_t>& bytes) {
    return *decode_address(bytes, 7);
  };
  EXPECT_TRUE(read(address_of(AF_INET, 32, {{IFA_ADDRESS, far.bytes()}, {IFA_LOCAL, near.bytes()}}))
                  ->has_peer);
  EXPECT_FALSE(
      read(address_of(AF_INET, 24, {{IFA_ADDRESS, near.bytes()}, {IFA_LOCAL, near.bytes()}}))
          ->has_peer);
  const auto alone = read(address_of(AF_INET6, 64, {{IFA_ADDRESS, six.bytes()}}));
  EXPECT_EQ(alone->address, six);
  EXPECT_FALSE(alone->has_peer);
}

TEST(route_codec, an_address_that_is_none_is_corrupt) {
  const ip_address four = ip("10.0.0.1"), six = ip("fd00::1");
  EXPECT_FALSE(decode_address(address_of(AF_INET, 33, {{IFA_LOCAL, four.bytes()}}), 7));
  EXPECT_FALSE(decode_address(address_of(AF_INET, 32, {{IFA_LOCAL, six.bytes()}}), 7));
  EXPECT_FALSE(decode_address(address_of(AF_INET6, 32, {{IFA_LOCAL, four.bytes()}}), 7));
  EXPECT_FALSE(decode_address(address_of(AF_UNIX, 8, {{IFA_LOCAL, four.bytes()}}), 7));
  EXPECT_FALSE(decode_address(address_of(AF_INET, 32, {}), 7));
}

struct sent_route {
  std::uint8_t kind = AF_INET;
  std::uint8_t length = 8;
  std::uint8_t table = RT_TABLE_MAIN;
  std::uint8_t type = RTN_UNICAST;
  std::vector<attribute> put{};
};

result<std::optional<route_entry>> read_route(const sent_route& from) {
  rtmsg header{};
  header.rtm_family = from.kind;
  header.rtm_dst_len = from.length;
  header.rtm_table = from.table;
  header.rtm_type = from.type;
  request out(RTM_NEWROUTE, 0, bytes_of(header));
  out.put_value(RTA_OIF, std::uint32_t{7});
  for (const attribute& each : from.put) out.put(each.type, each.payload);
  return decode_route(payload(out), 7);
}

TEST(route_codec, reads_where_a_route_leads_and_who_made_it) {
  const ip_address to = ip("10.0.0.0"), by = ip("10.0.0.9");
  const std::uint32_t main = RT_TABLE_MAIN, priority = 5, other = 100;
  const auto route = read_route({.table = RT_TABLE_COMPAT,
                                 .put = {{RTA_DST, to.bytes()},
                                         {RTA_TABLE, bytes_of(main)},
                                         {RTA_PRIORITY, bytes_of(priority)},
                                         {RTA_GATEWAY, by.bytes()},
                                         {RTA_PREFSRC, by.bytes()}}});
  ASSERT_TRUE(route && *route);
  EXPECT_EQ((**route).destination, net("10.0.0.0/8"));
  EXPECT_EQ((**route).priority, 5U);
  EXPECT_TRUE((**route).has_gateway);
  EXPECT_TRUE((**read_route({.put = {{RTA_DST, to.bytes()}, {RTA_VIA, by.bytes()}}})).has_gateway);
  EXPECT_FALSE(*read_route({.put = {{RTA_DST, to.bytes()}, {RTA_TABLE, bytes_of(other)}}}));
  EXPECT_FALSE(*read_route({.type = RTN_BLACKHOLE, .put = {{RTA_DST, to.bytes()}}}));
}

TEST(route_codec, a_route_that_is_none_is_corrupt) {
  const ip_address six = ip("fd00::");
  EXPECT_FALSE(read_route({.put = {{RTA_DST, six.bytes()}}}));
  EXPECT_FALSE(read_route({.length = 33}));
  EXPECT_FALSE(read_route({.kind = AF_INET6, .length = 129}));
}

TEST(route_codec, what_is_dropped_is_named_with_its_priority) {
  route_entry entry = ours("10.0.0.0/8");
  entry.priority = 5;
  const auto decoded = decode_route(payload(encode_drop_route(7, entry)), 7);
  ASSERT_TRUE(decoded && *decoded);
  EXPECT_EQ((**decoded).priority, 5U);
  entry.priority = 0;
  EXPECT_EQ((**decode_route(payload(encode_drop_route(7, entry)), 7)).priority, 0U);
}

TEST(changes, what_is_wanted_twice_is_added_once) {
  EXPECT_EQ(compare(std::vector<address_entry>{}, {ip("fd00::1"), ip("fd00::1")}).add.size(), 1U);
  EXPECT_EQ(compare(std::vector<route_entry>{}, {net("fd00::/48"), net("fd00::/48")}).add.size(),
            1U);
}

}  // namespace
}  // namespace peerage::netlink
