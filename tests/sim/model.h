// What callers were told, and what must be true because of it: the invariants, checked after every
// step. README.md names each in a sentence.
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/process.h"

namespace peerage::sim {

/// Some callers have a token that may have so many peers at once.
constexpr std::uint32_t quota = 3;
const principal& bounded_caller();

enum class act { post, put, remove, show, list, drain, remove_gateway, make_network };

/// A caller's request, from its start to long after its end.
struct operation {
  std::size_t number = 0;
  act what{};
  peer_id who;
  enrol_request wanted;
  gateway_name gateway;
  network_request network;
  bool drain = false;
  bool bounded = false;  // asked by the bounded caller
  std::string process;   // that works at it
  wall_time begun;
  std::size_t begun_at = 0;  // the step
  bool heard = true;         // somebody waits for the answer
  bool ended = false;
  bool doubtful = false;  // what it wrote may be done, or may yet be
  std::vector<peer_changed> done;
  asio::cancellation_signal cancel;
};

struct violation {
  std::string invariant;
  std::string what;
};

class model {
 public:
  model(const records& store, const true_time& time, std::map<gateway_name, gateway_host>& hosts)
      : store_(store), time_(time), hosts_(hosts) {}

  std::vector<std::shared_ptr<operation>> operations;
  std::size_t step = 0;
  bool api_times_off = false;           // an API process may believe a wrong clock
  steady_time api_clock_wrong_until{};  // times that API processes write may be a little off

  // What happens.
  void preloaded(const std::vector<peer_changed>& what);
  void committed_by(const std::string& process, const std::vector<peer_changed>& what);
  void answered(operation& of, const result<enrolment>& how);
  void answered(operation& of, const result<removal_outcome>& how);
  void answered(operation& of, const result<peer_view>& how);
  void answered(operation& of, const result<peer_page>& how);
  // What a gateway says itself: to changes, with what it has of their keys; asked; by heartbeat.
  void said(const gateway_name& by, const apply_request& asked, const apply_reply& reply,
            const status_reply& has);
  void said(const gateway_name& by, const status_reply& reply);
  void said(const heartbeat& beat);
  /// Every process that could hear it is gone, or it was cancelled.
  void cut_off(operation& of);
  void device_lost(const gateway_name& on);
  void clock_wrong(const gateway_name& on, steady_time until);
  /// An older mirror is there: what it has may be back until the store has spoken.
  void mirror_lost(const gateway_name& on);
  void restored();

  /// After each step.
  void check();
  /// Once everything has settled: each gateway that runs, with what its device should have.
  void check_settled(const gateway_name& on);
  bool equal(const gateway_name& on, std::string* difference = nullptr) const;

  const std::optional<violation>& broken() const { return broken_; }
  void breaks(std::string invariant, std::string what);

 private:
  struct moment {
    revision at;
    std::optional<peer> value;
    revision since;  // of the same to the device
  };
  struct live_claim {
    peer value;
    revision at;
    bool excused = false;  // its device lost it, and need not have it yet
  };
  using place = std::pair<gateway_name, public_key>;

  void record(const peer_changed& change);
  void wished(const std::string& process, const peer_changed& change);
  bool fits(const operation& by, const peer_changed& change, wall_time now) const;
  void claim_live(const operation& of, const stored<peer>& what, bool asked_now);
  void claim_gone(const operation& of, const peer_changed& change, const char* invariant);
  bool just_lost(const gateway_name& on) const;
  bool lost_since(const stored<peer>& what, bool asked_now) const;
  bool created_since(const place& where, revision since) const;
  void said_live(const gateway_name& by, const assignment& what, revision at,
                 const std::string& text);
  void check_stored(const operation& of, const stored<peer>& what);
  void check_refusal(const operation& of, const error& why);
  bool there_since(const peer_id& who, std::size_t step) const;
  bool anothers_key(const operation& of) const;
  bool was_there_since(const peer_id& who, std::size_t step) const;
  void count_bounded();
  bool over(const live_claim& claim) const;
  bool on_device(const peer& one) const;
  bool renumbered(const peer& one) const;
  std::string seen_of(const peer& one) const;
  void check_live();
  void check_gone();
  void check_addresses();
  void check_store();

  const records& store_;
  const true_time& time_;
  std::map<gateway_name, gateway_host>& hosts_;
  std::map<peer_id, std::vector<moment>> history_;
  std::map<peer_id, std::vector<std::pair<std::size_t, bool>>> there_;  // by step
  // Which peers a key belonged to until a change of them, and at which step that was.
  std::map<public_key, std::vector<std::pair<std::size_t, peer_id>>> had_;
  std::map<peer_id, live_claim> live_;
  std::map<place, std::string> gone_;
  std::map<gateway_name, std::size_t> lost_at_;  // the last step at which a device lost its peers
  std::map<gateway_name, revision> beaten_;      // by its last heartbeat since
  // The last step at which a gateway said so, or a power cut brought it back with an older mirror.
  std::map<place, std::size_t> said_live_, said_gone_, back_at_;
  std::map<gateway_name, steady_time> clock_wrong_until_;
  std::size_t restored_at_ = 0;
  bool quota_full_ = false;           // by the last commit
  std::size_t quota_full_until_ = 0;  // the last step at which it was
  bool store_changed_ = true;
  std::optional<violation> broken_;
};

bool same_on_device(const peer& a, const peer& b);
std::string name_of_peer(const peer_id& who);
std::string text_of(const operation& one);
std::string short_text(const public_key& key);

}  // namespace peerage::sim
