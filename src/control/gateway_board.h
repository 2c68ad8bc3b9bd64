// What an API process knows of the gateways: their registrations from the store, and their last
// heartbeats from the bus. Pure but for the clock's reading that the caller hands in.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/gateway.h"
#include "model/record.h"
#include "plan/placement.h"
#include "plan/registration.h"

namespace peerage {

class gateway_board {
 public:
  /// The whole list, as others may rely on it.
  void replace(std::vector<vouched_gateway> all);
  void remove(const gateway_name& name);

  void hear(const heartbeat& beat, steady_time now);
  /// It has answered, and has so many peers: as good as a heartbeat, where there was none yet.
  void greet(const gateway_name& name, std::uint32_t peers, steady_time now);
  /// A peer was placed there: counted until the next heartbeat says better.
  void count_one(const gateway_name& name);

  std::size_t size() const { return lines_.size(); }
  const gateway* find(const gateway_name& name) const;
  bool has_key(const public_key& key) const;
  /// Heartbeat younger than 6 s; while there is no bus, a registration is enough.
  bool live(const gateway_name& name, steady_time now, bool bus_connected) const;
  /// Heartbeat younger than 6 s, whatever becomes of the bus.
  bool heard(const gateway_name& name, steady_time now) const;
  /// On its device, as the last heartbeat said.
  std::uint32_t peers(const gateway_name& name) const;
  /// What is wrong with it: its registration is not believed, or what it said of itself within
  /// 6 s; empty: all is well, or it has not been heard.
  std::string trouble(const gateway_name& name, steady_time now) const;
  /// Those that have become live, or are no longer, since the last call.
  std::vector<std::pair<gateway_name, bool>> changed(steady_time now, bool bus_connected);
  /// When a gateway registered last; nothing where there is none.
  std::optional<wall_time> newest_registration() const;
  /// Peers that it leaves out, as the last heartbeat said.
  std::uint32_t left_out(const gateway_name& name) const;
  std::vector<gateway_view> views(steady_time now, bool bus_connected) const;

 private:
  struct line {
    vouched_gateway known;
    std::optional<heartbeat> last;
    steady_time heard{};
    std::uint32_t placed_since = 0;
    bool said_live = false;
  };
  std::map<gateway_name, line> lines_;
  std::map<gateway_name, std::pair<heartbeat, steady_time>> unregistered_;  // at most 1,000
};

}  // namespace peerage
