#include "config/endpoint.h"

#include <algorithm>
#include <array>
#include <optional>

#include "model/ip.h"
#include "model/reserved.h"

namespace peerage {
namespace {

struct kind {
  std::string_view range, what;
};
constexpr std::array narrow{
    kind{"127.0.0.0/8", "a loopback address: clients on this host alone"},
    kind{"::1/128", "a loopback address: clients on this host alone"},
    kind{"10.0.0.0/8", "a private address: clients that can route to it alone"},
    kind{"172.16.0.0/12", "a private address: clients that can route to it alone"},
    kind{"192.168.0.0/16", "a private address: clients that can route to it alone"},
    kind{"100.64.0.0/10", "a shared address (RFC 6598): clients that can route to it alone"},
    kind{"fc00::/7", "a unique-local address: clients that can route to it alone"},
};

std::string_view host_of(std::string_view endpoint) {
  std::string_view host = endpoint.substr(0, endpoint.rfind(':'));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return host;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// RFC 1123; one dot at the end is allowed.
std::string wrong_with_name(std::string_view name) {
  constexpr std::size_t most = 253, most_in_label = 63;
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > most) return "no host name";
  std::string_view last;
  for (std::size_t at = 0; at <= name.size();) {
    const std::size_t end = std::min(name.find('.', at), name.size());
    last = name.substr(at, end - at);
    if (last.empty() || last.size() > most_in_label) return "no host name";
    if (last.front() == '-' || last.back() == '-') return "no host name";
    at = end + 1;
  }
  if (std::ranges::all_of(last, is_digit)) return "neither an IPv4 address nor a host name";
  return {};
}

}  // namespace

std::string useless_because(std::string_view endpoint) {
  const std::string_view host = host_of(endpoint);
  const auto address = ip_address::parse(host);
  return address ? std::string(reserved_as(prefix::host(*address))) : wrong_with_name(host);
}

std::string only_for(std::string_view endpoint) {
  const auto address = ip_address::parse(host_of(endpoint));
  if (!address) return {};
  for (const kind& each : narrow) {
    if (prefix::parse(each.range).value().contains(*address)) return std::string(each.what);
  }
  return {};
}

}  // namespace peerage
