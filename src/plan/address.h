// Which addresses a peer gets: computed from names, so that two API processes that know nothing of
// each other compute the same; a collision shows in the transaction that stores the peer.
#pragma once

#include <cstdint>
#include <optional>

#include "model/network.h"
#include "model/peer.h"

namespace peerage {

/// The network's 48 bits, the gateway's number, 64 bits of a hash of network, name and attempt.
/// Never the gateway's own address. The hash is part of the interface: it must not change.
ip_address peer_ipv6(const prefix& network, std::uint16_t gateway_number, const peer_id& id,
                     unsigned attempt);

/// …:<number>::1, the gateway's own address in a network.
ip_address gateway_ipv6(const prefix& network, std::uint16_t gateway_number);

/// The /64 of a network in which a gateway's peers lie.
prefix gateway_prefix(const prefix& network, std::uint16_t gateway_number);

/// How many addresses of an IPv4 range peers can have: not its first and last one (the network's
/// own and broadcast), where there are more than two.
std::uint64_t ipv4_room(const prefix& range);

/// The `index`-th of them, 0 to ipv4_room() - 1.
ip_address ipv4_at(const prefix& range, std::uint64_t index);

/// Where the search for a free one starts.
std::uint64_t ipv4_start(const prefix& range, const peer_id& id, unsigned attempt);

/// The index of an address in its range; nothing where peers can't have it.
std::optional<std::uint64_t> ipv4_index(const prefix& range, const ip_address& address);

/// A unique-local /48 (RFC 4193) from 40 random bits.
prefix unique_local(std::uint64_t random);

}  // namespace peerage
