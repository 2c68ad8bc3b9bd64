// One follow() under way: what consul/follow.cc and consul/whole.cc do with Consul, in as many
// looks as they take, between which the world goes on.
#pragma once

#include <set>
#include <string>

#include "tests/sim/store.h"

namespace peerage::sim {

class following {
 public:
  following(store_world& in, gateway_name gateway, const std::string& position, steady_time until);

  /// Whether something has changed, or the wait is over.
  bool ready() const;
  /// The next look; the answer after the last one.
  std::optional<result<followed>> look(dice& chance);

 private:
  enum class stage { rings, changes, parts, rings_again };
  std::optional<result<followed>> look_at_rings(dice& chance);
  result<followed> look_at_changes();
  void look_at_part();
  bool implausible() const;
  result<followed> look_again();

  store_world& in_;
  gateway_name gateway_;
  std::string epoch_;        // of the position; empty: it is none
  std::uint64_t index_ = 0;  // of the position
  steady_time until_;

  stage at_ = stage::rings;
  std::string now_epoch_;
  std::uint64_t seen_ = 0;  // the rings' index
  std::set<public_key> keys_;
  unsigned parts_ = 0;
  std::vector<stored_assignment> read_;
};

}  // namespace peerage::sim
