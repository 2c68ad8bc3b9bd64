// The store: the desired state, the only truth. Shared by every API process and every gateway.
//
// Order: a commit that returned is seen by every read that starts later, in any process.
// Overlap: any number of calls may be under way at once; commits that overlap may share one write.
// Cancelling a commit leaves it either done or not done, never half.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "async/task.h"
#include "base/error.h"
#include "model/apply.h"
#include "model/record.h"

namespace peerage {

// What can be listed, and in which order.
struct all_networks {};  // by name
struct all_gateways {};  // by name
struct all_tokens {};    // by id
struct peers_of_network {
  network_name network;
};  // by name
struct peers_on_gateway {
  gateway_name gateway;
};  // by network, then name
struct marks_under {
  std::string beginning;  // of their names, in ASCII
};  // by name
struct peers_expiring {
  wall_time before;
};  // by time; those that expire before it; `after` is not used

using listing = std::variant<all_networks, all_gateways, all_tokens, peers_of_network,
                             peers_on_gateway, peers_expiring, marks_under>;

struct page_query {
  listing what;
  std::string after;        // position(…) of the last item of the page before; "" for the first
  std::size_t limit = 100;  // 1 to 1,000
};

struct page {
  std::vector<stored<record>> items;
  bool more = false;
  // Every commit up to this revision is in the items, and later ones may be.
  revision as_of;
};

/// Where an item stands in its listing, for `page_query::after`.
std::string position(const listing& what, const record& item);

struct followed {
  assigned what;
  std::string position;  // where to go on: opaque, may be kept across restarts
  epoch of;
};

/// What a look at the whole store found: keys that disagree with the records they belong to.
struct sweep_report {
  std::uint64_t records = 0;  // peers that were looked at
  std::uint64_t wrong = 0;
  std::uint64_t repaired = 0;
  std::vector<std::string> examples;  // of what was wrong: key and reason, 20 at most
};

struct store {
  virtual ~store() = default;

  /// All of the transaction or nothing of it, durable when it returns: it survives a power cut.
  /// One revision for all its writes, greater than any before it. errc::full for more writes than
  /// the store takes at once; most_removals() removals always fit.
  ///
  /// Beside each write's own expectation these hold, or nothing happens:
  ///   a peer's name is unique in its network, its key on its gateway, its addresses everywhere;
  ///   a gateway's number is its own;
  ///   a peer's network and gateway exist, and neither is removed while it has peers;
  ///   a peer with a quota is one of at most so many of its token that have one;
  ///   a token of a network exists only beside that network: when it is put, the network of that
  ///   name has the token's `network_id`. It does not keep the network from being removed;
  ///   a network has at most put::most_tokens tokens, where that is given.
  ///
  /// errc::conflict with field "name", "public_key", "addresses", "number", "peers" (still in use),
  /// "max_peers", "max_tokens" or "revision" (the record is not as expected); errc::not_found with
  /// field
  /// "network", "gateway" or "name" (an expected record is not there); errc::unavailable when
  /// nothing was stored and the store can't now; errc::outcome_unknown when its answer was lost.
  virtual task<result<revision>> commit(transaction writes) = 0;

  /// The record, or nothing. errc::unavailable, errc::corrupt.
  virtual task<result<std::optional<stored<record>>>> get(record_key key) = 0;

  /// The gateway's peer with that key, or nothing. Errors as get().
  virtual task<result<std::optional<stored<record>>>> find_peer(gateway_name gateway,
                                                                public_key key) = 0;

  /// One page of a listing. Errors as get().
  virtual task<result<page>> list(page_query query) = 0;

  virtual std::size_t most_removals() const = 0;  // in one commit

  /// What changed for the gateway behind `position` ("": nothing is known yet, so everything). At
  /// once where there is something, else as soon as there is, or after `wait` with nothing: not
  /// whole, no keys. May say that there is nothing early, or tell a change twice, or answer whole
  /// when it can't tell what changed; never passes over one. One call at a time for each gateway.
  /// Errors as get(); errc::conflict where another process has claimed the gateway since this one
  /// did.
  virtual task<result<followed>> follow(gateway_name gateway, std::string position,
                                        steady_duration wait) = 0;

  /// What the gateway should have of these keys now; 64 keys at most. Errors as get().
  virtual task<result<assigned>> assignments(gateway_name gateway,
                                             std::vector<public_key> keys) = 0;

  /// Makes the gateway's name this process's own. A holder of another instance is asked whether it
  /// lives, and has 5 s to answer, in its follow(). errc::conflict where it does; the message says
  /// where it runs. Errors as commit().
  virtual task<result<>> claim(gateway_name gateway, claimant who) = 0;

  /// Gives the name back: the next claim need not ask. What fails is left to that asking.
  virtual task<> release(gateway_name gateway) = 0;

  /// The store's identity, the same for its whole life: a restored one has another. Errors as
  /// get().
  virtual task<result<epoch>> identity() = 0;

  /// Whether keys can disagree with the records they belong to: not where the store's own
  /// constraints make that impossible.
  virtual bool sweepable() const { return false; }
  /// Looks for such keys beside everything else; with `repair`, slowly, and repairs what is
  /// certain.
  /// Errors as get().
  virtual task<result<sweep_report>> sweep(bool) { co_return sweep_report{}; }
};

/// get() for one kind of record.
template <class T, class Key>
task<result<std::optional<stored<T>>>> get_as(store& from, Key key) {
  record_key wanted{std::move(key)};
  auto found = co_await from.get(std::move(wanted));
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (!*found) co_return std::optional<stored<T>>{};
  co_return stored<T>{std::get<T>(std::move((*found)->value)), (*found)->revision};
}

}  // namespace peerage
