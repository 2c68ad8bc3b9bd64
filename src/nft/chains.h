// Other programs' chains in the host's nftables, as `nft list` shows them: whether one of them
// drops what the gateway's interface should forward. iptables-nft, Docker, ufw and firewalld all
// show there.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plan/host_network.h"

namespace peerage::nft {

/// Those of the text of `nft list chains` that hook into forwarding with policy drop.
std::vector<dropping_chain> parse_dropping(std::string_view listed);

/// Whether a rule in the text of `nft list table` accepts something by this interface's name.
bool accepts_by_name(std::string_view table, std::string_view interface);

/// Holds a context of libnftables for its whole life: see nft/wall.cc.
class other_chains {
 public:
  other_chains();
  ~other_chains();
  other_chains(const other_chains&) = delete;
  other_chains& operator=(const other_chains&) = delete;

  /// Those that may drop what `interface` should forward. None where the host has no nftables, or
  /// they can't be read.
  std::vector<dropping_chain> in_the_way_of(const std::string& interface);

 private:
  struct context;
  std::unique_ptr<context> nft_;
};

}  // namespace peerage::nft
