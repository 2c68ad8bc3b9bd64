#include "plan/ranges.h"

#include <array>
#include <string>
#include <string_view>

namespace peerage {
namespace {

/// Not for hosts of a private network (RFC 6890, RFC 4291).
constexpr std::array<std::string_view, 5> unfit = {
    "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/8",
};
constexpr std::array<std::string_view, 2> unfit_ipv6 = {"fe80::/10", "ff00::/8"};

template <class List>
result<> check_against(const prefix& range, const List& list) {
  for (const std::string_view each : list) {
    const prefix bad = *prefix::parse(each);
    if (bad.family() == range.family() && bad.overlaps(range)) {
      return fail(errc::invalid, "has a part of " + bad.text() + ", which no network may have");
    }
  }
  return {};
}

}  // namespace

result<> check_network_ipv6(const prefix& range) {
  if (range.family() != family::ipv6 || range.length() != 48) {
    return fail(errc::invalid, "must be an IPv6 /48, like fd12:3456:789a::/48");
  }
  if (auto fit = check_against(range, unfit); !fit) return fit;
  return check_against(range, unfit_ipv6);
}

result<> check_network_ipv4(const prefix& range) {
  if (range.family() != family::ipv4 || range.length() < 8) {
    return fail(errc::invalid, "must be an IPv4 range of /8 to /32, like 10.20.0.0/16");
  }
  return check_against(range, unfit);
}

}  // namespace peerage
