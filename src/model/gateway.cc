#include "model/gateway.h"

#include <algorithm>
#include <charconv>

#include "model/ip.h"

namespace peerage {
namespace {

bool is_host(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    const auto address = ip_address::parse(host.substr(1, host.size() - 2));
    return address && address->family() == family::ipv6;
  }
  if (const auto address = ip_address::parse(host)) return address->family() == family::ipv4;
  return !host.empty() && host.size() <= 253 && host.front() != '-' && host.front() != '.' &&
         std::all_of(host.begin(), host.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '.';
         });
}

}  // namespace

result<std::string> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && is_host(text.substr(0, colon))) {
    const std::string_view digits = text.substr(colon + 1);
    const char* last = digits.data() + digits.size();
    unsigned port = 0;
    const auto [end, failure] = std::from_chars(digits.data(), last, port);
    if (failure == std::errc{} && end == last && port >= 1 && port <= 65535) {
      return std::string(text);
    }
  }
  return fail(errc::invalid, "must be HOST:PORT, with an IPv6 address in brackets");
}

}  // namespace peerage
