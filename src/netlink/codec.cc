#include "netlink/codec.h"

#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/time_types.h>
#include <linux/wireguard.h>
#include <netinet/in.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace peerage::netlink {
namespace {

constexpr std::size_t nest_header = attribute_size(0);
constexpr std::size_t named_peer =  // its nest, its key, its flags
    nest_header + attribute_size(WG_KEY_LEN) + attribute_size(sizeof(std::uint32_t));
constexpr std::size_t room_for_peers = max_peers_attribute - nest_header;

request message_to(std::uint16_t family, std::uint8_t command, std::uint16_t flags,
                   std::string_view interface) {
  genlmsghdr header{};
  header.cmd = command;
  header.version = WG_GENL_VERSION;
  request out(family, flags, bytes_of(header));
  out.put_text(WGDEVICE_A_IFNAME, interface);
  return out;
}

std::size_t size_of(const prefix& allowed_ip) {
  return nest_header + attribute_size(sizeof(std::uint16_t)) +
         attribute_size(allowed_ip.address().bytes().size()) + attribute_size(1);
}

/// One that is no address and port, or has a zone that only its own host knows, is left out.
void put_endpoint(request& out, std::string_view endpoint) {
  const auto at = parse_socket_address(endpoint);
  if (!at) return;
  if (at->address.family() == family::ipv4) {
    sockaddr_in made{};
    made.sin_family = AF_INET;
    made.sin_port = htons(at->port);
    made.sin_addr.s_addr = htonl(at->address.v4_value());
    out.put(WGPEER_A_ENDPOINT, bytes_of(made));
  } else {
    sockaddr_in6 made{};
    made.sin6_family = AF_INET6;
    made.sin6_port = htons(at->port);
    std::ranges::copy(at->address.bytes(), made.sin6_addr.s6_addr);
    out.put(WGPEER_A_ENDPOINT, bytes_of(made));
  }
}

/// The part of a peer that only its first piece has.
std::size_t size_of_head(const set_peer& change) {
  std::size_t size = attribute_size(WG_KEY_LEN);
  if (!change.endpoint.empty()) size += attribute_size(sizeof(sockaddr_in6));
  if (change.keepalive_s) size += attribute_size(sizeof(std::uint16_t));
  return size;
}

/// The peer in one piece.
std::size_t size_of(const set_peer& change) {
  const device_peer& peer = change.peer;
  std::size_t size = named_peer + size_of_head(change);
  if (!peer.allowed_ips.empty()) size += nest_header;
  for (const prefix& allowed_ip : peer.allowed_ips) size += size_of(allowed_ip);
  return size;
}

void put_allowed_ip(request& out, const prefix& allowed_ip) {
  const std::size_t nest = out.open_nest(0);
  const bool ipv4 = allowed_ip.family() == family::ipv4;
  out.put_value(WGALLOWEDIP_A_FAMILY, static_cast<std::uint16_t>(ipv4 ? AF_INET : AF_INET6));
  out.put(WGALLOWEDIP_A_IPADDR, allowed_ip.address().bytes());
  out.put_value(WGALLOWEDIP_A_CIDR_MASK, static_cast<std::uint8_t>(allowed_ip.length()));
  out.close_nest(nest);
}

}  // namespace

struct change_encoder::filling {
  request out;
  std::size_t room = room_for_peers;
  std::size_t drops = 0;
};

change_encoder::change_encoder(std::uint16_t family, std::string interface,
                               std::span<const device_change> changes)
    : family_(family), interface_(std::move(interface)), changes_(changes) {}

std::optional<request> change_encoder::next() {
  if (next_ == changes_.size()) return {};
  filling into{message_to(family_, WG_CMD_SET_DEVICE, 0, interface_)};
  // Explicit: the peers that are there stay.
  into.out.put_value(WGDEVICE_A_FLAGS, std::uint32_t{0});
  const std::size_t peers = into.out.open_nest(WGDEVICE_A_PEERS);
  const auto fits = [&](const auto& change) { return put(change, into); };
  while (next_ < changes_.size() && std::visit(fits, changes_[next_])) {
    ++next_;
    next_ip_ = 0;
  }
  into.out.close_nest(peers);
  drops_ = into.drops > 0;
  return std::move(into.out);
}

/// True when the peer, or the rest of it, is in the message; false when the message is full.
bool change_encoder::put(const set_peer& change, filling& into) {
  const device_peer& peer = change.peer;
  const bool first = next_ip_ == 0;
  if (const std::size_t whole = first ? size_of(change) : 0;
      whole > into.room && whole <= room_for_peers) {
    return false;
  }
  std::size_t size = named_peer + (first ? size_of_head(change) : 0);
  if (!peer.allowed_ips.empty()) {
    size += nest_header;
    if (size + size_of(peer.allowed_ips[next_ip_]) > into.room) return false;
  }
  request& out = into.out;
  const std::size_t nest = out.open_nest(0);
  out.put(WGPEER_A_PUBLIC_KEY, peer.public_key.bytes());
  // A later part must neither undo the parts before it nor make a peer that went meanwhile.
  out.put_value(WGPEER_A_FLAGS,
                std::uint32_t{first ? WGPEER_F_REPLACE_ALLOWEDIPS : WGPEER_F_UPDATE_ONLY});
  if (first) {
    // Always sent: all zero clears one that is there.
    const secret_key key = peer.preshared_key.value_or(secret_key{});
    out.put(WGPEER_A_PRESHARED_KEY, key.reveal());
    put_endpoint(out, change.endpoint);
    if (change.keepalive_s) {
      out.put_value(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, *change.keepalive_s);
    }
  }
  if (!peer.allowed_ips.empty()) {
    const std::size_t list = out.open_nest(WGPEER_A_ALLOWEDIPS);
    while (next_ip_ < peer.allowed_ips.size()) {
      const prefix& allowed_ip = peer.allowed_ips[next_ip_];
      if (size + size_of(allowed_ip) > into.room) break;
      size += size_of(allowed_ip);
      put_allowed_ip(out, allowed_ip);
      ++next_ip_;
    }
    out.close_nest(list);
  }
  out.close_nest(nest);
  into.room -= size;
  return next_ip_ == peer.allowed_ips.size();
}

bool change_encoder::put(const strip_peer& change, filling& into) {
  // Only where it is there: stripping must not make a peer.
  return put_bare(change.public_key, WGPEER_F_UPDATE_ONLY | WGPEER_F_REPLACE_ALLOWEDIPS, into);
}

bool change_encoder::put(const drop_peer& change, filling& into) {
  if (into.drops == max_drops) return false;
  const bool fits = put_bare(change.public_key, WGPEER_F_REMOVE_ME, into);
  if (fits) ++into.drops;
  return fits;
}

/// A peer's key and flags, and nothing else.
bool change_encoder::put_bare(const public_key& key, std::uint32_t flags, filling& into) {
  if (named_peer > into.room) return false;
  const std::size_t nest = into.out.open_nest(0);
  into.out.put(WGPEER_A_PUBLIC_KEY, key.bytes());
  into.out.put_value(WGPEER_A_FLAGS, flags);
  into.out.close_nest(nest);
  into.room -= named_peer;
  return true;
}

request encode_configure(std::uint16_t family, std::string_view interface,
                         const secret_key& private_key, std::uint16_t listen_port) {
  request out = message_to(family, WG_CMD_SET_DEVICE, 0, interface);
  out.put_value(WGDEVICE_A_FLAGS, std::uint32_t{0});
  out.put(WGDEVICE_A_PRIVATE_KEY, private_key.reveal());
  out.put_value(WGDEVICE_A_LISTEN_PORT, listen_port);
  return out;
}

request encode_dump(std::uint16_t family, std::string_view interface) {
  return message_to(family, WG_CMD_GET_DEVICE, NLM_F_DUMP, interface);
}

namespace {

std::unexpected<error> corrupt(std::string_view what) {
  return fail(errc::corrupt, "the kernel's dump of a device has a malformed " + std::string(what));
}

std::optional<prefix> decode_allowed_ip(bytes_view from) {
  std::optional<std::uint16_t> kind;
  std::optional<std::uint8_t> length;
  bytes_view address;
  attributes list(from);
  while (const auto found = list.next()) {
    switch (found->type) {
      case WGALLOWEDIP_A_FAMILY: kind = read<std::uint16_t>(found->payload); break;
      case WGALLOWEDIP_A_IPADDR: address = found->payload; break;
      case WGALLOWEDIP_A_CIDR_MASK: length = read<std::uint8_t>(found->payload); break;
      default: break;
    }
  }
  if (!list.sound() || !kind || !length) return {};
  if (*kind == AF_INET && address.size() == 4 && *length <= 32) {
    return prefix::of(ip_address::v4(ntohl(*read<std::uint32_t>(address))), *length);
  }
  if (*kind == AF_INET6 && address.size() == 16 && *length <= 128) {
    return prefix::of(ip_address::v6(address.first<16>()), *length);
  }
  return {};
}

/// A sockaddr as text; empty for one that is too short or of another family.
std::string decode_endpoint(bytes_view from) {
  const auto kind = read<sa_family_t>(from);
  if (kind == AF_INET) {
    const auto address = read<sockaddr_in>(from);
    if (!address) return {};
    return ip_address::v4(ntohl(address->sin_addr.s_addr)).text() + ":" +
           std::to_string(ntohs(address->sin_port));
  }
  const auto address = read<sockaddr_in6>(from);
  if (kind != AF_INET6 || !address) return {};
  const std::string zone =
      address->sin6_scope_id == 0 ? "" : "%" + std::to_string(address->sin6_scope_id);
  return "[" + ip_address::v6(address->sin6_addr.s6_addr).text() + zone +
         "]:" + std::to_string(ntohs(address->sin6_port));
}

std::optional<wall_time> decode_time(const __kernel_timespec& time) {
  if (time.tv_sec == 0 && time.tv_nsec == 0) return {};
  // Not in nanoseconds, which end in the year 2262.
  return wall_time{std::chrono::seconds(time.tv_sec) + milliseconds(time.tv_nsec / 1'000'000)};
}

bool decode_allowed_ips(bytes_view from, std::vector<prefix>& into) {
  attributes list(from);
  while (const auto found = list.next()) {
    const auto allowed_ip = decode_allowed_ip(found->payload);
    if (!allowed_ip) return false;
    into.push_back(*allowed_ip);
  }
  return list.sound();
}

/// One attribute of a peer other than its key; false where it is malformed.
bool decode_into(device_entry& entry, const attribute& found) {
  switch (found.type) {
    case WGPEER_A_PRESHARED_KEY: {
      if (found.payload.size() != WG_KEY_LEN) return false;
      const secret_key key(found.payload.first<WG_KEY_LEN>());
      entry.peer.preshared_key.reset();
      if (!(key == secret_key{})) entry.peer.preshared_key = key;
      return true;
    }
    case WGPEER_A_ENDPOINT:
      entry.status.endpoint = decode_endpoint(found.payload);
      return !entry.status.endpoint.empty();
    case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL: {
      const auto every = read<std::uint16_t>(found.payload);
      if (!every) return false;
      entry.keepalive_s = *every;
      return true;
    }
    case WGPEER_A_LAST_HANDSHAKE_TIME: {
      const auto time = read<__kernel_timespec>(found.payload);
      // Beyond the year 10,000 no text can say it, and arithmetic overflows.
      if (!time || time->tv_sec < 0 || time->tv_sec >= 253'402'300'800 || time->tv_nsec < 0 ||
          time->tv_nsec >= 1'000'000'000) {
        return false;
      }
      entry.status.last_handshake_at = decode_time(*time);
      return true;
    }
    case WGPEER_A_RX_BYTES:
    case WGPEER_A_TX_BYTES: {
      const auto count = read<std::uint64_t>(found.payload);
      if (!count) return false;
      (found.type == WGPEER_A_RX_BYTES ? entry.status.rx_bytes : entry.status.tx_bytes) = *count;
      return true;
    }
    case WGPEER_A_ALLOWEDIPS: return decode_allowed_ips(found.payload, entry.peer.allowed_ips);
    default: return true;
  }
}

/// One attribute of the device itself; false where it is malformed.
bool decode_into(device_self& self, const attribute& found) {
  if (found.type == WGDEVICE_A_PRIVATE_KEY) {
    if (found.payload.size() != WG_KEY_LEN) return false;
    self.private_key.emplace(found.payload.first<WG_KEY_LEN>());
  } else if (found.type == WGDEVICE_A_LISTEN_PORT) {
    const auto port = read<std::uint16_t>(found.payload);
    if (!port) return false;
    self.listen_port = *port;
  }
  return true;
}

std::optional<public_key> key_in(bytes_view peer) {
  attributes list(peer);
  while (const auto found = list.next()) {
    if (found->type != WGPEER_A_PUBLIC_KEY) continue;
    if (found->payload.size() != WG_KEY_LEN) return {};
    return public_key(found->payload.first<WG_KEY_LEN>());
  }
  return {};
}

}  // namespace

result<> dump_decoder::add(bytes_view payload) {
  const auto header = read<genlmsghdr>(payload);
  if (!header || header->cmd != WG_CMD_GET_DEVICE) return corrupt("header");
  device_self self;
  attributes list(payload.subspan(sizeof(genlmsghdr)));
  while (const auto found = list.next()) {
    if (found->type == WGDEVICE_A_PEERS) {
      attributes peers(found->payload);
      while (const auto peer = peers.next()) {
        if (auto added = add_peer(peer->payload); !added) return added;
      }
      if (!peers.sound()) return corrupt("list of peers");
    } else if (!decode_into(self, *found)) {
      return corrupt("key or port");
    }
  }
  if (!list.sound()) return corrupt("attribute");
  // The kernel says it in the first message alone.
  if (!self_) self_ = self;
  return {};
}

result<> dump_decoder::add_peer(bytes_view from) {
  const auto key = key_in(from);
  if (!key) return corrupt("public key");
  if (entries_.empty() || entries_.back().peer.public_key != *key) {
    if (++seen_ > most_) return corrupt("number of peers");
    if (!entries_.empty()) std::ranges::sort(entries_.back().peer.allowed_ips);
    device_entry& entry = entries_.emplace_back();
    entry.peer.public_key = *key;
    entry.status.public_key = *key;
  }
  attributes list(from);
  while (const auto found = list.next()) {
    if (!decode_into(entries_.back(), *found)) return corrupt("peer " + key->text());
  }
  if (!list.sound()) return corrupt("peer " + key->text());
  return {};
}

std::vector<device_entry> dump_decoder::take_whole() {
  if (entries_.empty()) return {};
  device_entry last = std::move(entries_.back());
  entries_.pop_back();
  std::vector<device_entry> whole = std::exchange(entries_, {});
  entries_.push_back(std::move(last));
  return whole;
}

std::vector<device_entry> dump_decoder::take() {
  if (!entries_.empty()) std::ranges::sort(entries_.back().peer.allowed_ips);
  return std::exchange(entries_, {});
}

}  // namespace peerage::netlink
