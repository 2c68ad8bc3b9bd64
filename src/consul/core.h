// What the store's calls share. Each call is a coroutine that holds it by a shared pointer, so that
// one under way may outlive the store. On the loop's thread; errors are those of ports/store.h.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "consul/calls.h"
#include "consul/change.h"
#include "consul/rings.h"
#include "consul/store.h"
#include "consul/writer.h"

namespace peerage::consul {

/// A network or a gateway, as creations need it: they hold it at the index that was read.
struct place {
  entry raw;
  std::string id = {};              // a network's
  std::optional<prefix> ipv6 = {};  // a network's
  std::optional<prefix> ipv4 = {};  // a network's range
  std::vector<prefix> routes = {};  // a network's
};

struct core {
  asio::any_io_executor loop;
  clock& time;
  key_space keys;
  std::shared_ptr<consul::calls> calls;
  std::shared_ptr<consul::writer> writer;
  std::function<void(const std::string&, const std::string&)> on_corrupt;
  // Networks and gateways by key; every transaction proves what it took from here.
  std::map<std::string, place> places = {};
  // Of the gateways that this process runs or follows.
  std::map<gateway_name, claimant> claims = {};
  std::map<gateway_name, std::shared_ptr<requester>> followers = {};
  std::map<gateway_name, entry> newest_rings = {};  // as they were seen last, without their value
  std::uint64_t highest = 0;                        // index of the whole KV store that was seen
  std::string known_epoch = {};                     // that was seen last
  std::string last_writes = {};                     // as they were kept last
  std::function<void(const std::string&)> keep_last_writes = {};
  std::set<std::string> reported = {};  // keys of corrupt values

  void report(const std::string& key, const std::string& why);
  /// Hands the writer's last writes to who keeps them, where they have changed.
  void keep();
};

using shared_core = std::shared_ptr<core>;
using found_record = result<std::optional<stored<record>>>;

// commit.cc
task<result<revision>> commit(shared_core self, transaction writes);
// follow.cc
task<result<followed>> follow(shared_core self, gateway_name gateway, std::string position,
                              steady_duration wait);
task<result<assigned>> assignments(shared_core self, gateway_name gateway,
                                   std::vector<public_key> keys);
/// Of all that is in the folder of a gateway's rings: what went_back() compares with.
void note_newest_ring(core& self, const gateway_name& gateway, const std::vector<entry>& folder);
/// Whether Consul has been restored to before the newest ring that was seen, or has another epoch:
/// what it lacks then need not have been removed by anybody.
task<result<bool>> went_back(shared_core self, gateway_name gateway);
// whole.cc
task<result<followed>> read_whole(shared_core self, gateway_name gateway,
                                  std::shared_ptr<requester> over, place_in_rings known);
/// What the entries of a gateway hold, by the name of their key in Consul.
struct assignments_read {
  std::map<std::string, stored_assignment> peers;
  std::map<std::string, public_key> unreadable;

  void forget(const std::string& name);
  void move_to(assigned& into);
};
/// Reads the entries. One that holds no assignment is reported, and is unreadable.
void take_assignments(core& self, const gateway_name& gateway, const std::vector<entry>& from,
                      assignments_read& into);
// claim.cc
task<result<>> claim(shared_core self, gateway_name gateway, claimant who);
task<> release(shared_core self, gateway_name gateway);
/// Answers whoever asks whether this process lives. errc::conflict where another has the name.
task<result<>> keep_claim(shared_core self, gateway_name gateway, const std::vector<entry>& folder);
// read.cc
task<found_record> get(shared_core self, record_key key);
task<found_record> find_peer(shared_core self, gateway_name gateway, public_key key);
task<result<page>> list(shared_core self, page_query query);
task<result<epoch>> identity(shared_core self);

}  // namespace peerage::consul
