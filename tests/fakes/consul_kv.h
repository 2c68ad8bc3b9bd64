// Consul's key-value store in memory, with the rules of the real one (1.8): what its transactions
// refuse, which index a key or an answer has, what an access list hides. Pure: requests in, answers
// out. The conformance test holds it to a real server by random operations.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consul/codec.h"
#include "http/message.h"

namespace peerage::fakes {

/// What a token may do with the keys that begin with `prefix`; the longest prefix decides.
struct kv_rule {
  std::string prefix;
  bool read = false;
  bool write = false;  // implies read
};

class consul_kv {
 public:
  /// `PUT /v1/txn` and `GET /v1/kv/…` with ?recurse, ?keys and ?separator; 404 for anything else.
  /// A blocking query is answered as if its wait were over.
  http::response answer(const http::request& asked);
  /// Whether a blocking query that comes now waits: its index has not passed `index=`.
  bool blocks(const http::request& asked) const;
  using changed_keys = std::map<std::string, std::optional<consul::entry>>;
  /// Whether the last transaction, which changed these keys, wakes a query that waits. It may wake
  /// others too. A query for a key, or for a part of a tree, sleeps on when delete-tree removes it.
  bool wakes(const http::request& asked, const changed_keys& changed) const;

  /// From now on the token may do only this. Other tokens, and none, may do everything.
  void restrict(std::string token, std::vector<kv_rule> rules);
  /// Forgets every deletion, as Consul does after some time: indexes of folders may go back.
  void forget_deletions();

  /// What `consul snapshot save` keeps.
  struct snapshot {
    std::map<std::string, consul::entry> entries;
    std::map<std::string, std::uint64_t> deletions;
    std::uint64_t index = 0;
  };
  snapshot save() const { return {entries_, deletions_, index_}; }
  /// As `consul snapshot restore` on the same servers: entries and indexes are as they were, and
  /// the next transaction has an index greater than any before the restore. Nobody is told.
  void restore(const snapshot& from);

  std::uint64_t index() const { return index_; }
  const std::map<std::string, consul::entry>& entries() const { return entries_; }

  /// Told of each transaction that changed something, once it is done: what its keys had before.
  std::function<void(const changed_keys& before)> on_change;

 private:
  using table = std::map<std::string, consul::entry>;
  struct transaction;

  bool allows(std::string_view token, std::string_view key, bool write) const;
  http::response transact(const http::request& asked);
  http::response read(const http::request& asked);
  std::uint64_t index_of(const std::string& key) const;
  std::uint64_t index_of_folder(const std::string& prefix) const;

  table entries_;
  std::map<std::string, std::uint64_t> deletions_;        // by key or prefix: the index
  std::map<std::string, std::string> removed_with_tree_;  // by the last transaction: the tree
  std::uint64_t index_ = 0;  // of the last transaction that changed anything
  std::uint64_t next_ = 10;  // as Raft counts
  std::map<std::string, std::vector<kv_rule>> rules_;
};

}  // namespace peerage::fakes
