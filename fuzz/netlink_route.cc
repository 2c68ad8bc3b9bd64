// What the kernel says of interfaces, addresses and routes: the payload of one message. What was
// read and is written again reads as the same.
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "fuzz/fuzz.h"
#include "netlink/route_codec.h"

namespace peerage {
namespace {

constexpr std::uint32_t interface = 3;

netlink::bytes_view payload_of(const netlink::request& from) {
  return from.bytes().subspan(sizeof(nlmsghdr));
}

void links(netlink::bytes_view payload) {
  const auto link = netlink::decode_link(payload);
  if (!link) return;
  const auto same = netlink::compare(*link, link->alias, link->mtu);
  fuzz::hold(!same || (same->bring_up && !same->alias && !same->mtu), "what is so need not be");
  (void)netlink::encode_change_link(link->index, {link->alias.substr(0, 255), link->mtu, true});
}

void addresses(netlink::bytes_view payload) {
  const auto read = netlink::decode_address(payload, interface);
  if (!read || !*read) return;
  const netlink::address_entry& entry = **read;
  const auto drop = netlink::encode_drop_address(interface, entry);
  const auto again = netlink::decode_address(payload_of(drop), interface);
  fuzz::hold(again && *again && (*again)->address == entry.address, "the address reads again");
  fuzz::hold((*again)->length == entry.length, "and so does its length");
  const auto add = netlink::encode_add_address(interface, entry.address);
  const auto added = netlink::decode_address(payload_of(add), interface);
  fuzz::hold(added && *added && (*added)->length == entry.address.bits(), "a host's address");
  const auto changes = netlink::compare({**added}, {entry.address});
  fuzz::hold(changes.add.empty() && changes.drop.empty(), "what was added is what was wanted");
}

void routes(netlink::bytes_view payload) {
  const auto read = netlink::decode_route(payload, interface);
  if (!read || !*read) return;
  const netlink::route_entry& entry = **read;
  const auto drop = netlink::encode_drop_route(interface, entry);
  const auto again = netlink::decode_route(payload_of(drop), interface);
  fuzz::hold(again && *again && (*again)->destination == entry.destination, "a route reads again");
  fuzz::hold((*again)->priority == entry.priority, "and so does its priority");
  const auto add = netlink::encode_add_route(interface, entry.destination);
  const auto added = netlink::decode_route(payload_of(add), interface);
  fuzz::hold(added && *added && (*added)->destination == entry.destination, "a route is added");
  (void)netlink::compare({entry}, {entry.destination});
}

}  // namespace
}  // namespace peerage

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  peerage::links({data, size});
  peerage::addresses({data, size});
  peerage::routes({data, size});
  return 0;
}
