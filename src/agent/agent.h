// The gateway's mind: hears changes from the bus, follows the store, keeps the fence, writes the
// device, compares it with what is wanted, and reports. One loop, one writer to the device:
// whatever the path by which a word came, the device is made equal to the ledger, key by key, many
// keys in one write. Where the store and the bus are both away it goes on with what it has, also
// across a restart, from its mirror.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <unordered_set>
#include <variant>
#include <vector>

#include "async/background.h"
#include "async/signal.h"
#include "plan/ledger.h"
#include "plan/pace.h"
#include "plan/trusted_time.h"
#include "ports/bus.h"
#include "ports/clock.h"
#include "ports/device.h"
#include "ports/host_news.h"
#include "ports/link.h"
#include "ports/mirror.h"
#include "ports/sightings.h"
#include "ports/store.h"
#include "ports/wall.h"

namespace peerage {

struct agent_options {
  gateway self;  // as it wants to be registered; the number is the store's to give
  claimant who;
  seconds reconcile{30};
  // Of the pauses between tries: gateways that lose the store together shall not come back
  // together.
  std::uint32_t jitter = std::random_device{}();
  // Whose peers the device has, as keep_epoch() was told; nothing: this is not known. A store of
  // another epoch was restored: what it lacks of them is held.
  std::optional<epoch> followed_before = {};
  // The device was somebody else's, or filled from another store: the peers it had then are held.
  bool adopted = false;
};

/// What an agent works with; all of it outlives the agent.
struct agent_parts {
  store& desired;
  bus& word;
  clock& time;
  peerage::device& device;
  peerage::link& link;
  mirror* copy = nullptr;     // none where the store is on this host
  sightings* seen = nullptr;  // none: what was seen is forgotten with this process
  /// Makes the device ready: there, up, with its own key and port. Called at the start and whenever
  /// the device was lost; harmless where all is well.
  std::function<task<result<>>()> bring_up;
  /// Called once, at most: the gateway's name belongs to another process now.
  std::function<void(error)> lost_name = [](const error&) {};
  /// Where there is one, no peer is live before its network is behind it.
  peerage::wall* wall = nullptr;
  host_news* news = nullptr;  // none: what others do to the host is seen by the next comparison
  /// Where there is no mirror: the store's epoch, once the device has nothing more of another one.
  std::function<void(const epoch&)> keep_epoch = [](const epoch&) {};
  /// Asked at each comparison: what of the host stands in its peers' way, in words.
  std::function<std::vector<std::string>()> host_troubles = [] {
    return std::vector<std::string>{};
  };
};

class agent final : public gateway_service {
 public:
  agent(asio::any_io_executor loop, agent_options options, agent_parts parts);

  /// Registers, brings the device up, and serves the bus. With a mirror it comes up at once, and
  /// registers when the store is there; without one it needs the store. The first error, in words;
  /// errc::conflict where another process runs the gateway. Filling the device goes on behind: see
  /// settled.
  task<result<>> start();
  /// Answers what is under way, gives the name back, and ends. The device keeps its peers.
  task<> stop();

  // From the bus.
  task<apply_reply> apply(apply_request request) override;
  task<status_reply> status(status_request request) override;
  task<accept_removals_reply> accept_removals(accept_removals_request request) override;

  /// The gateway has another key: bring_up() gives it to the device, and the store hears of it.
  void use(public_key now);

  struct health {
    bool settled = false;               // the device has had all that the store or the mirror said
    std::vector<std::string> troubles;  // in words, for an operator; empty: all is well
  };
  health how() const;
  std::size_t peers() const { return book_.peers(); }
  std::size_t left_out() const;
  /// Up to here the device has all that the store said.
  revision applied() const { return applied_; }
  const gateway& self() const { return options_.self; }

 private:
  // agent.cc
  result<> recall();
  std::string untimely(const apply_request& request) const;
  task<> resolve(peer_change change, revision at, hearing& heard);
  change_result outcome_of(const peer_change& change, const hearing& heard,
                           const result<>& written) const;
  task<> look_for_status();
  task<> beat_loop();
  task<> watch_loop();

  // write.cc: the one writer to the device
  /// What somebody waits for where a peer is removed: that it is gone, or that it has no allowed
  /// IPs any more, so that none of its packets passes.
  enum class until : std::uint8_t { gone, stripped };
  /// Keys that somebody waits for to be written.
  struct job {
    job(const asio::any_io_executor& loop, std::vector<public_key> wanted, until what)
        : keys(std::move(wanted)), when(what), done(loop) {}
    std::vector<public_key> keys;
    until when;
    std::size_t stripped = 0;  // of the keys, from the first
    std::size_t to_drop = 0;   // that are stripped, and still there
    steady_time begun{};
    signal done;
    bool ended = false;
    result<> outcome;
    std::chrono::nanoseconds device_time{};
  };
  task<> await(std::shared_ptr<job> mine);  // agent.cc
  std::shared_ptr<job> submit(std::vector<public_key> keys, until when = until::gone);
  std::shared_ptr<job> put_in(std::deque<std::shared_ptr<job>>& line, std::vector<public_key> keys,
                              until when);
  task<result<>> written(std::vector<public_key> keys, until when = until::gone);
  task<> write_loop();
  task<> make_ready();
  void say_altered(std::string_view what);
  task<> put_right();
  void device_lost();
  std::vector<std::shared_ptr<job>> take_batch();
  task<> write_batch(std::vector<std::shared_ptr<job>> batch);
  device_change wanted_change(const public_key& key);
  task<result<>> write(const std::vector<std::shared_ptr<job>>& batch);
  void acknowledged(const std::vector<public_key>& keys, std::uint64_t since);
  void device_failed(const std::vector<public_key>& keys, const error& why);
  static void end(job& one, result<> how);

  // networks.cc: their addresses, routes and the wall
  result<> arrange_networks(bool exactly);
  void bar(const std::vector<link_refusal>& why, std::string_view words,
           std::map<network_name, std::string>& into) const;
  void say_barred(std::map<network_name, std::string> now);
  const std::string* why_barred(const network_name& name) const;
  void add_barred(std::vector<std::string>& troubles) const;
  link_plan networks_plan(const std::map<network_name, std::string>& barred) const;
  result<> keep_apart(bool closely, const std::map<network_name, std::string>& barred);
  task<> guard_loop();

  // remove.cc: removals, which are slow and behind everything else
  bool all_unwanted(const std::vector<public_key>& keys) const;
  bool removing() const;
  task<> remove_some();
  task<> strip_some();
  task<> drop_some();
  task<> rest(steady_duration how_long);
  void forget_removals(const error& why);
  task<> expire_loop();

  // compare.cc: the device held against the ledger
  task<> compare_loop();
  task<result<>> compare();
  task<result<std::vector<public_key>>> look();
  void note_epoch();
  void note_store();
  void look_at_link();
  void look_at_host();
  std::string held_peers() const;
  bool looked_lately() const;

  // follow.cc: the store's word
  task<result<>> join();
  task<> register_again();
  task<> follow_loop();
  task<result<>> follow();
  task<> mend_loop();
  task<result<>> mend(std::vector<public_key> keys, bool tell);
  task<> tell_loop();
  task<> settle_loop();
  task<std::size_t> release_held();
  task<result<>> settle(std::vector<public_key> keys);
  void note(const std::vector<public_key>& changed);
  void note_said(const assigned& said, const ledger::observation& seen);

  // keep.cc: the mirror
  task<> keep_loop();
  task<result<>> keep();
  bool outdates(const assignment& next) const;
  result<> save_rows(const std::vector<public_key>& set, const std::vector<public_key>& erase);
  void save_confirmed(std::vector<change_result>& results,
                      const std::unordered_set<public_key>& outdated);

  // remember.cc: what the device forgets
  void recollect();
  task<> remember_loop();
  task<result<>> save_sightings();

  asio::any_io_executor loop_;
  agent_options options_;
  agent_parts with_;

  epoch epoch_;         // of the store; empty: not heard yet
  epoch device_epoch_;  // as keep_epoch() was told
  ledger book_;
  bool joined_ = false;       // registered in this start
  bool registering_ = false;  // once more
  revision joined_at_;        // by that; later words are newer than all that an earlier start heard
  bool spoken_ = false;       // the store has spoken in this start
  std::string position_;      // for store::follow()
  std::string store_away_;    // why, while it is

  std::set<std::shared_ptr<job>> asked_;  // that callers of apply() wait for
  signal answered_;                       // one of them has ended
  bool stopping_ = false;
  std::deque<std::shared_ptr<job>> waiting_;    // with something to set
  std::deque<std::shared_ptr<job>> departing_;  // nothing but removals
  /// Stripped, and to be dropped.
  struct departure {
    public_key key;
    std::shared_ptr<job> whose;  // none: nobody waits for it
  };
  std::deque<departure> awaited_, unawaited_;
  std::unordered_set<public_key> leaving_;  // stripped, and in one of the two
  std::size_t strips_ = 16;                 // in one message: as many as the device is quick with
  signal work_;
  // Handshakes that this gateway begins: each costs the device a tenth of a millisecond.
  paces<std::monostate> call_backs_{pace{1'000, 4'000}};
  signal watch_now_;  // the device is there again
  trusted_time time_;
  bool ready_ = false;    // the device is there and configured
  bool altered_ = false;  // and somebody else has changed that
  link_plan arranged_;    // what the interface has now
  // The ledger's count of network changes then; nothing: it is not known to be right.
  std::optional<std::uint64_t> arranged_at_;
  std::map<network_name, std::string> barred_;  // networks that the host can't have, and why
  std::string device_trouble_;
  std::vector<std::string> host_troubles_;

  signal compare_now_;
  signal known_;  // there is something to compare the device with
  bool settled_ = false;
  revision applied_;  // up to here the device has all that the store said
  // Something of what the store said up to here is not written; a comparison sees to it.
  std::optional<revision> behind_;
  std::uint64_t failures_ = 0;  // of the device, counted
  std::uint64_t losses_ = 0;    // of those, the times it went away

  /// Keys that the store's word changed, in the order in which it came.
  struct repair {
    std::vector<public_key> keys;
    revision up_to;
    bool tell = false;  // as events: few at a time, and news
  };
  std::deque<repair> repairs_;
  signal mend_now_;
  std::unordered_set<public_key> untold_;  // live by the store's word, and nobody has said so
  signal tell_now_;
  std::set<public_key> contested_;  // the store's word on them clashes with what is known
  signal settle_now_;

  // What the store has said of peers that are left out, for the mirror.
  std::unordered_map<public_key, stored_assignment> left_out_rows_;
  std::unordered_set<public_key> unsaved_;
  mirror_head kept_{};  // as it is in the mirror
  signal keep_now_;
  signal beat_now_;
  std::string mirror_trouble_;

  wall_time remembers_since_;
  signal remember_now_;
  std::string sightings_trouble_;

  /// One look at a time; what it saw of each peer is kept, as far as somebody asks for it.
  bool looking_ = false;
  steady_time looked_at_{};
  steady_duration look_took_{};
  signal looked_;
  background background_;
};

}  // namespace peerage
