#include "netlink/codec.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/time_types.h>
#include <linux/wireguard.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>

namespace peerage::netlink {
namespace {

public_key key(std::uint32_t number) {
  std::array<std::uint8_t, key_size> bytes{};
  for (unsigned i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
  bytes[31] = 1;
  return public_key(bytes);
}

secret_key secret(std::uint8_t fill) {
  std::array<std::uint8_t, key_size> bytes{};
  bytes.fill(fill);
  return secret_key(bytes);
}

prefix ipv6(std::uint32_t number) {
  std::array<std::uint8_t, 16> bytes{0xfd};
  for (unsigned i = 0; i < 4; ++i) bytes[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return prefix::host(ip_address::v6(bytes));
}

prefix ipv4(std::uint32_t number) {
  return prefix::host(ip_address::v4(number));
}

device_peer usual(std::uint32_t number) {
  return {key(number), {}, {ipv6(number)}};
}

std::vector<request> encode(const std::vector<device_change>& changes) {
  change_encoder encoder(0x1c, "wg0", changes);
  std::vector<request> all;
  while (auto message = encoder.next()) all.push_back(std::move(*message));
  return all;
}

/// What the kernel would read in one peer of a message.
struct sent_peer {
  public_key name;
  std::uint32_t flags = 0;
  std::optional<secret_key> preshared_key;
  std::size_t allowed_ips = 0;
  std::set<std::uint16_t> attributes;
};

struct sent_message {
  std::size_t size = 0;
  std::size_t peers_attribute = 0;  // with its header
  std::uint32_t flags = 99;
  std::vector<sent_peer> peers;
};

sent_peer read_peer(bytes_view from) {
  sent_peer peer;
  attributes list(from);
  while (const auto found = list.next()) {
    peer.attributes.insert(found->type);
    if (found->type == WGPEER_A_PUBLIC_KEY) peer.name = public_key(found->payload.first<32>());
    if (found->type == WGPEER_A_FLAGS) peer.flags = *read<std::uint32_t>(found->payload);
    if (found->type == WGPEER_A_PRESHARED_KEY) {
      peer.preshared_key = secret_key(found->payload.first<32>());
    }
    if (found->type != WGPEER_A_ALLOWEDIPS) continue;
    attributes ips(found->payload);
    while (ips.next()) ++peer.allowed_ips;
    EXPECT_TRUE(ips.sound());
  }
  EXPECT_TRUE(list.sound());
  return peer;
}

sent_message read_message(const request& from) {
  sent_message sent;
  sent.size = from.bytes().size();
  messages walker(from.bytes());
  const auto only = walker.next();
  EXPECT_TRUE(only);
  EXPECT_FALSE(walker.next());
  EXPECT_EQ(only->type, 0x1c);
  EXPECT_EQ(read<genlmsghdr>(only->payload)->cmd, WG_CMD_SET_DEVICE);
  attributes list(only->payload.subspan(sizeof(genlmsghdr)));
  while (const auto found = list.next()) {
    if (found->type == WGDEVICE_A_IFNAME) {
      EXPECT_EQ(std::string(found->payload.begin(), found->payload.end()), std::string("wg0\0", 4));
    }
    if (found->type == WGDEVICE_A_FLAGS) sent.flags = *read<std::uint32_t>(found->payload);
    if (found->type != WGDEVICE_A_PEERS) continue;
    sent.peers_attribute = found->payload.size() + 4;
    attributes peers(found->payload);
    while (const auto peer = peers.next()) sent.peers.push_back(read_peer(peer->payload));
    EXPECT_TRUE(peers.sound());
  }
  EXPECT_TRUE(list.sound());
  EXPECT_EQ(sent.flags, 0U) << "the peers that are there stay";
  return sent;
}

std::vector<sent_message> sent(const std::vector<device_change>& changes) {
  std::vector<sent_message> all;
  for (const request& message : encode(changes)) all.push_back(read_message(message));
  return all;
}

/// The same bytes as the kernel would send them in a dump.
std::vector<std::uint8_t> as_dumped(const request& message) {
  std::vector<std::uint8_t> bytes(message.bytes().begin() + sizeof(nlmsghdr),
                                  message.bytes().end());
  bytes[0] = WG_CMD_GET_DEVICE;
  return bytes;
}

TEST(change_encoder, a_set_peer_replaces_its_allowed_ips_and_always_says_its_preshared_key) {
  device_peer with_key = usual(2);
  with_key.preshared_key = secret(7);
  const auto all = sent({set_peer{usual(1)}, set_peer{with_key}});
  ASSERT_EQ(all.size(), 1U);
  ASSERT_EQ(all[0].peers.size(), 2U);
  for (const sent_peer& peer : all[0].peers) {
    EXPECT_EQ(peer.flags, std::uint32_t{WGPEER_F_REPLACE_ALLOWEDIPS});
    EXPECT_EQ(peer.attributes,
              (std::set<std::uint16_t>{WGPEER_A_PUBLIC_KEY, WGPEER_A_FLAGS, WGPEER_A_PRESHARED_KEY,
                                       WGPEER_A_ALLOWEDIPS}))
        << "neither an endpoint nor a keepalive";
  }
  EXPECT_TRUE(all[0].peers[0].preshared_key == secret_key{});
  EXPECT_TRUE(all[0].peers[1].preshared_key == secret(7));
}

TEST(change_encoder, a_peer_that_is_called_back_has_its_endpoint_and_a_keepalive) {
  const auto has = [](const sent_peer& peer, std::uint16_t attribute) {
    return peer.attributes.contains(attribute);
  };
  const auto all =
      sent({set_peer{usual(1), "192.0.2.7:4711", 25}, set_peer{usual(2), "[2001:db8::7]:4711", 25},
            set_peer{usual(3), "[fe80::1%3]:4711", {}}, set_peer{usual(4), {}, 0}});
  ASSERT_EQ(all.size(), 1U);
  ASSERT_EQ(all[0].peers.size(), 4U);
  for (const std::size_t at : {0U, 1U}) {
    EXPECT_TRUE(has(all[0].peers[at], WGPEER_A_ENDPOINT));
    EXPECT_TRUE(has(all[0].peers[at], WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL));
  }
  EXPECT_FALSE(has(all[0].peers[2], WGPEER_A_ENDPOINT)) << "its zone is unknown here";
  EXPECT_FALSE(has(all[0].peers[3], WGPEER_A_ENDPOINT));
  EXPECT_TRUE(has(all[0].peers[3], WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL));
  // The kernel tells of it in the same form.
  const auto parts = encode(
      {set_peer{usual(1), "192.0.2.7:4711", 25}, set_peer{usual(2), "[2001:db8::7]:4711", 0}});
  dump_decoder decoder;
  ASSERT_TRUE(decoder.add(as_dumped(parts.at(0))));
  const auto entries = decoder.take();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].status.endpoint, "192.0.2.7:4711");
  EXPECT_EQ(entries[0].keepalive_s, 25);
  EXPECT_EQ(entries[1].status.endpoint, "[2001:db8::7]:4711");
  EXPECT_EQ(entries[1].keepalive_s, 0);
}

TEST(change_encoder, peers_that_are_called_back_fill_messages_and_no_more) {
  std::vector<device_change> changes;
  for (std::uint32_t i = 0; i < 2'000; ++i) {
    changes.emplace_back(set_peer{usual(i), "[2001:db8::7]:4711", 25});
  }
  std::size_t peers = 0;
  for (const auto& each : sent(changes)) peers += each.peers.size();
  EXPECT_EQ(peers, 2'000U);
}

TEST(change_encoder, a_dropped_peer_is_its_key_and_the_flag) {
  const auto all = sent({drop_peer{key(1)}});
  ASSERT_EQ(all.size(), 1U);
  ASSERT_EQ(all[0].peers.size(), 1U);
  EXPECT_EQ(all[0].peers[0].name, key(1));
  EXPECT_EQ(all[0].peers[0].flags, std::uint32_t{WGPEER_F_REMOVE_ME});
  EXPECT_EQ(all[0].peers[0].attributes,
            (std::set<std::uint16_t>{WGPEER_A_PUBLIC_KEY, WGPEER_A_FLAGS}));
}

TEST(change_encoder, no_changes_are_no_message) {
  EXPECT_TRUE(encode({}).empty());
}

TEST(change_encoder, the_first_peer_too_many_begins_the_next_message_whole) {
  std::vector<device_change> changes;
  for (std::uint32_t i = 0; i < 511; ++i) changes.emplace_back(set_peer{usual(i)});
  EXPECT_EQ(encode(changes).size(), 1U);
  changes.emplace_back(set_peer{{key(511), secret(1), {ipv6(511), ipv4(511)}}});
  const auto all = sent(changes);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].peers.size(), 511U);
  ASSERT_EQ(all[1].peers.size(), 1U);
  EXPECT_EQ(all[1].peers[0].name, key(511));
  EXPECT_EQ(all[1].peers[0].flags, std::uint32_t{WGPEER_F_REPLACE_ALLOWEDIPS});
  EXPECT_EQ(all[1].peers[0].allowed_ips, 2U);
}

TEST(change_encoder, fills_a_message_to_its_last_byte) {
  // 509 * 128 + 2 * 116 + 3 * 48 bytes, and four for the attribute's own header.
  std::vector<device_change> changes;
  for (std::uint32_t i = 0; i < 509; ++i) changes.emplace_back(set_peer{usual(i)});
  for (std::uint32_t i = 509; i < 511; ++i) {
    changes.emplace_back(set_peer{{key(i), {}, {ipv4(i)}}});
  }
  for (std::uint32_t i = 511; i < 514; ++i) changes.emplace_back(drop_peer{key(i)});
  auto all = sent(changes);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].peers_attribute, max_peers_attribute);
  EXPECT_LE(all[0].size, max_peers_attribute + 64);

  changes[0] = set_peer{{key(0), {}, {prefix::parse("10.0.0.0/8").value(), ipv6(0)}}};
  all = sent(changes);
  ASSERT_EQ(all.size(), 2U) << "and not a byte further";
  EXPECT_EQ(all[0].peers.size() + all[1].peers.size(), changes.size());
}

TEST(change_encoder, a_peer_with_hundreds_of_allowed_ips_goes_on_without_replacing_them) {
  device_peer wide{key(1), secret(7), {}};
  for (std::uint32_t i = 0; i < 5000; ++i) wide.allowed_ips.push_back(ipv6(i));
  const auto all = sent({set_peer{usual(2)}, set_peer{wide}, set_peer{usual(3)}});
  ASSERT_EQ(all.size(), 4U) << "200,000 bytes, and 65,532 a message";
  std::size_t allowed_ips = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_LE(all[i].peers_attribute, max_peers_attribute);
    const sent_peer& part = all[i].peers[i == 0 ? 1 : 0];
    EXPECT_EQ(part.name, key(1));
    EXPECT_EQ(part.flags,
              std::uint32_t{i == 0 ? WGPEER_F_REPLACE_ALLOWEDIPS : WGPEER_F_UPDATE_ONLY});
    EXPECT_EQ(part.preshared_key.has_value(), i == 0);
    allowed_ips += part.allowed_ips;
  }
  EXPECT_EQ(allowed_ips, 5000U);
  EXPECT_EQ(all[3].peers.back().name, key(3)) << "the rest of the last message is used";
}

TEST(change_encoder, drops_go_in_small_helpings) {
  std::vector<device_change> changes;
  for (std::uint32_t i = 0; i < 2 * max_drops + 1; ++i) changes.emplace_back(drop_peer{key(i)});
  const auto all = sent(changes);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].peers.size(), max_drops);
  EXPECT_EQ(all[2].peers.size(), 1U);
}

TEST(codec, configuring_names_no_peer) {
  const request message = encode_configure(0x1c, "wg0", secret(3), 51820);
  messages walker(message.bytes());
  attributes list(walker.next()->payload.subspan(sizeof(genlmsghdr)));
  std::set<std::uint16_t> types;
  while (const auto found = list.next()) {
    types.insert(found->type);
    if (found->type == WGDEVICE_A_FLAGS) {
      EXPECT_EQ(read<std::uint32_t>(found->payload), 0U);
    }
    if (found->type == WGDEVICE_A_LISTEN_PORT) {
      EXPECT_EQ(read<std::uint16_t>(found->payload), 51820);
    }
    if (found->type == WGDEVICE_A_PRIVATE_KEY) {
      EXPECT_TRUE(secret_key(found->payload.first<32>()) == secret(3));
    }
  }
  EXPECT_EQ(types, (std::set<std::uint16_t>{WGDEVICE_A_IFNAME, WGDEVICE_A_FLAGS,
                                            WGDEVICE_A_PRIVATE_KEY, WGDEVICE_A_LISTEN_PORT}));
}

device_peer random_peer(std::mt19937& random, std::uint32_t number) {
  device_peer peer{key(number), {}, {}};
  if (random() % 3 == 0) peer.preshared_key = secret(static_cast<std::uint8_t>(1 + random() % 255));
  // Mostly few; now and then more than a message holds.
  const std::uint32_t count = random() % 50 == 0 ? random() % 4000 : random() % 4;
  std::set<prefix> ips;
  for (std::uint32_t i = 0; i < count; ++i) {
    const prefix one = random() % 2 == 0 ? ipv4(random()) : ipv6(random());
    ips.insert(prefix::of(one.address(), one.address().bits() - random() % 9));
  }
  peer.allowed_ips.assign(ips.begin(), ips.end());
  return peer;
}

TEST(codec, decodes_what_it_encodes_whatever_it_is) {
  for (unsigned seed = 0; seed < 25; ++seed) {
    std::mt19937 random(seed);
    std::map<public_key, device_peer> wanted;
    std::vector<device_change> changes;
    const std::uint32_t count = random() % 1500;
    for (std::uint32_t i = 0; i < count; ++i) {
      const device_peer peer = random_peer(random, i);
      wanted.emplace(peer.public_key, peer);
      changes.emplace_back(set_peer{peer});
    }
    dump_decoder decoder;
    for (const request& message : encode(changes)) {
      ASSERT_LE(read_message(message).peers_attribute, max_peers_attribute);
      ASSERT_TRUE(decoder.add(as_dumped(message)));
    }
    const auto entries = decoder.take();
    ASSERT_EQ(entries.size(), wanted.size()) << "seed " << seed;
    for (const device_entry& entry : entries) {
      ASSERT_TRUE(entry.peer == wanted.at(entry.peer.public_key)) << "seed " << seed;
      ASSERT_EQ(entry.status.public_key, entry.peer.public_key);
    }
  }
}

/// A dump message with one peer that the kernel has seen.
std::vector<std::uint8_t> seen_peer() {
  genlmsghdr header{};
  header.cmd = WG_CMD_GET_DEVICE;
  request out(0x1c, 0, bytes_of(header));
  out.put_value(WGDEVICE_A_IFINDEX, std::uint32_t{4});
  out.put(WGDEVICE_A_PRIVATE_KEY, secret(9).reveal());
  const std::size_t peers = out.open_nest(WGDEVICE_A_PEERS);
  const std::size_t peer = out.open_nest(0);
  out.put(WGPEER_A_PUBLIC_KEY, key(1).bytes());
  out.put(WGPEER_A_PRESHARED_KEY, secret(7).reveal());
  out.put_value(WGPEER_A_LAST_HANDSHAKE_TIME, __kernel_timespec{1'700'000'000, 250'000'000});
  out.put_value(WGPEER_A_TX_BYTES, std::uint64_t{1} << 40U);
  out.put_value(WGPEER_A_RX_BYTES, std::uint64_t{148});
  sockaddr_in6 endpoint{};
  endpoint.sin6_family = AF_INET6;
  endpoint.sin6_port = htons(51820);
  endpoint.sin6_addr.s6_addr[0] = 0xfd;
  endpoint.sin6_addr.s6_addr[15] = 9;
  out.put_value(WGPEER_A_ENDPOINT, endpoint);
  out.close_nest(peer);
  out.close_nest(peers);
  return {out.bytes().begin() + sizeof(nlmsghdr), out.bytes().end()};
}

TEST(dump_decoder, reads_what_the_kernel_saw_of_a_peer) {
  dump_decoder decoder;
  ASSERT_TRUE(decoder.add(seen_peer()));
  const auto entries = decoder.take();
  ASSERT_EQ(entries.size(), 1U);
  const peer_status& status = entries[0].status;
  EXPECT_EQ(status.endpoint, "[fd00::9]:51820");
  ASSERT_TRUE(status.last_handshake_at);
  EXPECT_EQ(to_rfc3339(*status.last_handshake_at), "2023-11-14T22:13:20.250Z");
  EXPECT_EQ(status.rx_bytes, 148U);
  EXPECT_EQ(status.tx_bytes, std::uint64_t{1} << 40U);
}

TEST(dump_decoder, a_later_part_of_a_peer_adds_allowed_ips_and_keeps_the_rest) {
  dump_decoder decoder;
  ASSERT_TRUE(decoder.add(seen_peer()));
  device_peer more{key(1), {}, {}};
  for (std::uint32_t i = 0; i < 3000; ++i) more.allowed_ips.push_back(ipv6(i));
  const auto parts = encode({set_peer{more}});
  // The parts after the first are as the kernel sends them: the key and allowed IPs.
  for (std::size_t i = 1; i < parts.size(); ++i) ASSERT_TRUE(decoder.add(as_dumped(parts[i])));
  const auto entries = decoder.take();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_TRUE(entries[0].peer.preshared_key == secret(7));
  EXPECT_EQ(entries[0].status.rx_bytes, 148U);
  EXPECT_GT(entries[0].peer.allowed_ips.size(), 1000U);
}

TEST(dump_decoder, a_key_or_port_of_another_size_is_corrupt) {
  for (const int type : {WGDEVICE_A_PRIVATE_KEY, WGDEVICE_A_LISTEN_PORT}) {
    genlmsghdr header{};
    header.cmd = WG_CMD_GET_DEVICE;
    request out(0x1c, 0, bytes_of(header));
    out.put_value(static_cast<std::uint16_t>(type), std::uint8_t{1});
    dump_decoder decoder;
    const auto added = decoder.add(out.bytes().subspan(sizeof(nlmsghdr)));
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().code, errc::corrupt);
  }
}

TEST(dump_decoder, every_shortened_message_is_corrupt_or_smaller_and_none_is_read_beyond) {
  const auto whole = seen_peer();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // In memory of exactly that size, so that a sanitizer sees a byte too many.
    const std::vector<std::uint8_t> part(whole.begin(),
                                         whole.begin() + static_cast<std::ptrdiff_t>(size));
    dump_decoder decoder;
    const auto added = decoder.add(part);
    if (!added) {
      EXPECT_EQ(added.error().code, errc::corrupt);
    } else {
      EXPECT_TRUE(decoder.take().empty()) << size;
    }
  }
}

TEST(dump_decoder, flipped_bytes_end_in_errors_not_in_accidents) {
  const auto whole = seen_peer();
  std::mt19937 random(4);
  int refused = 0;
  for (int i = 0; i < 20000; ++i) {
    auto bytes = whole;
    for (unsigned flips = 0; flips < 1 + random() % 3; ++flips) {
      bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
    }
    dump_decoder decoder;
    if (!decoder.add(bytes)) ++refused;
  }
  EXPECT_GT(refused, 1000);
}

TEST(dump_decoder, has_a_bound_and_gives_nothing_of_nothing) {
  dump_decoder decoder(2);
  EXPECT_TRUE(decoder.take_whole().empty());
  const auto two = encode({set_peer{usual(1)}, set_peer{usual(2)}});
  ASSERT_TRUE(decoder.add(as_dumped(two.at(0))));
  EXPECT_EQ(decoder.take_whole().size(), 1U);
  const auto third = encode({set_peer{usual(3)}});
  EXPECT_FALSE(decoder.add(as_dumped(third.at(0))));
}

TEST(change_encoder, a_peer_whose_first_allowed_ip_does_not_fit_begins_the_next_message) {
  // Too large for any message by itself, after as many as leave it no room at all.
  device_peer large{key(1'000'000), {}, {}};
  for (std::uint32_t i = 0; i < 3'000; ++i) large.allowed_ips.push_back(ipv4(i));
  for (std::uint32_t before = 776; before < 784; ++before) {
    std::vector<device_change> changes;
    for (std::uint32_t i = 0; i < before; ++i) changes.push_back(set_peer{{key(i), {}, {}}});
    changes.push_back(set_peer{large});
    std::size_t seen = 0;
    dump_decoder decoder;
    for (const auto& each : encode(changes)) ASSERT_TRUE(decoder.add(as_dumped(each)));
    for (const auto& entry : decoder.take()) seen += entry.peer.allowed_ips.size();
    EXPECT_EQ(seen, 3'000U);
  }
}

TEST(wire, a_walk_that_ended_badly_goes_no_further) {
  const std::vector<std::uint8_t> rubbish(20, 0);
  attributes list(rubbish);
  messages walker(rubbish);
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(list.next());
    EXPECT_FALSE(list.sound());
    EXPECT_FALSE(walker.next());
    EXPECT_FALSE(walker.sound());
  }
}

TEST(wire, a_message_may_take_anothers_place) {
  request first = encode_dump(0x1c, "wg0");
  first = encode_dump(0x1c, "wg1");
  EXPECT_NE(std::string(first.bytes().begin(), first.bytes().end()).find("wg1"), std::string::npos);
  request& same = first;
  first = std::move(same);
  EXPECT_FALSE(first.bytes().empty()) << "its own";
}

TEST(wire, a_message_longer_than_its_datagram_is_not_sound) {
  const request message = encode_dump(0x1c, "wg0");
  for (std::size_t size = 1; size < message.bytes().size(); ++size) {
    messages walker(message.bytes().first(size));
    EXPECT_FALSE(walker.next());
    EXPECT_FALSE(walker.sound());
  }
}

}  // namespace
}  // namespace peerage::netlink
