// The gateway's memory: what it should have on its device, by key, and up to which revision it has
// heard of each. The fence is here: an older word never undoes a newer one, whichever path it
// came by. Pure: values and times in, values out; the agent carries them to the device.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/apply.h"
#include "model/device.h"
#include "model/revision.h"

namespace peerage {

enum class verdict {
  write,       // the ledger has it now; write the key to the device
  done,        // the device has acknowledged exactly this already
  superseded,  // a newer word is known; nothing was changed
  taken,       // one of its addresses belongs to another peer; nothing was changed
};

struct hearing {
  verdict what{};
  std::string reason;             // where superseded or taken
  std::vector<public_key> write;  // keys to write to the device, in this order
};

struct stored_assignment {
  assignment peer;
  revision at;
};

class ledger {
 public:
  struct entry {
    revision heard;          // of the newest word on this key
    bool wanted = false;     // false: removed, and remembered until the store's view has passed it
    bool confirmed = false;  // the device has acknowledged this word
    std::uint64_t touched = 0;  // the count of words when this one came
    assignment peer;            // where wanted
    wall_time live_at;          // where wanted and confirmed
  };

  /// A word from the bus.
  hearing hear(const peer_change& change, revision at);

  /// A whole listing of the store: every peer of this gateway, each with its revision, none of
  /// them older than `as_of`'s view. Returns the keys whose word changed, to be written.
  std::vector<public_key> observe(const std::vector<stored_assignment>& all, revision as_of);

  /// Compares a dump, begun when words() was `since`, with what is wanted; peers that were touched
  /// meanwhile are left for the next time. Confirms what is right, returns the keys to write.
  std::vector<public_key> compare(const std::vector<device_entry>& dump, std::uint64_t since,
                                  wall_time now);

  /// What the device should be told of a key now.
  device_change wanted_change(const public_key& key) const;

  /// The device acknowledged `key` as it was when words() was `since`.
  void confirm(const public_key& key, std::uint64_t since, wall_time now);

  /// The device may have anything now of this key.
  void doubt(const public_key& key);

  /// The device is new and empty: nothing is confirmed any more.
  void doubt_all();

  const entry* find(const public_key& key) const;
  std::uint64_t words() const { return words_; }
  std::size_t peers() const { return wanted_; }
  /// Every network with a peer here: one of its peers' IPv6 address, and its IPv4 range.
  struct network_use {
    std::size_t peers = 0;
    ip_address ipv6;
    std::optional<prefix> ipv4;
  };
  const std::map<network_name, network_use>& networks() const { return networks_; }
  /// Grows whenever networks() changes.
  std::uint64_t network_changes() const { return network_changes_; }
  /// Wanted or removed, but not acknowledged by the device.
  std::vector<public_key> unconfirmed() const;

 private:
  const public_key* owner_of_any(const assignment& peer) const;
  void want(const assignment& peer, revision at);
  void unwant(const public_key& key, revision at);
  void release(entry& gone);

  std::unordered_map<public_key, entry> entries_;
  std::unordered_map<prefix, public_key> owners_;
  std::map<network_name, network_use> networks_;
  std::uint64_t words_ = 0;
  std::uint64_t network_changes_ = 0;
  std::size_t wanted_ = 0;
};

}  // namespace peerage
