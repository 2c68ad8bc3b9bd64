#include "model/reserved.h"

#include <algorithm>
#include <array>

namespace peerage {
namespace {

struct kind {
  std::string_view range, what;
};
constexpr std::array reserved{
    kind{"0.0.0.0/8", "no address of a host"},
    kind{"169.254.0.0/16", "a link-local address"},
    kind{"224.0.0.0/4", "a multicast address"},
    kind{"240.0.0.0/4", "no address of a host"},
    kind{"::/128", "no address of a host"},
    kind{"fe80::/10", "a link-local address"},
    kind{"ff00::/8", "a multicast address"},
    kind{"::ffff:0:0/96", "an IPv4 address in IPv6 form"},
};

bool lies_in(const prefix& wanted, std::string_view range) {
  const prefix whole = prefix::parse(range).value();
  return wanted.length() >= whole.length() && whole.contains(wanted.address());
}

}  // namespace

std::string_view reserved_as(const prefix& wanted) {
  const auto found =
      std::ranges::find_if(reserved, [&](const kind& each) { return lies_in(wanted, each.range); });
  return found == reserved.end() ? std::string_view() : found->what;
}

bool is_loopback(const prefix& wanted) {
  return lies_in(wanted, "127.0.0.0/8") || lies_in(wanted, "::1/128");
}

}  // namespace peerage
