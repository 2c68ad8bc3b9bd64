#include "plan/ranges.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "plan/address.h"

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

bool lies_within(const prefix& wanted, const std::vector<prefix>& ranges) {
  return ranges.empty() ||
         std::ranges::any_of(ranges, [&](const prefix& each) { return each.contains(wanted); });
}

std::optional<prefix> network_within(const std::vector<prefix>& ranges, std::uint64_t random) {
  if (ranges.empty()) return unique_local(random);
  const auto roomy = [](const prefix& each) {
    return each.family() == family::ipv6 && each.length() <= 48;
  };
  const auto in = std::ranges::find_if(ranges, roomy);
  if (in == ranges.end()) return {};
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(in->address().bytes(), bytes.begin());
  for (unsigned bit = in->length(); bit < 48; ++bit, random >>= 1) {
    if ((random & 1) != 0) bytes[bit / 8] |= static_cast<std::uint8_t>(0x80 >> (bit % 8));
  }
  return prefix::of(ip_address::v6(bytes), 48);
}

}  // namespace peerage
