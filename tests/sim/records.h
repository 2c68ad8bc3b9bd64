// The records in the simulated Consul, decoded: what the model holds against what gateways say and
// what callers are told.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "consul/keys.h"
#include "ports/store.h"
#include "tests/fakes/consul_kv.h"

namespace peerage::sim {

/// Where everybody's keys are.
inline const consul::key_space keys_of_all{"peerage/v1/"};

/// One peer's record before and after a transaction; nothing where there was, or is, none.
struct peer_changed {
  std::optional<stored<peer>> before, after;
  revision at;
};

class records {
 public:
  explicit records(const fakes::consul_kv& of) : kv_(of) {}

  /// Takes what a transaction changed, whose keys had that before.
  std::vector<peer_changed> changed(const fakes::consul_kv::changed_keys& before);
  /// Forgets what it knows and reads everything, as after a restore.
  void read_all();

  std::optional<stored<peer>> find(const peer_id& id) const;
  const gateway* find(const gateway_name& name) const;
  std::string epoch() const;
  const std::map<network_name, network>& networks() const { return networks_; }
  template <class Visit>
  void each_peer(Visit visit) const {
    for (const auto& [id, each] : peers_) visit(each.value, each.revision);
  }
  /// What is wrong with the keys that hang on records; empty: nothing.
  std::string disagreement() const;

 private:
  std::optional<stored<peer>> take(const consul::entry& from);
  void forget(const std::string& key);

  const fakes::consul_kv& kv_;
  std::map<peer_id, stored<peer>> peers_;
  std::map<std::string, peer_id> ids_;  // of the peers' keys
  std::map<network_name, network> networks_;
  std::map<gateway_name, gateway> gateways_;
};

}  // namespace peerage::sim
