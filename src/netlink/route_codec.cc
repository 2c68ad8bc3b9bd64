#include "netlink/route_codec.h"

#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <algorithm>

namespace peerage::netlink {
namespace {

constexpr std::uint32_t rule_priority = 5'200;         // behind that for local addresses
constexpr std::uint32_t default_ipv6_priority = 1024;  // what the kernel makes of none

std::unexpected<error> corrupt(const char* what) {
  return fail(errc::corrupt, std::string("the kernel's description of ") + what + " is malformed");
}

std::uint8_t number_of(family of) {
  return static_cast<std::uint8_t>(of == family::ipv4 ? AF_INET : AF_INET6);
}

/// An address of the family that a message is of; nothing when the size does not fit it.
std::optional<ip_address> decode_ip(std::uint8_t kind, bytes_view from) {
  if (kind == AF_INET && from.size() == 4) {
    return ip_address::v4(ntohl(*read<std::uint32_t>(from)));
  }
  if (kind == AF_INET6 && from.size() == 16) return ip_address::v6(from.first<16>());
  return {};
}

std::string decode_text(bytes_view from) {
  return {from.begin(), std::find(from.begin(), from.end(), std::uint8_t{0})};
}

request link_request(std::uint16_t type, std::uint16_t flags, std::uint32_t index,
                     unsigned set_flags = 0) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = static_cast<int>(index);
  header.ifi_flags = set_flags;
  header.ifi_change = set_flags;
  return {type, flags, bytes_of(header)};
}

bool link_local(const prefix& destination) {
  static const prefix ipv6 = prefix::parse("fe80::/10").value();
  return ipv6.contains(destination);
}

bool multicast(const prefix& destination) {
  static const prefix ipv6 = prefix::parse("ff00::/8").value();
  static const prefix ipv4 = prefix::parse("224.0.0.0/4").value();
  return ipv6.contains(destination) || ipv4.contains(destination);
}

}  // namespace

request encode_get_link(std::string_view name) {
  request out = link_request(RTM_GETLINK, 0, 0);
  // Statistics are half of the answer, and nobody reads them.
  out.put_value(IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
  out.put_text(IFLA_IFNAME, name);
  return out;
}

request encode_get_links() {
  request out = link_request(RTM_GETLINK, NLM_F_DUMP, 0);
  out.put_value(IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
  return out;
}

result<link_facts> decode_link(bytes_view payload) {
  const auto header = read<ifinfomsg>(payload);
  if (!header) return corrupt("an interface");
  link_facts link;
  link.index = static_cast<std::uint32_t>(header->ifi_index);
  link.up = (header->ifi_flags & IFF_UP) != 0;
  attributes list(payload.subspan(sizeof(ifinfomsg)));
  while (const auto found = list.next()) {
    if (found->type == IFLA_MTU) link.mtu = read<std::uint32_t>(found->payload).value_or(0);
    if (found->type == IFLA_IFALIAS) link.alias = decode_text(found->payload);
    if (found->type != IFLA_LINKINFO) continue;
    attributes inside(found->payload);
    while (const auto item = inside.next()) {
      if (item->type == IFLA_INFO_KIND) link.kind = decode_text(item->payload);
    }
  }
  if (!list.sound() || link.index == 0) return corrupt("an interface");
  return link;
}

request encode_new_link(std::string_view name, std::string_view kind) {
  request out = link_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0);
  out.put_text(IFLA_IFNAME, name);
  const std::size_t info = out.open_nest(IFLA_LINKINFO);
  out.put_text(IFLA_INFO_KIND, kind);
  out.close_nest(info);
  return out;
}

request encode_delete_link(std::uint32_t index) {
  return link_request(RTM_DELLINK, 0, index);
}

std::optional<link_change> compare(const link_facts& have, const std::string& alias,
                                   std::uint32_t mtu) {
  link_change change;
  if (have.alias != alias) change.alias = alias;
  if (have.mtu != mtu) change.mtu = mtu;
  change.bring_up = !have.up;
  if (change == link_change{}) return {};
  return change;
}

request encode_change_link(std::uint32_t index, const link_change& change) {
  request out = link_request(RTM_NEWLINK, 0, index, change.bring_up ? IFF_UP : 0);
  if (change.alias) out.put_text(IFLA_IFALIAS, *change.alias);
  if (change.mtu) out.put_value(IFLA_MTU, *change.mtu);
  return out;
}

request encode_get_addresses(family of, std::uint32_t index) {
  ifaddrmsg header{};
  header.ifa_family = number_of(of);
  header.ifa_index = index;
  return {RTM_GETADDR, NLM_F_DUMP, bytes_of(header)};
}

result<host_address> decode_host_address(bytes_view payload) {
  const auto header = read<ifaddrmsg>(payload);
  if (!header) return corrupt("an address");
  std::optional<ip_address> local;
  std::optional<ip_address> far;
  attributes list(payload.subspan(sizeof(ifaddrmsg)));
  while (const auto found = list.next()) {
    if (found->type == IFA_LOCAL) local = decode_ip(header->ifa_family, found->payload);
    if (found->type == IFA_ADDRESS) far = decode_ip(header->ifa_family, found->payload);
  }
  // Without a far end IFA_ADDRESS repeats the local one (IPv4) or stands alone (IPv6).
  if (!local) local = far;
  if (!list.sound() || !local || header->ifa_prefixlen > local->bits()) {
    return corrupt("an address");
  }
  const bool has_peer = far && *far != *local;
  return host_address{
      header->ifa_index, {*local, header->ifa_prefixlen, has_peer}, has_peer ? *far : *local};
}

result<std::optional<address_entry>> decode_address(bytes_view payload, std::uint32_t index) {
  const auto found = decode_host_address(payload);
  if (!found) return std::unexpected(found.error());
  if (found->interface != index) return std::nullopt;
  return found->what;
}

request encode_add_address(std::uint32_t index, const ip_address& address) {
  ifaddrmsg header{};
  header.ifa_family = number_of(address.family());
  header.ifa_prefixlen = static_cast<std::uint8_t>(address.bits());
  header.ifa_index = index;
  request out(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, bytes_of(header));
  out.put(IFA_LOCAL, address.bytes());
  if (address.family() == family::ipv6) out.put_value(IFA_FLAGS, std::uint32_t{IFA_F_NODAD});
  return out;
}

request encode_drop_address(std::uint32_t index, const address_entry& entry) {
  ifaddrmsg header{};
  header.ifa_family = number_of(entry.address.family());
  header.ifa_prefixlen = static_cast<std::uint8_t>(entry.length);
  header.ifa_index = index;
  request out(RTM_DELADDR, 0, bytes_of(header));
  out.put(IFA_LOCAL, entry.address.bytes());
  return out;
}

request encode_get_routes(family of, std::uint32_t index) {
  rtmsg header{};
  header.rtm_family = number_of(of);
  request out(RTM_GETROUTE, NLM_F_DUMP, bytes_of(header));
  out.put_value(RTA_OIF, index);
  return out;
}

result<std::optional<route_entry>> decode_route(bytes_view payload, std::uint32_t index) {
  const auto header = read<rtmsg>(payload);
  if (!header) return corrupt("a route");
  std::uint32_t table = header->rtm_table;
  std::uint32_t interface = 0;
  route_entry route;
  route.protocol = header->rtm_protocol;
  std::optional<ip_address> destination =
      header->rtm_family == AF_INET ? ip_address::v4(0) : ip_address{};
  attributes list(payload.subspan(sizeof(rtmsg)));
  while (const auto found = list.next()) {
    switch (found->type) {
      case RTA_TABLE: table = read<std::uint32_t>(found->payload).value_or(table); break;
      case RTA_OIF: interface = read<std::uint32_t>(found->payload).value_or(0); break;
      case RTA_PRIORITY: route.priority = read<std::uint32_t>(found->payload).value_or(0); break;
      case RTA_DST: destination = decode_ip(header->rtm_family, found->payload); break;
      case RTA_GATEWAY:
      case RTA_VIA: route.has_gateway = true; break;
      default: break;
    }
  }
  if (!list.sound() || !destination || header->rtm_dst_len > destination->bits()) {
    return corrupt("a route");
  }
  if (table != RT_TABLE_MAIN || interface != index || header->rtm_type != RTN_UNICAST) {
    return std::nullopt;
  }
  route.destination = prefix::of(*destination, header->rtm_dst_len);
  return route;
}

namespace {

request route_request(std::uint16_t type, std::uint16_t flags, const prefix& destination,
                      std::uint8_t protocol, std::uint8_t scope, std::uint8_t kind = RTN_UNICAST) {
  rtmsg header{};
  header.rtm_family = number_of(destination.family());
  header.rtm_dst_len = static_cast<std::uint8_t>(destination.length());
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = protocol;
  header.rtm_scope = scope;
  header.rtm_type = kind;
  request out(type, flags, bytes_of(header));
  if (destination.length() > 0) out.put(RTA_DST, destination.address().bytes());
  return out;
}

}  // namespace

request encode_add_route(std::uint32_t index, const prefix& destination) {
  request out = route_request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, destination, RTPROT_STATIC,
                              RT_SCOPE_LINK);
  out.put_value(RTA_OIF, index);
  return out;
}

request encode_drop_route(std::uint32_t index, const route_entry& entry) {
  request out = route_request(RTM_DELROUTE, 0, entry.destination, entry.protocol,
                              RT_SCOPE_NOWHERE);  // of any scope
  out.put_value(RTA_OIF, index);
  if (entry.priority != 0) out.put_value(RTA_PRIORITY, entry.priority);
  return out;
}

request encode_route_to(const ip_address& far) {
  rtmsg header{};
  header.rtm_family = number_of(far.family());
  header.rtm_dst_len = static_cast<std::uint8_t>(far.bits());
  request out(RTM_GETROUTE, 0, bytes_of(header));
  out.put(RTA_DST, far.bytes());
  return out;
}

result<std::optional<ip_address>> decode_router(bytes_view payload) {
  const auto header = read<rtmsg>(payload);
  if (!header) return corrupt("a route");
  std::optional<ip_address> router;
  attributes list(payload.subspan(sizeof(rtmsg)));
  while (const auto found = list.next()) {
    if (found->type == RTA_GATEWAY) router = decode_ip(header->rtm_family, found->payload);
    // An IPv4 route through an IPv6 router: a family, and the address.
    if (found->type == RTA_VIA && found->payload.size() == 2 + 16) {
      router = decode_ip(AF_INET6, found->payload.subspan(2));
    }
  }
  if (!list.sound()) return corrupt("a route");
  return router;
}

request encode_get_unreachable(family of) {
  rtmsg header{};
  header.rtm_family = number_of(of);
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_STATIC;
  header.rtm_type = RTN_UNREACHABLE;
  return {RTM_GETROUTE, NLM_F_DUMP, bytes_of(header)};
}

result<std::optional<prefix>> decode_unreachable(bytes_view payload, std::uint32_t priority) {
  const auto header = read<rtmsg>(payload);
  if (!header) return corrupt("a route");
  if (header->rtm_type != RTN_UNREACHABLE || header->rtm_protocol != RTPROT_STATIC) {
    return std::nullopt;
  }
  std::optional<ip_address> destination;
  std::uint32_t table = header->rtm_table, its = 0;
  attributes list(payload.subspan(sizeof(rtmsg)));
  while (const auto found = list.next()) {
    if (found->type == RTA_TABLE) table = read<std::uint32_t>(found->payload).value_or(table);
    if (found->type == RTA_PRIORITY) its = read<std::uint32_t>(found->payload).value_or(0);
    if (found->type == RTA_DST) destination = decode_ip(header->rtm_family, found->payload);
  }
  if (!list.sound()) return corrupt("a route");
  if (table != RT_TABLE_MAIN || its != priority || !destination) return std::nullopt;
  if (header->rtm_dst_len > destination->bits()) return corrupt("a route");
  return prefix::of(*destination, header->rtm_dst_len);
}

request encode_add_unreachable(const prefix& destination, std::uint32_t priority) {
  request out = route_request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, destination, RTPROT_STATIC,
                              RT_SCOPE_UNIVERSE, RTN_UNREACHABLE);
  out.put_value(RTA_PRIORITY, priority);
  return out;
}

request encode_drop_unreachable(const prefix& destination, std::uint32_t priority) {
  request out = route_request(RTM_DELROUTE, 0, destination, RTPROT_STATIC, RT_SCOPE_UNIVERSE,
                              RTN_UNREACHABLE);
  out.put_value(RTA_PRIORITY, priority);
  return out;
}

request encode_rule(family of, const std::string& interface, std::uint32_t mark, bool add) {
  fib_rule_hdr header{};
  header.family = number_of(of);
  header.table = RT_TABLE_UNSPEC;
  header.action = FR_ACT_PROHIBIT;
  request out(add ? RTM_NEWRULE : RTM_DELRULE, add ? NLM_F_CREATE | NLM_F_EXCL : 0,
              bytes_of(header));
  out.put_text(FRA_IIFNAME, interface);
  out.put_value(FRA_PRIORITY, rule_priority);
  out.put_value(FRA_FWMARK, std::uint32_t{0});
  out.put_value(FRA_FWMASK, mark);
  return out;
}

address_changes compare(const std::vector<address_entry>& have,
                        const std::vector<ip_address>& want) {
  address_changes changes;
  const auto is_wanted = [&](const address_entry& entry) {
    return entry.length == entry.address.bits() && !entry.has_peer &&
           std::ranges::find(want, entry.address) != want.end();
  };
  for (const address_entry& entry : have) {
    if (!is_wanted(entry) && !link_local(prefix::host(entry.address))) {
      changes.drop.push_back(entry);
    }
  }
  for (const ip_address& address : want) {
    const auto is_it = [&](const address_entry& entry) {
      return entry.address == address && is_wanted(entry);
    };
    if (std::ranges::none_of(have, is_it) &&
        std::ranges::find(changes.add, address) == changes.add.end()) {
      changes.add.push_back(address);
    }
  }
  return changes;
}

route_changes compare(const std::vector<route_entry>& have, const std::vector<prefix>& want) {
  route_changes changes;
  const auto is_wanted = [&](const route_entry& entry) {
    const std::uint32_t usual =
        entry.destination.family() == family::ipv6 ? default_ipv6_priority : 0;
    return entry.protocol == RTPROT_STATIC && entry.priority == usual && !entry.has_gateway &&
           std::ranges::find(want, entry.destination) != want.end();
  };
  for (const route_entry& entry : have) {
    if (entry.protocol != RTPROT_KERNEL && !is_wanted(entry) && !link_local(entry.destination) &&
        !multicast(entry.destination)) {
      changes.drop.push_back(entry);
    }
  }
  for (const prefix& destination : want) {
    const auto is_it = [&](const route_entry& entry) {
      return entry.destination == destination && is_wanted(entry);
    };
    if (std::ranges::none_of(have, is_it) &&
        std::ranges::find(changes.add, destination) == changes.add.end()) {
      changes.add.push_back(destination);
    }
  }
  return changes;
}

}  // namespace peerage::netlink
