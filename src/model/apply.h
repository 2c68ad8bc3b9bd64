// What an API process asks of a gateway, and what the gateway answers.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "model/network.h"
#include "model/peer.h"
#include "model/revision.h"

namespace peerage {

/// All that a gateway has to know of one of its peers.
struct assignment {
  peer_id id;
  peerage::public_key public_key;
  std::optional<secret_key> preshared_key;
  std::vector<prefix> addresses;       // its allowed IPs on the device
  std::optional<prefix> network_ipv4;  // the network's IPv4 range, routed to the device
  std::vector<prefix> network_routes;  // what the network's peers may reach beyond the network
  std::optional<wall_time> expires_at;

  bool operator==(const assignment&) const = default;
};

/// What a gateway has to know of a peer that the store has.
assignment assignment_of(const peer& from, std::optional<prefix> network_ipv4,
                         std::vector<prefix> network_routes = {});

/// A network's allowed IPs that lie outside its own prefixes.
std::vector<prefix> routes_of(const network& from);

struct put_peer_change {
  assignment peer;
};
struct remove_peer_change {
  peerage::public_key public_key;
};
using peer_change = std::variant<put_peer_change, remove_peer_change>;

const public_key& key_of(const peer_change& change);

/// Lets go of the peers that a gateway kept although the store had suddenly lost them.
struct accept_removals_request {};
struct accept_removals_reply {
  std::uint32_t released = 0;  // so many peers it no longer keeps
};

/// An assignment as the store has it.
struct stored_assignment {
  assignment peer;
  revision at;  // of the transaction that wrote it last
};

/// In order; a gateway applies all that it can, each for itself.
struct apply_request {
  std::string request_id;  // to follow one request through the logs of both sides
  peerage::epoch epoch;
  peerage::revision revision;  // of the transaction that stored these changes
  std::vector<peer_change> changes;
};

enum class change_state { live, removed, refused };

struct change_result {
  peerage::public_key public_key;
  change_state state{};
  std::string reason;                // where refused
  std::optional<wall_time> live_at;  // where live: when the device first acknowledged it
};

struct apply_reply {
  std::string request_id;
  std::vector<change_result> results;      // one for each change, in the same order
  std::chrono::nanoseconds device_time{};  // what the device took of it
};

struct status_request {
  std::vector<public_key> public_keys;  // 1,000 at most
  bool want_seen = true;                // false: only whether they are live, which costs nothing
};

struct peer_report {
  peerage::public_key public_key;
  bool live = false;  // on the device, acknowledged
  std::optional<wall_time> live_at;
  std::optional<peer_status> seen;
  // Of the newest word on the key that the gateway has, where it wants it; older gateways don't
  // say.
  std::optional<peerage::revision> revision;
  std::string reason = {};  // why the gateway leaves out a peer of the store; empty: it does not
};

struct status_reply {
  std::uint32_t peers = 0;
  std::string device;
  std::optional<wall_time> remembers_since;  // what was seen before then is not known
  std::vector<peer_report> reports;          // one for each key asked, in the same order
  std::optional<peerage::epoch> epoch;       // whose revisions these are; older gateways don't say
};

/// What the store says of a gateway's peers: of all of them, or of some keys.
struct assigned {
  bool whole = false;            // `peers` is everything that the gateway has
  std::vector<public_key> keys;  // where not whole: those looked at; one not in `peers` is gone
  std::vector<stored_assignment> peers;
  // Every commit up to this one that touched what was looked at is in it; later ones may be.
  revision as_of;
  // Where whole, and the position told where to count from: at least so many peers that are missing
  // now may have gone by commits of which the store kept a record.
  std::uint64_t recorded = 0;
  std::vector<public_key> unreadable = {};  // the store has a record of them that can't be read
};

}  // namespace peerage
