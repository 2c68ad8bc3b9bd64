#include "http/proxy_protocol.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

#include "http/proxies.h"

namespace peerage::http {
namespace {

using asio::ip::address;

constexpr std::string_view v1_begin = "PROXY ";
constexpr std::string_view v2_begin("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t v1_least = 15;  // "PROXY UNKNOWN\r\n"
constexpr std::size_t v1_most = 107;
constexpr std::size_t v2_fixed = 16;
constexpr std::size_t v2_most = 536;  // what the specification asks a receiver to take

std::unexpected<error> garbage() {
  return fail(errc::invalid, "the connection does not begin with a PROXY header");
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* const last = text.data() + text.size();
  const auto [end, problem] = std::from_chars(text.data(), last, port);
  return problem == std::errc{} && end == last && !text.empty();
}

/// "TCP4 192.0.2.7 192.0.2.1 4711 443", or "UNKNOWN" and anything.
result<proxy_header> read_v1_line(std::string_view line) {
  std::array<std::string_view, 5> words;
  std::size_t count = 0;
  for (bool more = true; more && count < words.size(); ++count) {
    const auto space = line.find(' ');
    words[count] = line.substr(0, space);
    more = space != std::string_view::npos;
    line = more ? line.substr(space + 1) : std::string_view{};
  }
  if (words[0] == "UNKNOWN") return proxy_header{};
  const bool v6 = words[0] == "TCP6";
  if ((!v6 && words[0] != "TCP4") || count != words.size() || !line.empty()) return garbage();
  boost::system::error_code bad_client, bad_own;
  const auto client = asio::ip::make_address(std::string(words[1]), bad_client);
  const auto own = asio::ip::make_address(std::string(words[2]), bad_own);
  if (bad_client || bad_own || client.is_v6() != v6 || own.is_v6() != v6) return garbage();
  if (!is_port(words[3]) || !is_port(words[4])) return garbage();
  if (v6 && client.to_v6().scope_id() != 0) return garbage();
  return proxy_header{0, without_mapping(client)};
}

result<proxy_header> read_v1(std::string_view bytes) {
  const auto line_end = bytes.find("\r\n");
  if (line_end == std::string_view::npos) {
    if (bytes.size() >= v1_most) return garbage();
    if (bytes.size() < v1_least) return proxy_header{v1_least - bytes.size()};
    // After a CR one byte is missing; else two, of which the first may be any.
    return proxy_header{bytes.back() == '\r' ? 1U : 2U};
  }
  if (line_end + 2 != bytes.size()) return garbage();
  return read_v1_line(bytes.substr(v1_begin.size(), line_end - v1_begin.size()));
}

result<proxy_header> read_v2(std::string_view bytes) {
  if (bytes.size() < v2_fixed) return proxy_header{v2_fixed - bytes.size()};
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
  const unsigned command = byte(12);
  const unsigned family = byte(13) >> 4U;
  const std::size_t size = byte(14) * 256U + byte(15);
  if ((command != 0x20 && command != 0x21) || v2_fixed + size > v2_most) return garbage();
  if (bytes.size() < v2_fixed + size) return proxy_header{v2_fixed + size - bytes.size()};
  if (bytes.size() > v2_fixed + size) return garbage();
  if (command == 0x20) return proxy_header{};
  if (family == 1 && size >= 12) {
    asio::ip::address_v4::bytes_type raw{};
    for (std::size_t i = 0; i < raw.size(); ++i) raw[i] = byte(v2_fixed + i);
    return proxy_header{0, address(asio::ip::address_v4(raw))};
  }
  if (family == 2 && size >= 36) {
    asio::ip::address_v6::bytes_type raw{};
    for (std::size_t i = 0; i < raw.size(); ++i) raw[i] = byte(v2_fixed + i);
    return proxy_header{0, without_mapping(asio::ip::address_v6(raw))};
  }
  if (family == 1 || family == 2) return garbage();  // too short for its addresses
  return proxy_header{};
}

}  // namespace

result<proxy_header> read_proxy_header(std::string_view bytes) {
  const auto begins = [&](std::string_view with) {
    const auto both = std::min(bytes.size(), with.size());
    return bytes.substr(0, both) == with.substr(0, both);
  };
  if (bytes.empty()) return proxy_header{v2_begin.size()};
  if (begins(v1_begin)) return read_v1(bytes);
  if (begins(v2_begin)) return read_v2(bytes);
  return garbage();
}

}  // namespace peerage::http
