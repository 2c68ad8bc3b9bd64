#include "uapi/codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "base/base64.h"

namespace peerage::uapi {
namespace {

public_key key(std::uint8_t fill) {
  std::array<std::uint8_t, key_size> bytes{};
  bytes.fill(fill);
  return public_key(bytes);
}

secret_key secret(std::uint8_t fill) {
  std::array<std::uint8_t, key_size> bytes{};
  bytes.fill(fill);
  return secret_key(bytes);
}

prefix net(const char* text) {
  return prefix::parse(text).value();
}

std::string times(std::size_t count, std::string_view word) {
  std::string text;
  while (count-- != 0) text += word;
  return text;
}

// What a device would print, written from the protocol's description and not from the reader.
std::string printed(const device_answer& device) {
  std::string text;
  if (device.private_key) text += "private_key=" + hex_encode(device.private_key->reveal()) + "\n";
  if (device.listen_port != 0)
    text += "listen_port=" + std::to_string(device.listen_port) + "\nfwmark=7\n";
  for (const device_entry& entry : device.peers) {
    text += "public_key=" + hex_encode(entry.peer.public_key.bytes()) + "\n";
    const secret_key preshared = entry.peer.preshared_key.value_or(secret_key{});
    text += "preshared_key=" + hex_encode(preshared.reveal()) + "\nprotocol_version=1\n";
    if (!entry.status.endpoint.empty()) text += "endpoint=" + entry.status.endpoint + "\n";
    const auto since =
        entry.status.last_handshake_at.value_or(wall_time{}).time_since_epoch().count();
    text += "last_handshake_time_sec=" + std::to_string(since / 1000) + "\n";
    text += "last_handshake_time_nsec=" + std::to_string(since % 1000 * 1'000'000) + "\n";
    text += "tx_bytes=" + std::to_string(entry.status.tx_bytes) + "\n";
    text += "rx_bytes=" + std::to_string(entry.status.rx_bytes) + "\n";
    text += "persistent_keepalive_interval=0\n";
    for (const prefix& allowed : entry.peer.allowed_ips)
      text += "allowed_ip=" + allowed.text() + "\n";
  }
  return text + "errno=0\n\n";
}

device_entry any_entry(std::mt19937& random) {
  std::array<std::uint8_t, key_size> bytes{};
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
  device_entry entry;
  entry.peer.public_key = entry.status.public_key = public_key(bytes);
  if (random() % 2 != 0) entry.peer.preshared_key = secret(static_cast<std::uint8_t>(random() | 1));
  for (unsigned i = random() % 5; i != 0; --i) {
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    const auto address = random() % 2 != 0 ? ip_address::v4(static_cast<std::uint32_t>(random()))
                                           : ip_address::v6(std::span(bytes).first<16>());
    entry.peer.allowed_ips.push_back(prefix::of(address, random() % (address.bits() + 1)));
  }
  std::ranges::sort(entry.peer.allowed_ips);
  if (random() % 2 == 0) return entry;
  entry.status.endpoint = random() % 2 != 0 ? "192.0.2.7:51820" : "[2001:db8::7]:1024";
  entry.status.last_handshake_at = wall_time(milliseconds(1'700'000'000'000 + random() % 100'000));
  entry.status.rx_bytes = (std::uint64_t{random()} << 32) | random();
  entry.status.tx_bytes = random();
  return entry;
}

device_answer any_device(std::mt19937& random) {
  device_answer device;
  if (random() % 4 != 0) device.private_key = secret(static_cast<std::uint8_t>(random()));
  if (random() % 4 != 0) device.listen_port = static_cast<std::uint16_t>(random());
  for (unsigned i = random() % 6; i != 0; --i) device.peers.push_back(any_entry(random));
  return device;
}

void expect_same(const device_answer& got, const device_answer& wanted) {
  EXPECT_TRUE(got.private_key == wanted.private_key);
  EXPECT_EQ(got.listen_port, wanted.listen_port);
  ASSERT_EQ(got.peers.size(), wanted.peers.size());
  for (std::size_t i = 0; i < got.peers.size(); ++i) {
    EXPECT_TRUE(got.peers[i].peer == wanted.peers[i].peer);
    const peer_status& a = got.peers[i].status;
    const peer_status& b = wanted.peers[i].status;
    EXPECT_EQ(a.public_key, b.public_key);
    EXPECT_EQ(a.endpoint, b.endpoint);
    EXPECT_EQ(a.last_handshake_at, b.last_handshake_at);
    EXPECT_EQ(a.rx_bytes, b.rx_bytes);
    EXPECT_EQ(a.tx_bytes, b.tx_bytes);
  }
}

TEST(uapi_request, calls_a_peer_back) {
  const std::vector<device_change> changes{set_peer{{key(1), {}, {}}, "192.0.2.7:4711", 25},
                                           set_peer{{key(2), {}, {}}, "1.2.3.4:5\nremove=true", 0}};
  const auto text = encode_changes(changes);
  EXPECT_TRUE(std::string(text.reveal())
                  .contains("\nendpoint=192.0.2.7:4711\npersistent_keepalive_interval=25\n"));
  EXPECT_FALSE(std::string(text.reveal()).contains("remove")) << "no address, no line";
  EXPECT_TRUE(std::string(text.reveal()).contains("\npersistent_keepalive_interval=0\n"));
}

TEST(uapi_request, sets_and_drops_many_peers_in_order_in_one_operation) {
  const std::vector<device_change> changes{
      set_peer{{key(0x1a), secret(2), {net("10.0.0.7/32"), net("fd00::7/128")}}},
      drop_peer{key(3)},
      set_peer{{key(4), {}, {}}},
  };
  EXPECT_EQ(encode_changes(changes).reveal(),
            "set=1\n"
            "public_key=" +
                times(32, "1a") +
                "\n"
                "preshared_key=" +
                times(32, "02") +
                "\n"
                "replace_allowed_ips=true\n"
                "allowed_ip=10.0.0.7/32\n"
                "allowed_ip=fd00::7/128\n"
                "public_key=" +
                times(32, "03") +
                "\n"
                "remove=true\n"
                "public_key=" +
                times(32, "04") +
                "\n"
                "preshared_key=" +
                times(32, "00") +
                "\n"
                "replace_allowed_ips=true\n"
                "\n");
}

TEST(uapi_request, configures_only_what_is_given) {
  EXPECT_EQ(encode_configure(secret(9), 51820).reveal(),
            "set=1\nprivate_key=" + times(32, "09") + "\nlisten_port=51820\n\n");
  EXPECT_EQ(encode_configure({}, 1).reveal(), "set=1\nlisten_port=1\n\n");
  EXPECT_EQ(encode_configure(secret(9), {}).reveal(),
            "set=1\nprivate_key=" + times(32, "09") + "\n\n");
}

TEST(uapi_request, stays_within_its_bytes_and_always_takes_one) {
  std::mt19937 random(7);
  std::vector<device_change> changes;
  for (unsigned i = 0; i < 200; ++i) changes.emplace_back(set_peer{any_entry(random).peer});
  std::span<const device_change> rest(changes);
  unsigned requests = 0;
  for (; !rest.empty(); ++requests) {
    const std::size_t count = fitting(rest, 4096);
    ASSERT_GT(count, 1U);
    EXPECT_LE(encode_changes(rest.first(count)).reveal().size(), 4096U);
    rest = rest.subspan(count);
  }
  EXPECT_LT(requests, 40U) << "most of the room is used";
  EXPECT_EQ(fitting(changes, 1), 1U);
  EXPECT_EQ(fitting({}, 1), 0U);
}

TEST(uapi_capacity, leaves_out_what_does_not_fit_and_drops_of_what_is_not_there) {
  const std::vector<device_change> changes{
      drop_peer{key(9)},           // not there
      set_peer{{key(1), {}, {}}},  // there already: needs no room
      set_peer{{key(3), {}, {}}},  // no room
      drop_peer{key(2)},           // makes room
      set_peer{{key(4), {}, {}}},  // takes it
      set_peer{{key(5), {}, {}}},  // no room again
  };
  const auto plan = fit_to_capacity(changes, {key(1), key(2)}, 2);
  EXPECT_EQ(plan.left_out, 2U);
  ASSERT_EQ(plan.changes.size(), 3U);
  EXPECT_EQ(std::get<set_peer>(plan.changes[0]).peer.public_key, key(1));
  EXPECT_EQ(std::get<drop_peer>(plan.changes[1]).public_key, key(2));
  EXPECT_EQ(std::get<set_peer>(plan.changes[2]).peer.public_key, key(4));
}

TEST(uapi_capacity, strips_only_what_is_there) {
  const std::vector<device_change> changes{strip_peer{key(1)}, strip_peer{key(9)}};
  const auto plan = fit_to_capacity(changes, {key(1)}, 1);
  ASSERT_EQ(plan.changes.size(), 1U);
  EXPECT_EQ(std::get<strip_peer>(plan.changes[0]).public_key, key(1));
}

TEST(uapi_answer, a_handshake_may_be_a_fraction_of_a_second_after_the_epoch) {
  const auto got = parse_answer("public_key=" + times(32, "01") +
                                "\nlast_handshake_time_sec=0\nlast_handshake_time_nsec=5000000\n"
                                "errno=0\n\n");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->peers.at(0).status.last_handshake_at, wall_time{milliseconds{5}});
}

TEST(uapi_answer, is_read_back_as_it_was_printed) {
  std::mt19937 random(11);
  for (unsigned round = 0; round < 300; ++round) {
    const device_answer wanted = any_device(random);
    const std::string text = printed(wanted);
    const auto got = parse_answer(text);
    ASSERT_TRUE(got) << got.error().message << "\n" << text;
    expect_same(*got, wanted);
  }
}

TEST(uapi_answer, is_the_same_in_pieces_of_any_size) {
  std::mt19937 random(12);
  for (unsigned round = 0; round < 100; ++round) {
    const device_answer wanted = any_device(random);
    const std::string text = printed(wanted);
    answer_reader reader(answer_kind::device);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = std::min<std::size_t>(random() % 90, text.size() - at);
      const auto fed = reader.feed(std::string_view(text).substr(at, size));
      ASSERT_TRUE(fed) << fed.error().message;
      at += size;
      ASSERT_EQ(*fed, at == text.size());
    }
    expect_same(reader.take(), wanted);
  }
}

TEST(uapi_answer, is_refused_when_any_of_its_end_is_missing) {
  std::mt19937 random(13);
  for (unsigned round = 0; round < 20; ++round) {
    const std::string text = printed(any_device(random));
    for (std::size_t size = 0; size < text.size(); ++size) {
      const auto got = parse_answer(std::string_view(text).substr(0, size));
      ASSERT_FALSE(got) << size;
      ASSERT_EQ(got.error().code, errc::corrupt);
    }
  }
}

TEST(uapi_answer, is_refused_when_it_is_hostile) {
  const std::string peer = "public_key=" + times(32, "01") + "\n";
  const std::string end = "errno=0\n\n";
  const std::vector<std::string> hostile{
      "\n\n" + end,
      "HTTP/1.1 400 Bad Request\r\n\r\n" + end,
      "errno=0\n\nerrno=0\n\n",
      "errno=0\nerrno=0\n",
      "errno=0\npublic_key=",
      "errno=0\n" + peer + "\n",
      "errno=\n\n",
      "errno=x\n\n",
      "errno=99999\n\n",
      "errno=-4096\n\n",
      peer + "endpoint=\x7f\n" + end,
      "errno=99999999999999999999\n\n",
      "public_key=" + times(31, "01") + "\n" + end,
      "public_key=" + times(33, "01") + "\n" + end,
      "public_key=" + times(32, "zz") + "\n" + end,
      "private_key=" + times(31, "01") + "\n" + end,
      "listen_port=65536\n" + end,
      "listen_port=-1\n" + end,
      peer + "preshared_key=00\n" + end,
      peer + "allowed_ip=10.0.0.1\n" + end,
      peer + "allowed_ip=10.0.0.1/33\n" + end,
      peer + "allowed_ip=\n" + end,
      peer + "endpoint=\n" + end,
      peer + "endpoint=\x1b[2J\n" + end,
      peer + "rx_bytes=-1\n" + end,
      peer + "tx_bytes=18446744073709551616\n" + end,
      peer + "last_handshake_time_sec=1e9\n" + end,
      peer + "last_handshake_time_sec=9223372036854775807\n" + end,
      peer + "last_handshake_time_nsec=1000000000\n" + peer + end,
      peer + "no_value\n" + end,
      "comment=" + times(max_line, "x") + "\n" + end,
      times(max_line + 1, "x"),
  };
  for (const std::string& text : hostile) {
    const auto got = parse_answer(text);
    ASSERT_FALSE(got) << text;
    EXPECT_EQ(got.error().code, errc::corrupt) << text;
    EXPECT_FALSE(got.error().message.contains("0101")) << "no key in a message";
  }
}

TEST(uapi_answer, may_have_members_of_later_versions) {
  const auto got = parse_answer("colour=green\npublic_key=" + times(32, "01") +
                                "\ncolour=blue\nallowed_ip=10.0.0.0/8\nerrno=0\n\n");
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->peers.at(0).peer.allowed_ips, std::vector{net("10.0.0.0/8")});
}

TEST(uapi_answer, has_the_allowed_ips_sorted) {
  const auto got = parse_answer("public_key=" + times(32, "01") +
                                "\nallowed_ip=fd00::/8\nallowed_ip=10.0.0.0/8\nerrno=0\n\n");
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_TRUE(std::ranges::is_sorted(got->peers.at(0).peer.allowed_ips));
  EXPECT_EQ(got->peers.at(0).peer.allowed_ips.size(), 2U);
}

TEST(uapi_answer, has_a_bound) {
  answer_reader reader(answer_kind::device);
  const std::string piece = times(1024, "colour=green\n");
  std::size_t bytes = 0;
  while (reader.feed(piece)) {
    bytes += piece.size();
    ASSERT_LE(bytes, max_answer);
  }
  EXPECT_GT(bytes + piece.size(), max_answer);
}

TEST(uapi_answer, of_a_set_operation_is_an_errno_alone) {
  answer_reader fine(answer_kind::acknowledgement);
  EXPECT_EQ(fine.feed("errno=0\n"), false);
  EXPECT_EQ(fine.feed("\n"), true);
  EXPECT_EQ(fine.error_number(), 0);
  answer_reader refused(answer_kind::acknowledgement);
  EXPECT_EQ(refused.feed("errno=-22\n\n"), true);
  EXPECT_EQ(refused.error_number(), 22);
  answer_reader strange(answer_kind::acknowledgement);
  EXPECT_FALSE(strange.feed("listen_port=1\n"));
}

TEST(uapi_answer, with_an_errno_says_what_the_system_calls_it) {
  const auto got = parse_answer("errno=-98\n\n");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, errc::conflict);
  EXPECT_EQ(got.error().message, "reading the device failed: Address already in use (errno=-98)");
}

}  // namespace
}  // namespace peerage::uapi
