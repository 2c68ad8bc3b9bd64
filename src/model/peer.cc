#include "model/peer.h"

namespace peerage {

std::vector<prefix> peer::addresses() const {
  std::vector<prefix> all{prefix::host(ipv6)};
  if (ipv4) all.push_back(prefix::host(*ipv4));
  return all;
}

}  // namespace peerage
