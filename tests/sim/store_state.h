// What the simulated store holds: records, an index that grows with each transaction, and the log
// of what each gateway's peers went through. As Consul would have it; no time passes in here.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "ports/store.h"

namespace peerage::sim {

/// One peer's record before and after a transaction; nothing where there was, or is, none.
struct peer_changed {
  std::optional<stored<peer>> before, after;
  revision at;
};

struct committed {
  revision at;
  std::vector<peer_changed> peers;
};

class store_state {
 public:
  /// `joined`: shares the index of the transaction before, where it touches nothing of it, as
  /// commits of one process do that Consul gets together.
  result<committed> commit(const transaction& writes, bool joined);

  std::optional<stored<record>> find(const record_key& key) const;
  std::optional<stored<peer>> find(const peer_id& id) const;
  page list(const page_query& query) const;
  /// What the gateway has of these keys, or of all.
  std::vector<stored_assignment> on(const gateway_name& gateway,
                                    const std::set<public_key>* keys) const;

  /// The peers that changed for the gateway behind an index, and in how many steps.
  std::set<public_key> changed(const gateway_name& gateway, std::uint64_t behind) const;
  std::uint64_t changes(const gateway_name& gateway, std::uint64_t behind) const;
  /// The index of the last change of the gateway's peers; of its rings, in Consul.
  std::uint64_t last_of(const gateway_name& gateway) const;

  const std::map<std::string, stored<record>>& all() const { return records_; }
  template <class Visit>
  void each_peer(Visit visit) const {
    for (auto at = records_.lower_bound("p/"); at != records_.end() && at->first < "p0"; ++at)
      visit(std::get<peer>(at->second.value), at->second.revision);
  }
  revision whole() const { return revision{index_ * 64 + 63}; }  // all that was done up to now

  std::string epoch = "epoch-1";
  std::map<gateway_name, claimant> claims;

 private:
  using table = std::map<std::string, stored<record>>;
  struct changed_key {
    std::uint64_t index;
    gateway_name gateway;
    public_key key;
  };
  result<> check(const write& one, const table& now) const;
  result<> check_peer(const peer& one, const table& now) const;

  table records_;  // by kind and key
  std::uint64_t index_ = 10;
  unsigned place_ = 0;
  std::set<std::string> touched_;  // by the last transaction
  std::vector<changed_key> log_;
};

std::string text_of(const record_key& key);

}  // namespace peerage::sim
