// The gateway's memory: what it should have on its device, by key, and up to which revision it has
// heard of each. The fence is here: an older word never undoes a newer one, whichever path it
// came by. Pure: values and times in, values out; the agent carries them to the device.
//
// The store's view has a revision, as_of(): up to there the store alone decides, beyond it what the
// bus said counts. A store that has suddenly lost more than half of the peers, and at least 100, is
// not believed until accept_removals(): those peers are held.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
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

  struct observation {
    std::vector<public_key> write;      // whose word changed
    std::vector<public_key> contested;  // whose address another peer has: ask the store for both
  };
  /// What the store said of some keys or of all. Moves as_of().
  observation observe(const assigned& said, wall_time now);

  /// What the store said of some keys, asked when words() was `since`: it decides, whatever the
  /// revision that the bus claimed. Peers touched meanwhile are left alone.
  observation settle(const assigned& said, std::uint64_t since);

  /// Keys whose newest word the store's view has not reached, each with that word's revision.
  const std::unordered_map<public_key, revision>& ahead() const { return ahead_; }

  /// The key and whoever has one of its addresses; alone where nobody does.
  std::vector<public_key> rivals(const assignment& peer) const;

  /// The store was restored: revisions heard so far mean nothing. What is wanted stays wanted until
  /// the store has spoken.
  void restart();

  enum class strangers { leave, remove };
  /// Compares a dump, begun when words() was `since`, with what is wanted; peers that were touched
  /// meanwhile are left for the next time. Confirms what is right, returns the keys to write.
  /// Strangers, peers that nobody here has heard of, stay where the store has not spoken yet.
  std::vector<public_key> compare(const std::vector<device_entry>& dump, std::uint64_t since,
                                  wall_time now, strangers unknown = strangers::remove);

  /// Peers kept on the device although the store does not have them (any more).
  std::size_t held() const { return held_.size() + held_strangers_; }
  /// Lets go of them: returns those to write; strangers go with the next compare().
  std::vector<public_key> accept_removals();

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
  revision as_of() const { return as_of_; }
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
  hearing hear_settled(const peer_change& change, const entry* now) const;
  void remove_unlisted(const assigned& said, wall_time now, observation& into);
  void take(const std::vector<stored_assignment>& peers, observation& into);
  void heard(const public_key& key, entry& mine, revision at);
  void want(const assignment& peer, revision at);
  void unwant(const public_key& key, revision at);
  void release(entry& gone);

  std::unordered_map<public_key, entry> entries_;
  std::unordered_map<prefix, public_key> owners_;
  std::map<network_name, network_use> networks_;
  std::unordered_map<public_key, revision> ahead_;
  std::unordered_set<public_key> held_;  // wanted, and not in the store
  std::size_t held_strangers_ = 0;       // on the device, in the last comparison
  bool strangers_accepted_ = false;
  revision as_of_;
  std::uint64_t words_ = 0;
  std::uint64_t network_changes_ = 0;
  std::size_t wanted_ = 0;
};

}  // namespace peerage
