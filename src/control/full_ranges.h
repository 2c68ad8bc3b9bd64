// Networks whose IPv4 range was full a moment ago, so that a repeated request for an address does
// not read every peer of the network again. Used by control alone, on the loop.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/time.h"
#include "model/name.h"

namespace peerage {

class full_ranges {
 public:
  /// `lasts`: how long a range that was found full counts as full, unless a removal in the network
  /// becomes known earlier; 0: not at all.
  explicit full_ranges(steady_duration lasts) : lasts_(lasts) {}

  /// Before the peers of a network are read. What it returns is for found_full().
  std::uint64_t begin(const network_name& network) {
    if (all_.size() >= most && !all_.contains(network)) all_.clear();
    entry& mine = all_[network];
    if (mine.changed == 0) mine.changed = ++changes_;
    return mine.changed;
  }
  /// `id` is the network's: another network may get the name. Without effect where a peer was
  /// removed since `begun`.
  void found_full(const network_name& network, const std::string& id, std::uint64_t begun,
                  steady_time now) {
    const auto found = all_.find(network);
    if (found == all_.end() || found->second.changed != begun) return;
    found->second.id = id;
    found->second.until = now + lasts_;
  }
  bool is_full(const network_name& network, const std::string& id, steady_time now) const {
    const auto found = all_.find(network);
    return found != all_.end() && found->second.id == id && now < found->second.until;
  }
  /// An address of the network may be free from now on.
  void forget(const network_name& network) {
    const auto found = all_.find(network);
    if (found == all_.end()) return;
    found->second.changed = ++changes_;
    found->second.until = {};
  }

 private:
  static constexpr std::size_t most = 10'000;
  struct entry {
    std::uint64_t changed = 0;
    std::string id;
    steady_time until{};
  };
  steady_duration lasts_;
  std::uint64_t changes_ = 0;
  std::map<network_name, entry> all_;
};

}  // namespace peerage
