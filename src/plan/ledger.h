// The gateway's memory: what it should have on its device, by key, and up to which revision it has
// heard of each. The fence is here: an older word never undoes a newer one, whichever path it
// came by. Pure: values and times in, values out; the agent carries them to the device.
//
// The store's view has a revision, as_of(): up to there the store alone decides, beyond it what the
// bus said counts. A full listing that lacks peers of an earlier one, without as many counted
// changes, is not believed until accept_removals(): those peers are held, whatever their number.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "model/apply.h"
#include "model/device.h"
#include "model/revision.h"
#include "plan/expiry.h"

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
  /// Every network with a peer here: one of its peers' IPv6 address, and its IPv4 range.
  struct network_use {
    std::size_t peers = 0;
    ip_address ipv6;
    std::optional<prefix> ipv4;
    std::vector<prefix> routes;
  };
  using network_uses = std::map<network_name, network_use>;

  /// What is known of a key. Kept small, since a gateway may have a million.
  struct entry {
    const peerage::public_key* key = nullptr;
    revision heard;             // of the newest word on this key
    std::uint64_t touched = 0;  // the count of words when this one came
    wall_time live_at;          // where wanted and confirmed
    // Where wanted:
    wall_time expires_at = wall_time::max();
    network_uses::value_type* network = nullptr;
    peer_name name;
    std::unique_ptr<secret_key> preshared_key;
    std::vector<prefix> addresses;

    std::uint32_t place = 0;   // the heap's
    std::uint32_t looked = 0;  // the last comparison that saw it, or during which it was touched
    std::uint32_t listed = 0;  // the last whole listing that had it
    bool wanted = false;      // false: removed, and remembered until the store's view has passed it
    bool confirmed = false;   // the device has acknowledged this word
    bool shown = false;       // where wanted: a look at the device has seen it
    bool absent = false;      // where wanted: the last look at the device has not
    bool kept_alive = false;  // the device sends it keepalives, since it was to begin a handshake
    std::unique_ptr<peer_status> status;  // what that saw of it, where there was something

    /// Where wanted.
    peer_id id() const { return {network->first, name}; }
    assignment peer() const;
    bool is(const assignment& other) const;
    /// As the last look saw it; nothing before that.
    std::optional<peer_status> seen() const;
  };

  /// A word from the bus.
  hearing hear(const peer_change& change, revision at);

  /// It is `now`: returns those whose time is over, which are no longer wanted from here on. What
  /// the store or the bus says of a peer whose time is over is no wish for it.
  std::vector<public_key> expire(wall_time now, std::size_t most = std::size_t(-1));

  struct observation {
    std::vector<public_key> write;      // whose word changed
    std::vector<public_key> renewed;    // the same, where the device has nothing new to be told
    std::vector<public_key> contested;  // whose address another peer has: ask the store for both
  };
  /// What the store said of some keys or of all. Moves as_of().
  observation observe(const assigned& said);

  /// What the store said of some keys, asked when words() was `since`: it decides, whatever the
  /// revision that the bus claimed. Peers of which there was a word meanwhile are left alone.
  observation settle(const assigned& said, std::uint64_t since);

  /// The newest word on a key, where the store's view has not reached it.
  struct claim {
    revision at;
    std::uint64_t said = 0;  // the count of words then
    bool operator==(const claim&) const = default;
  };
  const std::unordered_map<public_key, claim>& ahead() const { return ahead_; }

  /// The key and whoever has one of its addresses; alone where nobody does.
  std::vector<public_key> rivals(const assignment& peer) const;

  /// The store was restored: revisions heard so far mean nothing. What is wanted stays wanted until
  /// the store has spoken.
  void restart();
  /// Unknown peers of the device are held, whatever their number: until accept_removals(), or until
  /// a comparison finds none.
  void hold_strangers() { restored_ = true; }
  /// Since then some of what the device has may be held.
  bool restored() const { return restored_; }

  // A look at the device, held against what is wanted. What is touched in between is left for the
  // next time.
  void begin_comparison(wall_time now);
  void compare(const device_entry& there);
  enum class strangers { leave, remove };
  /// After every peer of the device: confirms what is right, returns the keys to write. Strangers,
  /// peers that nobody here has heard of, stay where the store has not spoken yet, and so do peers
  /// that are there otherwise than wanted since before this start; both keep their addresses: the
  /// last start may have written them, and not its mirror.
  std::vector<public_key> end_comparison(strangers unknown = strangers::remove);

  /// Peers that the store has for this gateway and that are not wanted on the device, because their
  /// time is over by the time of expire(), another peer has one of their addresses, or their record
  /// can't be read. One whose time has just ended is not counted: the store is about to remove it.
  std::size_t left_out() const;
  /// All that the store has and that are not wanted, whatever the reason.
  std::vector<public_key> left_out_keys() const;
  /// Of those the ones whose time is over, and that the store should have removed by now: `most`.
  std::vector<public_key> overdue(std::size_t most) const;
  /// Those whose time was over: to be asked for where expire() was told a wrong time.
  std::vector<public_key> over() const;
  /// Why this one is left out; empty: it is not.
  std::string_view why_left_out(const public_key& key) const;

  /// Peers kept on the device although the store does not have them (any more).
  std::size_t held() const { return held_.size() + held_strangers_.size(); }
  /// Those that are held because the store lacks them.
  std::vector<public_key> held_keys() const { return {held_.begin(), held_.end()}; }
  /// Lets go of them: returns those to write; strangers go with the next compare().
  std::vector<public_key> accept_removals();

  /// What the device should be told of a key now.
  device_change wanted_change(const public_key& key) const;
  /// The same for a peer that the device lost: it begins a handshake with where the peer was,
  /// where that was at most three minutes before `now`. Else nothing.
  std::optional<device_change> call_back(const public_key& key, wall_time now) const;

  /// A write of these keys is under way: a look at the device that overlaps it says nothing of
  /// them. One at a time; end_write() ends it, however it went.
  void begin_write(std::vector<public_key> keys);
  void end_write();

  /// The device acknowledged `key` as it was when words() was `since`.
  void confirm(const public_key& key, std::uint64_t since, wall_time now);

  /// The device may have anything now of this key.
  void doubt(const public_key& key);

  /// The device is new and empty: nothing is confirmed any more.
  void doubt_all();

  // What was seen of peers, over more than one life of the device.
  /// From an earlier one, where the key will be wanted.
  void remember(const public_key& key, wall_time last_handshake_at, std::string endpoint = {});
  /// Those that never were wanted are not going to be.
  void forget_remembered();
  /// Keys whose last handshake is another since the last call, or is to be forgotten.
  std::vector<public_key> take_unsaved_sightings();
  void give_back_sightings(const std::vector<public_key>& keys);

  const entry* find(const public_key& key) const;
  std::uint64_t words() const { return words_; }
  revision as_of() const { return as_of_; }
  std::size_t peers() const { return wanted_; }
  const network_uses& networks() const { return networks_; }
  /// Grows whenever networks() changes.
  std::uint64_t network_changes() const { return network_changes_; }
  /// Wanted or removed, but not acknowledged by the device.
  std::vector<public_key> unconfirmed() const;

 private:
  /// One of a peer's addresses.
  struct owned {
    const entry* owner = nullptr;
    std::size_t index = 0;
    const prefix& address() const { return owner->addresses[index]; }
  };
  struct hash_of_address {
    using is_transparent = void;
    std::size_t operator()(const prefix& one) const noexcept { return std::hash<prefix>()(one); }
    std::size_t operator()(const owned& one) const noexcept { return (*this)(one.address()); }
  };
  struct same_address {
    using is_transparent = void;
    static const prefix& of(const prefix& one) { return one; }
    static const prefix& of(const owned& one) { return one.address(); }
    bool operator()(const auto& a, const auto& b) const { return of(a) == of(b); }
  };

  const entry* owner_of(const prefix& address) const;
  const entry* owner_of_any(const assignment& peer) const;
  hearing hear_settled(const peer_change& change, revision at, const entry* now) const;
  enum class omission : std::uint8_t { over, address, unreadable };
  struct omitted {
    omission why{};
    wall_time expires_at = wall_time::max();
  };
  void remove_unlisted(const assigned& said, observation& into);
  std::vector<public_key> unlisted(revision as_of, std::uint64_t recorded);
  void leave_out(const assignment& peer, omission why);
  void note_unreadable(const assigned& said);
  bool is_unreadable(const public_key& key) const;
  void take(const std::vector<stored_assignment>& peers, bool whole, observation& into);
  bool over(const assignment& peer) const;
  entry& known(const public_key& key);
  void heard(entry& mine, revision at);
  bool heard_since(const entry& mine, const assigned& said, std::uint64_t since) const;
  bool same_on_device(const entry& mine, const assignment& peer) const;
  void want(const assignment& peer, revision at);
  void unwant(const public_key& key, revision at);
  void let_expire_at(entry& mine, std::optional<wall_time> when);
  void recall(entry& mine);
  void touch(entry& mine);
  void exempt(entry& mine);
  void exempt_writing();
  void dispute(const std::vector<prefix>& addresses);
  void release(entry& gone);

  std::unordered_map<public_key, entry> entries_;
  std::unordered_set<owned, hash_of_address, same_address> owners_;
  network_uses networks_;
  expiry_heap<entry> expiring_;
  std::unordered_map<public_key, claim> ahead_;
  std::unordered_set<public_key> gone_;               // in entries_, and not wanted
  std::unordered_set<public_key> held_;               // wanted, and not in the store
  std::unordered_map<public_key, omitted> left_out_;  // in the store, and not wanted
  struct memory {
    wall_time last_handshake_at;
    std::string endpoint;
  };
  std::unordered_map<public_key, memory> remembered_;  // keys that are not known yet
  std::unordered_set<public_key> unsaved_sightings_;

  std::uint32_t comparison_ = 0;  // their count
  std::vector<public_key> writing_;
  std::size_t looked_at_ = 0;  // wanted ones that the one under way has seen, or was too late for
  std::vector<public_key> differing_, strange_;
  // Otherwise on the device than an earlier start's mirror has them, or an address of theirs is.
  std::unordered_set<public_key> disputed_;
  std::size_t compared_ = 0;
  wall_time compared_at_;
  std::unordered_set<public_key> held_strangers_;  // on the device, in the last comparison
  bool strangers_accepted_ = false;
  bool restored_ = false;  // and since then no comparison was without unknown peers

  std::uint32_t listing_ = 0;  // the count of whole listings
  wall_time now_;              // as of the last expire()
  revision as_of_;
  std::uint64_t words_ = 0;
  std::uint64_t network_changes_ = 0;
  std::size_t wanted_ = 0;
};

}  // namespace peerage
