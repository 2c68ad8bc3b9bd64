// The API's mind: accepts a change, stores it, announces it to the gateway, and says what became of
// it. Knows no HTTP and no JSON. Used by the api room, on the loop; many calls at once.
//
// Every call takes the principal that asks: what it may not see is errc::not_found, what it may not
// do errc::denied. Errors name the member to blame; those of the store pass through.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/background.h"
#include "async/signal.h"
#include "control/full_ranges.h"
#include "control/gateway_board.h"
#include "control/guarded_store.h"
#include "control/recent.h"
#include "control/token_use.h"
#include "control/watchers.h"
#include "crypto/random.h"
#include "plan/access.h"
#include "plan/earlier_keys.h"
#include "plan/pace.h"
#include "plan/vouched_time.h"
#include "ports/bus.h"
#include "ports/clock.h"
#include "ports/store.h"

namespace peerage {

/// A member of a PUT: absent (keep), null (clear) or a value.
template <class T>
struct member {
  bool given = false;
  std::optional<T> value;
};

struct enrol_request {
  std::optional<peer_name> name;  // POST only; absent: one is made
  std::optional<peerage::public_key> public_key;
  member<region_name> region;
  member<gateway_name> gateway;
  member<seconds> ttl;
  member<secret_key> preshared_key;
  milliseconds wait{5'000};
};

enum class peer_state { live, pending, unknown };
std::string_view name_of(peer_state value);

struct stage_times {
  std::chrono::nanoseconds store{}, gateway{}, device{}, total{};
};

/// A peer and all that an answer about it needs.
struct peer_view {
  stored<peer> what;
  peerage::network network;
  peerage::gateway gateway;
  peer_state state = peer_state::unknown;
  std::optional<wall_time> live_at;
  std::optional<peer_status> seen;
  std::optional<wall_time> remembered_since;  // what its gateway saw before then is not known
  std::string reason = {};                    // where pending
};

struct enrolment {
  peer_view view;
  bool created = false;
  bool rekeyed = false;
  std::string reason;  // where pending
  stage_times took;
};

struct removal_outcome {
  bool gone = false;   // the device has acknowledged it
  std::string reason;  // where not
  std::string gateway;
};

struct peer_page {
  std::vector<peer_view> items;
  std::optional<std::string> next;  // the name to go on after
};

struct gateway_info {
  peerage::gateway what;
  bool live = false;
  std::uint32_t peers = 0;
  std::uint32_t left_out = 0;  // that the store has for it, and that it leaves out
  std::string trouble = {};    // gateway_board::trouble()
};

struct network_request {
  network_name name;
  std::optional<prefix> ipv6;
  std::optional<prefix> ipv4;
  std::vector<ip_address> dns;
  std::optional<std::vector<prefix>> allowed_ips;
};

struct token_request {
  std::string name;
  std::optional<network_name> network;
  std::vector<scope> scopes;
  std::optional<seconds> expires_in;
  std::optional<std::uint32_t> max_peers;
  std::optional<seconds> max_ttl;
};

struct new_token {
  token what;
  secret_text secret;
};

struct control_options {
  // How long it may go by a network or a token that it has read, where reads leave the host; a
  // token that another process revoked works here so much longer.
  milliseconds remember{};
  // How long a network whose IPv4 range was found full counts as full. A removal in it that this
  // process makes or hears of ends that at once.
  milliseconds remember_full{};
  // How often peers are made and changed, in this process; without a bound where absent. Not for an
  // admin of every network, whose bulk work is his own affair.
  pace of_token = {}, of_network = {};
  // The same for reads, in units: one for a call, and more for a large answer.
  pace reads_of_token = {}, reads_of_network = {};
  randomness random = fill_random;  // where names, ids and secrets come from
  // What networks may be taken from; none: anything.
  std::vector<prefix> network_ranges = {};
  // Whether a gateway's registration is another party's word, which counts as it was at first.
  bool check_registrations = true;
};

class control {
 public:
  /// Everything given outlives it.
  control(asio::any_io_executor loop, store& desired, bus& word, clock& time,
          control_options options = {});

  /// Reads the gateways and starts the work that goes on by itself: expiry, the gateways' board,
  /// when tokens were used.
  task<result<>> start();
  task<> stop();
  /// Whether the gateways have been asked, since the start, if they are there: the next creation
  /// can be placed. True within some seconds, whoever is away.
  bool ready() const { return ready_; }
  task<> until_ready();

  task<result<network>> create_network(const principal& who, network_request wanted);
  task<result<network>> show_network(const principal& who, network_name name);
  task<result<std::vector<network>>> list_networks(const principal& who);
  /// Its tokens open nothing from then on, and are removed. errc::not_found where there is none;
  /// what an interrupted removal left of its tokens is removed all the same.
  task<result<>> remove_network(const principal& who, network_name name);

  task<result<std::vector<gateway_info>>> list_gateways();
  task<result<gateway_info>> show_gateway(gateway_name name);
  task<result<gateway_info>> drain_gateway(gateway_name name, bool drain);
  task<result<>> remove_gateway(gateway_name name);
  /// From now on the region, endpoint and public key count that it registered last. errc::conflict
  /// where its registration can't be read, or has a key that a peer or another gateway has.
  task<result<gateway_info>> accept_gateway(gateway_name name);
  /// Tells the gateway to let go of the peers that it kept although the store suddenly lost them;
  /// how many. errc::unavailable when it does not answer.
  task<result<std::uint32_t>> accept_removals(gateway_name name);

  /// POST: errc::throttled where the token or the network asks too often; errc::conflict with field
  /// "name", "public_key" or "max_peers"; errc::unavailable where no gateway fits or the store did
  /// not take it, and then nothing is stored; errc::outcome_unknown.
  task<result<enrolment>> enrol(const principal& who, network_name network, enrol_request wanted);
  /// PUT: as enrol(), idempotent by name.
  task<result<enrolment>> put(const principal& who, peer_id id, enrol_request wanted);
  /// One whose record can't be read is removed by whoever may touch every peer; its gateway learns
  /// that from the store, so it is not confirmed.
  task<result<removal_outcome>> remove_peer(const principal& who, peer_id id, milliseconds wait);
  task<result<peer_view>> show_peer(const principal& who, peer_id id);
  /// `stale`: only those without a handshake for so long; unknown is never stale.
  task<result<peer_page>> list_peers(const principal& who, network_name network, std::string after,
                                     std::size_t limit, std::optional<seconds> stale);

  /// A token of one network makes, sees and removes tokens of that network alone. errc::conflict
  /// with field "network" where that has as many as it may.
  task<result<new_token>> create_token(const principal& who, token_request wanted);
  task<result<std::vector<token>>> list_tokens(const principal& who);
  /// errc::conflict with field "id" for the last token with the scope admin in every network that
  /// has not expired, unless `force`.
  task<result<>> remove_token(const principal& who, token_id id, bool force = false);
  /// Who has this secret; errc::denied for nobody.
  task<result<principal>> authenticate(std::string_view secret);
  /// An admin token, where the store has never had one: the first start.
  task<result<bool>> bootstrapped();
  task<result<>> mark_bootstrapped();

  /// What happens from now on, as far as the caller may see it: of one network alone where it names
  /// one. errc::not_found for a network that it may not see; errc::denied.
  task<result<std::shared_ptr<watcher>>> watch(const principal& who,
                                               std::optional<network_name> network);
  /// Whether that token is still good.
  task<bool> still_good(token_id id);
  clock& time() { return clock_; }

  /// Before a read: errc::throttled where the token, or its network, reads too much.
  result<> may_read(const principal& who) const;
  /// A read took that much.
  void charge_read(const principal& who, std::size_t units);

  /// What this process knows of the gateways, without asking the store.
  std::vector<gateway_info> known_gateways() const;
  /// As far as this process knows: it looks at the store every 2 s by itself. What is away, by
  /// name: "store", "bus", "gateway gw-fra-1". Empty: all is well.
  std::vector<std::string> away() const;
  const gateway_board& gateways() const { return board_; }

 private:
  struct placed {
    peer what;
    network in;
    gateway on;
    earlier_keys earlier = {};  // as they are in the store now
  };
  struct applied {
    bool confirmed = false;
    std::string reason;
    std::optional<wall_time> live_at;
    std::chrono::nanoseconds gateway{}, device{};
  };
  /// When something was stored. A revision means nothing in another epoch of the store, so the
  /// epoch is what was known before the store was asked.
  struct stamp {
    epoch of;
    revision at;
  };
  struct store_answer {
    revision at;
    peer what;
  };

  // registrations.cc
  struct acceptances {
    std::vector<accepted_gateway> all;
    expectation expected = absent{};  // of the mark
  };
  task<result<>> read_gateways();
  task<result<std::vector<stored<gateway>>>> registered_gateways();
  task<result<acceptances>> read_accepted();
  static write write_of(const acceptances& all);
  task<result<bool>> accept_new(acceptances& known, const std::vector<stored<gateway>>& registered);
  task<result<bool>> is_no_peers(public_key key);
  vouched_gateway judged(const gateway& registered) const;
  task<result<gateway>> gateway_of(gateway_name name);
  task<result<>> read_newest_time();
  wall_time stamp_now();
  task<result<network>> network_for(const principal& who, network_name name);
  task<result<network>> network_to_look_at(const principal& who, network_name name);
  task<result<std::optional<network>>> find_network(network_name name);
  task<result<bool>> in_its_network(token what);
  task<result<std::vector<stored<token>>>> stored_tokens();
  task<result<write>> last_admin_guard(token_id id, bool force);
  task<result<>> sweep_tokens(std::optional<network_name> network);
  task<> sweep_loop();
  result<> may_write(const principal& who, const network_name& network);
  task<result<enrolment>> make(const principal& who, network_name network, enrol_request wanted);
  task<result<gateway>> choose(const enrol_request& wanted);
  task<result<store_answer>> store_peer(peer wanted, const network& in, std::uint16_t number,
                                        expectation expected, bool new_address,
                                        std::optional<write> beside = {});
  task<result<std::optional<ip_address>>> free_ipv4(const network& in, std::uint64_t from);
  task<result<>> refuse_full(const peer& wanted, const network& in, const expectation& expected);
  std::string called(const gateway_name& name) const;
  task<applied> announce(gateway_name to, stamp stored, std::vector<peer_change> changes,
                         steady_time deadline);
  task<result<enrolment>> change(stored<peer> old, epoch of, network in, enrol_request wanted,
                                 steady_time begun);
  task<result<enrolment>> settle(placed now, std::optional<peer> old, stamp stored, bool created,
                                 milliseconds wait, steady_time begun, steady_time stored_at);
  task<result<peer_page>> visible_peers(const principal& who, const network& in, std::string after,
                                        std::size_t limit);
  /// One of several that are asked at once.
  struct question {
    explicit question(const asio::any_io_executor& loop) : done(loop) {}
    result<status_reply> reply = fail(errc::unavailable, "not asked");
    bool ended = false;
    signal done;
  };
  task<> ask_status(gateway_name name, status_request request, steady_time deadline,
                    std::shared_ptr<question> into);
  using earlier_by_peer = std::map<peer_id, earlier_keys>;
  void fill_state(peer_view& view, const status_reply& reply, const peer_report& report,
                  const earlier_by_peer& earlier);
  task<> fill_states(std::vector<peer_view>& views, bool want_seen, const earlier_by_peer& earlier);
  // earlier_keys.cc
  task<result<earlier_keys>> earlier_keys_of(peer_id id);
  task<result<earlier_by_peer>> earlier_keys_of_page(const network_name& network,
                                                     const std::vector<peer_view>& page);
  task<std::string> ask_again(std::vector<earlier_key> some, std::vector<earlier_key>& gone,
                              steady_time deadline);
  void erase_earlier_keys(peer_id id, earlier_keys now, std::vector<earlier_key> gone);
  task<> erase_loop();
  task<> earlier_keys_loop();
  task<result<removal_outcome>> remove_unreadable(const principal& who, peer_id id);
  task<result<removal_outcome>> remove_again(const principal& who, peer_id id, earlier_keys earlier,
                                             steady_time deadline);
  task<> expiry_loop();
  task<> expire(std::vector<stored<peer>> gone, epoch of);
  task<> board_loop();
  task<> greet();
  task<bool> ask_who_is_there(steady_time until);
  task<> look_at_epoch();
  void hear(const heartbeat& beat);
  void hear(const event& what);
  void tell_gateways();
  void publish(event_kind what, const peer& of, revision at);
  // sweep.cc
  task<result<bool>> take_sweep();
  task<> records_loop();
  task<> use_loop();
  task<> flush_uses();

  asio::any_io_executor loop_;
  guarded_store store_;
  bus& bus_;
  clock& clock_;
  const randomness random_;
  epoch epoch_;
  const std::string start_id_;  // random; a request's id is this and its number
  std::uint64_t requests_ = 0;
  gateway_board board_;
  const bool check_registrations_;
  const std::vector<prefix> network_ranges_;
  std::vector<accepted_gateway> accepted_;           // as they were read last
  std::map<gateway_name, public_key> refused_keys_;  // that a peer has
  vouched_time vouched_;
  std::vector<write> to_erase_;  // earlier keys that are gone
  signal erasable_;
  token_use uses_;
  watchers watchers_;
  recent<token_id, token> tokens_;
  recent<network_name, network> networks_;
  full_ranges full_;
  paces<token_id> token_paces_;
  paces<network_name> network_paces_;
  paces<token_id> token_reads_;
  paces<network_name> network_reads_;
  bool bus_was_there_ = true;
  bool store_was_there_ = true;
  bool ready_ = false;
  background background_;
};

}  // namespace peerage
