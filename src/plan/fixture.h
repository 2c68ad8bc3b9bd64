// A ledger, and words for it, for the tests of this room.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "plan/ledger.h"

namespace peerage {

inline public_key key(std::uint8_t n) {
  std::array<std::uint8_t, key_size> bytes{};
  bytes.fill(n);
  return public_key(bytes);
}

inline assignment peer_of(std::uint8_t n, std::string_view address = {}) {
  assignment one;
  one.id = {*network_name::parse("acme"), *peer_name::parse("p" + std::to_string(n))};
  one.public_key = key(n);
  const std::string own = "fd00::" + std::to_string(n) + "/128";
  one.addresses = {*prefix::parse(address.empty() ? own : address)};
  return one;
}

inline device_entry on_device(const assignment& one) {
  return {{one.public_key, one.preshared_key, one.addresses}, {}};
}

struct ledger_test : testing::Test {
  ledger book;
  wall_time now{seconds{1'000'000}};

  verdict put(const assignment& one, std::uint64_t at) {
    return book.hear(put_peer_change{one}, revision{at}).what;
  }
  verdict remove(std::uint8_t n, std::uint64_t at) {
    return book.hear(remove_peer_change{key(n)}, revision{at}).what;
  }
  void written() {
    for (const auto& each : book.unconfirmed()) book.confirm(each, book.words(), now);
  }
  ledger::observation whole(std::vector<stored_assignment> all, std::uint64_t as_of) {
    book.expire(now);
    return book.observe({true, {}, std::move(all), revision{as_of}});
  }
  ledger::observation some(std::vector<int> asked, std::vector<stored_assignment> there,
                           std::uint64_t as_of) {
    std::vector<public_key> keys;
    for (const int n : asked) keys.push_back(key(static_cast<std::uint8_t>(n)));
    return book.observe({false, keys, std::move(there), revision{as_of}});
  }
  std::vector<public_key> compare(const std::vector<device_entry>& dump,
                                  ledger::strangers unknown = ledger::strangers::remove) {
    book.begin_comparison(now);
    for (const auto& each : dump) book.compare(each);
    return book.end_comparison(unknown);
  }
  /// So many peers, each to expire in 500 s, on the device, as the store had them.
  void fill(int count) {
    std::vector<stored_assignment> all;
    const revision at{book.as_of().number + 1};
    for (int n = 1; n <= count; ++n) {
      all.push_back({peer_of(static_cast<std::uint8_t>(n)), at});
      all.back().peer.expires_at = now + seconds{500};
    }
    whole(std::move(all), at.number);
    written();
  }
  bool wants(std::uint8_t n) {
    return std::holds_alternative<set_peer>(book.wanted_change(key(n)));
  }
};

}  // namespace peerage
