#include "netlink/host.h"

#include <net/if.h>

#include <algorithm>
#include <optional>
#include <set>

#include "netlink/route_codec.h"
#include "netlink/route_query.h"

namespace peerage::netlink {
namespace {

std::string name_of(std::uint32_t interface) {
  char name[IF_NAMESIZE] = "";
  return ::if_indextoname(interface, name) != nullptr ? name : std::to_string(interface);
}

/// Of this gateway, and of others on this host.
result<std::set<std::uint32_t>> interfaces_of_gateways(kernel_socket& socket) {
  std::set<std::uint32_t> all;
  request asked = encode_get_links();
  const auto answer = socket.dump(
      asked, [&] { all.clear(); },
      [&](const message& found) -> result<> {
        auto one = decode_link(found.payload);
        if (!one) return std::unexpected(one.error());
        if (one->alias.starts_with(mark_prefix)) all.insert(one->index);
        return {};
      });
  if (!answer) return std::unexpected(answer.error());
  return all;
}

result<> add_addresses(kernel_socket& socket, std::uint32_t own, std::vector<host_use>& into) {
  auto gateways = interfaces_of_gateways(socket);
  if (!gateways) return std::unexpected(gateways.error());
  gateways->insert(own);
  std::vector<host_address> all;
  for (const family of : {family::ipv4, family::ipv6}) {
    std::vector<host_address> some;
    request asked = encode_get_addresses(of, 0);
    const auto answer = socket.dump(
        asked, [&] { some.clear(); },
        [&](const message& found) -> result<> {
          auto one = decode_host_address(found.payload);
          if (!one) return std::unexpected(one.error());
          if (!gateways->contains(one->interface)) some.push_back(*one);
          return {};
        });
    if (!answer) return std::unexpected(answer.error());
    all.insert(all.end(), some.begin(), some.end());
  }
  for (const auto& [interface, what, far] : all) {
    const std::string why = "this host has " + what.address.text() + "/" +
                            std::to_string(what.length) + " on interface " + name_of(interface);
    into.push_back({prefix::host(what.address), why});
    into.push_back({prefix::of(far, what.length), why});
  }
  return {};
}

/// Nothing where there is no route.
result<std::optional<ip_address>> router_to(kernel_socket& socket, const ip_address& far) {
  std::optional<ip_address> router;
  request asked = encode_route_to(far);
  const auto answer = socket.ask(asked, [&](const message& found) -> result<> {
    auto one = decode_router(found.payload);
    if (!one) return std::unexpected(one.error());
    router = *one;
    return {};
  });
  if (!answer) return std::unexpected(answer.error());
  return router;
}

}  // namespace

result<std::vector<host_use>> look_at_host(kernel_socket& socket, std::uint32_t own,
                                           const std::vector<needed_address>& needed) {
  std::vector<host_use> uses;
  if (auto added = add_addresses(socket, own, uses); !added) return std::unexpected(added.error());
  // Documentation addresses (RFC 5737, RFC 3849): only the default route leads there.
  std::vector<ip_address> far{ip_address::parse("203.0.113.1").value(),
                              ip_address::parse("2001:db8::1").value()};
  for (const needed_address& each : needed) {
    uses.push_back(
        {prefix::host(each.address), "this host needs " + each.address.text() + ", " + each.what});
    far.push_back(each.address);
  }
  for (const ip_address& each : far) {
    const auto router = router_to(socket, each);
    if (!router) return std::unexpected(router.error());
    if (!*router) continue;
    uses.push_back({prefix::host(**router), (*router)->text() + " is a router of this host"});
  }
  return uses;
}

const host_use* use_of(const prefix& wanted, const std::vector<host_use>& uses) {
  const auto found = std::ranges::find_if(uses, [&](const host_use& each) {
    return each.what.length() > 0 && each.what.overlaps(wanted);
  });
  return found == uses.end() ? nullptr : &*found;
}

}  // namespace peerage::netlink
