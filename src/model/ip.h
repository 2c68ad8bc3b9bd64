// Addresses and prefixes of both families, as values that parse, print and compare.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace peerage {

enum class family : std::uint8_t { ipv4 = 4, ipv6 = 6 };

class ip_address {
 public:
  ip_address() = default;  // ::

  static ip_address v4(std::uint32_t value);
  static ip_address v6(std::span<const std::uint8_t, 16> bytes);

  /// errc::invalid unless the text is one address, dotted or RFC 4291, without a zone.
  static result<ip_address> parse(std::string_view text);

  /// The shortest form (RFC 5952); what parse() reads back.
  std::string text() const;

  peerage::family family() const { return family_; }
  unsigned bits() const { return family_ == peerage::family::ipv4 ? 32 : 128; }
  /// 4 or 16 bytes in network order.
  std::span<const std::uint8_t> bytes() const {
    return {bytes_.data(), family_ == peerage::family::ipv4 ? 4U : 16U};
  }
  /// IPv4 only: the value in host order.
  std::uint32_t v4_value() const;

  auto operator<=>(const ip_address&) const = default;

 private:
  peerage::family family_ = peerage::family::ipv6;
  std::array<std::uint8_t, 16> bytes_{};
};

/// An address range "fd00::/48", its host bits zero: two prefixes that mean the same are equal.
class prefix {
 public:
  prefix() = default;  // ::/0

  /// The prefix of `length` bits that holds `address`; host bits are cleared.
  static prefix of(const ip_address& address, unsigned length);
  /// The one address: /32 or /128.
  static prefix host(const ip_address& address) { return of(address, address.bits()); }

  /// errc::invalid unless the text is ADDRESS/LENGTH with no host bit set.
  static result<prefix> parse(std::string_view text);

  std::string text() const;
  const ip_address& address() const { return address_; }
  unsigned length() const { return length_; }
  peerage::family family() const { return address_.family(); }

  bool contains(const ip_address& address) const;
  bool contains(const prefix& other) const;
  bool overlaps(const prefix& other) const { return contains(other) || other.contains(*this); }

  auto operator<=>(const prefix&) const = default;

 private:
  ip_address address_;
  unsigned length_ = 0;
};

struct socket_address {
  ip_address address;
  std::uint16_t port = 0;
};

/// "203.0.113.7:51820" or "[2001:db8::7]:51820", as a device says its peers' endpoints; nothing for
/// any other text, so for one with a zone.
std::optional<socket_address> parse_socket_address(std::string_view text);

}  // namespace peerage

template <>
struct std::hash<peerage::prefix> {
  std::size_t operator()(const peerage::prefix& value) const noexcept;
};
