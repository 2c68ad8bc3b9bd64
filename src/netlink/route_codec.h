// rtnetlink (linux/rtnetlink.h, linux/if_link.h): links, addresses and routes as messages, and what
// has to change for an interface to have exactly the wanted ones. Pure; used by link.cc and
// device.cc. Encoding can't fail; decoding answers errc::corrupt to malformed bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/ip.h"
#include "netlink/wire.h"

namespace peerage::netlink {

struct link_facts {
  std::uint32_t index = 0;
  bool up = false;
  std::uint32_t mtu = 0;
  std::string alias;
  std::string kind;  // "wireguard", "tun", …; empty for hardware
  bool operator==(const link_facts&) const = default;
};

request encode_get_link(std::string_view name);
request encode_get_links();
result<link_facts> decode_link(bytes_view payload);
request encode_new_link(std::string_view name, std::string_view kind);
request encode_delete_link(std::uint32_t index);

/// Absent: left as it is.
struct link_change {
  std::optional<std::string> alias;
  std::optional<std::uint32_t> mtu;
  bool bring_up = false;
  bool operator==(const link_change&) const = default;
};
/// What an interface lacks of being up, with that alias and MTU; nothing where it lacks nothing.
std::optional<link_change> compare(const link_facts& have, const std::string& alias,
                                   std::uint32_t mtu);
request encode_change_link(std::uint32_t index, const link_change& change);

/// An address that an interface has.
struct address_entry {
  ip_address address;
  unsigned length = 0;    // of the range it brings, in bits
  bool has_peer = false;  // point to point, with another address at the far end
  bool operator==(const address_entry&) const = default;
};

/// An address of any interface.
struct host_address {
  std::uint32_t interface = 0;
  address_entry what;
  ip_address far;  // where it has a peer: that; else the address itself
};

request encode_get_addresses(family of, std::uint32_t index);
result<host_address> decode_host_address(bytes_view payload);
/// Nothing for an address of another interface.
result<std::optional<address_entry>> decode_address(bytes_view payload, std::uint32_t index);
/// /128 or /32, at once usable: without a search for duplicates.
request encode_add_address(std::uint32_t index, const ip_address& address);
request encode_drop_address(std::uint32_t index, const address_entry& entry);

/// A unicast route of the main table through an interface.
struct route_entry {
  prefix destination;
  std::uint8_t protocol = 0;  // who made it: RTPROT_STATIC is us
  std::uint32_t priority = 0;
  bool has_gateway = false;
  bool operator==(const route_entry&) const = default;
};

request encode_get_routes(family of, std::uint32_t index);
/// Nothing for a route of another interface, table or type.
result<std::optional<route_entry>> decode_route(bytes_view payload, std::uint32_t index);
request encode_add_route(std::uint32_t index, const prefix& destination);
request encode_drop_route(std::uint32_t index, const route_entry& entry);

/// How the host reaches an address: its router, where there is one between.
request encode_route_to(const ip_address& far);
result<std::optional<ip_address>> decode_router(bytes_view payload);

/// A route that leads nowhere, for what no closer one is for. It hangs on no interface: its
/// priority says whose it is.
request encode_get_unreachable(family of);
result<std::optional<prefix>> decode_unreachable(bytes_view payload, std::uint32_t priority);
request encode_add_unreachable(const prefix& destination, std::uint32_t priority);
request encode_drop_unreachable(const prefix& destination, std::uint32_t priority);

/// A rule that what comes in by the interface without that bit in its mark is forwarded nowhere.
request encode_rule(family of, const std::string& interface, std::uint32_t mark, bool add);

struct address_changes {
  std::vector<address_entry> drop;
  std::vector<ip_address> add;
};
/// Link-local addresses (fe80::/10) are left alone, and neither added.
address_changes compare(const std::vector<address_entry>& have,
                        const std::vector<ip_address>& want);

struct route_changes {
  std::vector<route_entry> drop;
  std::vector<prefix> add;
};
/// Routes made by the kernel, and link-local and multicast ones, are left alone.
route_changes compare(const std::vector<route_entry>& have, const std::vector<prefix>& want);

}  // namespace peerage::netlink
