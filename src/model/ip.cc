#include "model/ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace peerage {

ip_address ip_address::v4(std::uint32_t value) {
  ip_address address;
  address.family_ = family::ipv4;
  for (unsigned i = 0; i < 4; ++i)
    address.bytes_[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
  return address;
}

ip_address ip_address::v6(std::span<const std::uint8_t, 16> bytes) {
  ip_address address;
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  return address;
}

result<ip_address> ip_address::parse(std::string_view text) {
  const std::string copy(text);
  ip_address address;
  // inet_pton stops at a NUL byte, which the text may hold.
  const bool whole = text.find('\0') == std::string_view::npos;
  if (whole && inet_pton(AF_INET6, copy.c_str(), address.bytes_.data()) == 1) return address;
  address = {};
  address.family_ = family::ipv4;
  if (whole && inet_pton(AF_INET, copy.c_str(), address.bytes_.data()) == 1) return address;
  return fail(errc::invalid, "must be an IPv4 or IPv6 address");
}

std::string ip_address::text() const {
  char text[INET6_ADDRSTRLEN];
  inet_ntop(family_ == family::ipv4 ? AF_INET : AF_INET6, bytes_.data(), text, sizeof text);
  return text;
}

std::uint32_t ip_address::v4_value() const {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i) value = value << 8 | bytes_[i];
  return value;
}

prefix prefix::of(const ip_address& address, unsigned length) {
  std::array<std::uint8_t, 16> bytes{};
  std::copy(address.bytes().begin(), address.bytes().end(), bytes.begin());
  for (unsigned bit = length; bit < address.bits(); ++bit)
    bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> bit % 8));
  prefix made;
  made.length_ = length;
  if (address.family() == family::ipv6) {
    made.address_ = ip_address::v6(bytes);
  } else {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < 4; ++i) value = value << 8 | bytes[i];
    made.address_ = ip_address::v4(value);
  }
  return made;
}

result<prefix> prefix::parse(std::string_view text) {
  const auto bad = [] {
    return fail(errc::invalid, "must be a prefix, ADDRESS/LENGTH, with no host bit set");
  };
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return bad();
  const auto address = ip_address::parse(text.substr(0, slash));
  if (!address) return bad();
  const std::string_view digits = text.substr(slash + 1);
  const char* last = digits.data() + digits.size();
  unsigned length = 0;
  const auto [end, failure] = std::from_chars(digits.data(), last, length);
  if (failure != std::errc{} || end != last || length > address->bits()) return bad();
  if (digits.size() > 1 && digits.front() == '0') return bad();
  const prefix made = of(*address, length);
  if (made.address() != *address) return bad();
  return made;
}

std::string prefix::text() const {
  return address_.text() + "/" + std::to_string(length_);
}

bool prefix::contains(const ip_address& address) const {
  return address.family() == family() && of(address, length_).address_ == address_;
}

bool prefix::contains(const prefix& other) const {
  return other.length_ >= length_ && contains(other.address_);
}

std::optional<socket_address> parse_socket_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return {};
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = ip_address::parse(host);
  if (!address || (address->family() == family::ipv6) != bracketed) return {};
  std::uint16_t port = 0;
  const char* const last = digits.data() + digits.size();
  const auto [end, failure] = std::from_chars(digits.data(), last, port);
  if (failure != std::errc{} || end != last || port == 0) return {};
  return socket_address{*address, port};
}

}  // namespace peerage

std::size_t std::hash<peerage::prefix>::operator()(const peerage::prefix& value) const noexcept {
  std::size_t mixed = value.length() + 0x9e3779b97f4a7c15ULL;
  for (const std::uint8_t byte : value.address().bytes()) mixed = (mixed ^ byte) * 0x100000001b3ULL;
  return mixed ^ mixed >> 32;
}
