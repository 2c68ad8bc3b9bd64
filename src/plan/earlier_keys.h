// Keys that a peer has had, and that a gateway has not confirmed to be off its device: what a
// gateway that is away may still pass packets for. The commit that takes a key away writes it down,
// as a mark under the peer's name, so that no crash and no other API process comes between. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/peer.h"
#include "model/record.h"

namespace peerage {

struct earlier_key {
  gateway_name gateway;
  peerage::public_key public_key;
  token_id created_by;   // of the peer, which may be gone
  wall_time created_at;  // of the peer: one that was made later under that name is another
  epoch of;
  // Of the commit that took the key away; 0 in the commit that writes it down, and read as that
  // one's.
  revision at = {};

  bool operator==(const earlier_key&) const = default;
};

/// A peer's earlier keys, as they are in the store.
struct earlier_keys {
  std::vector<earlier_key> all;
  expectation expected = absent{};  // of their mark

  /// Those of this peer, and of none of that name before it.
  std::vector<earlier_key> of(const peer& now) const;
};

/// The marks of a network's peers, or of every peer, begin so.
std::string earlier_keys_under(const network_name& network);
std::string_view all_earlier_keys();
mark_name earlier_keys_mark(const peer_id& id);
/// Whose a mark is; nothing for any other mark.
std::optional<peer_id> whose_earlier_keys(std::string_view mark);

/// Lines that can't be read are passed over.
earlier_keys read_earlier_keys(const stored<mark>& from);
/// The write that makes the peer's earlier keys `next`; nothing where they are that already.
std::optional<write> write_earlier_keys(const peer_id& id, const earlier_keys& now,
                                        const std::vector<earlier_key>& next);

/// `now` as the commit leaves it that takes `left` from the peer, or removes it, and makes it
/// `next`, if anything. A key that comes back to its gateway is no earlier one any more; one that
/// goes is this peer's wherever a peer of that name before it had it too. At most
/// 16: those of removed peers of that name are forgotten, the oldest first; errc::unavailable where
/// the peer itself has as many.
result<std::vector<earlier_key>> with_earlier_key(const earlier_keys& now, const peer& old,
                                                  const std::optional<peer>& next, epoch of);

/// What that commit has written, once it is stored.
earlier_keys as_stored(std::vector<earlier_key> written, revision at);

}  // namespace peerage
