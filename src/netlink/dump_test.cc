// Dumps of a device as no kernel of ours sends them, attribute by attribute.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/time_types.h>
#include <linux/wireguard.h>
#include <netinet/in.h>

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "netlink/codec.h"

namespace peerage::netlink {
namespace {

public_key key(std::uint8_t fill) {
  std::array<std::uint8_t, key_size> bytes{};
  bytes.fill(fill);
  return public_key(bytes);
}

/// A dump of one peer, with the attributes that `put` adds to it.
std::vector<std::uint8_t> one_peer(const std::function<void(request&)>& put) {
  genlmsghdr header{};
  header.cmd = WG_CMD_GET_DEVICE;
  request out(0x1c, 0, bytes_of(header));
  const std::size_t peers = out.open_nest(WGDEVICE_A_PEERS);
  const std::size_t peer = out.open_nest(0);
  out.put(WGPEER_A_PUBLIC_KEY, key(1).bytes());
  put(out);
  out.close_nest(peer);
  out.close_nest(peers);
  return {out.bytes().begin() + sizeof(nlmsghdr), out.bytes().end()};
}

struct sent_ip {
  std::optional<std::uint16_t> kind;
  std::size_t bytes = 4;
  std::optional<std::uint8_t> length;
};

std::vector<std::uint8_t> with_allowed_ip(const sent_ip& from) {
  return one_peer([&](request& out) {
    const std::size_t list = out.open_nest(WGPEER_A_ALLOWEDIPS);
    const std::size_t one = out.open_nest(0);
    if (from.kind) out.put_value(WGALLOWEDIP_A_FAMILY, *from.kind);
    out.put(WGALLOWEDIP_A_IPADDR, std::vector<std::uint8_t>(from.bytes, 1));
    if (from.length) out.put_value(WGALLOWEDIP_A_CIDR_MASK, *from.length);
    out.put_value(77, std::uint32_t{0});  // of a later version
    out.close_nest(one);
    out.close_nest(list);
  });
}

TEST(dump_decoder, refuses_an_allowed_ip_that_is_none) {
  for (const sent_ip& bad :
       {sent_ip{AF_INET, 4, 33}, sent_ip{AF_INET, 4, 255}, sent_ip{AF_INET, 16, 8},
        sent_ip{AF_INET6, 16, 129}, sent_ip{AF_INET6, 4, 8}, sent_ip{AF_UNIX, 4, 8},
        sent_ip{{}, 4, 8}, sent_ip{AF_INET, 4, {}}}) {
    dump_decoder decoder;
    const auto added = decoder.add(with_allowed_ip(bad));
    ASSERT_FALSE(added) << bad.bytes;
    EXPECT_EQ(added.error().code, errc::corrupt);
  }
  for (const sent_ip& good : {sent_ip{AF_INET, 4, 32}, sent_ip{AF_INET6, 16, 128}}) {
    dump_decoder decoder;
    ASSERT_TRUE(decoder.add(with_allowed_ip(good)));
    EXPECT_EQ(decoder.take().at(0).peer.allowed_ips.size(), 1U);
  }
}

TEST(dump_decoder, refuses_an_allowed_ip_with_an_attribute_that_is_cut_off) {
  std::vector<std::uint8_t> inside;
  const auto append = [&inside](bytes_view more) {
    inside.insert(inside.end(), more.begin(), more.end());
  };
  append(bytes_of(nlattr{8, WGALLOWEDIP_A_FAMILY}));
  append(bytes_of(std::uint32_t{AF_INET}));
  append(bytes_of(nlattr{8, WGALLOWEDIP_A_IPADDR}));
  append(bytes_of(std::uint32_t{1}));
  append(bytes_of(nlattr{8, WGALLOWEDIP_A_CIDR_MASK}));
  append(bytes_of(std::uint32_t{8}));
  const auto added = [&inside] {
    dump_decoder decoder;
    return decoder
        .add(one_peer([&](request& out) {
          const std::size_t list = out.open_nest(WGPEER_A_ALLOWEDIPS);
          out.put(0, inside);
          out.close_nest(list);
        }))
        .has_value();
  };
  EXPECT_TRUE(added());
  append(bytes_of(nlattr{100, 0}));
  EXPECT_FALSE(added());
}

TEST(dump_decoder, reads_endpoints_of_both_families_and_refuses_half_of_one) {
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(7);
  four.sin_addr.s_addr = htonl(0xc0000201);
  sockaddr_in6 zoned{};
  zoned.sin6_family = AF_INET6;
  zoned.sin6_scope_id = 3;
  const auto seen_at = [](bytes_view address) -> std::string {
    dump_decoder decoder;
    const auto added =
        decoder.add(one_peer([&](request& out) { out.put(WGPEER_A_ENDPOINT, address); }));
    return added ? decoder.take().at(0).status.endpoint : "refused";
  };
  EXPECT_EQ(seen_at(bytes_of(four)), "192.0.2.1:7");
  EXPECT_EQ(seen_at(bytes_of(zoned)), "[::%3]:0");
  EXPECT_EQ(seen_at(bytes_of(four).first(8)), "refused");
  EXPECT_EQ(seen_at(bytes_of(zoned).first(20)), "refused");
  EXPECT_EQ(seen_at(bytes_of(zoned).first(1)), "refused");
  four.sin_family = AF_UNIX;
  EXPECT_EQ(seen_at(bytes_of(four)), "refused");
}

TEST(dump_decoder, a_handshake_that_never_was_is_none) {
  for (const auto& [time, seen] : {std::pair{__kernel_timespec{0, 0}, false},
                                   {__kernel_timespec{0, 5'000'000}, true},
                                   {__kernel_timespec{1, 0}, true}}) {
    dump_decoder decoder;
    ASSERT_TRUE(decoder.add(
        one_peer([&](request& out) { out.put_value(WGPEER_A_LAST_HANDSHAKE_TIME, time); })));
    EXPECT_EQ(decoder.take().at(0).status.last_handshake_at.has_value(), seen);
  }
}

}  // namespace
}  // namespace peerage::netlink
