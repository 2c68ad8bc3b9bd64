// Keys that a peer has left, and that a gateway has not confirmed to be off its device: what a
// gateway that is away may still pass packets for. Kept in the store as one mark, a line for each.
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/peer.h"

namespace peerage {

struct leaving {
  peer_id who;
  gateway_name gateway;
  peerage::public_key public_key;
  token_id created_by;  // of the peer, which may be gone
  epoch of;
  revision at;  // of the transaction that took the key away

  bool operator==(const leaving&) const = default;
};

/// Lines that can't be read are passed over.
std::vector<leaving> parse_leavings(std::string_view text);
std::string format_leavings(const std::vector<leaving>& all);

/// Takes `erase` out and adds `add`. Of more than 1,000 the oldest are forgotten.
void change_leavings(std::vector<leaving>& all, const std::vector<leaving>& add,
                     const std::vector<leaving>& erase);

}  // namespace peerage
