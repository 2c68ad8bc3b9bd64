// The invariants of docs/protocol/consul.md in the keys themselves.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "consul/codec.h"

namespace peerage::conformance {

/// What is wrong, a line each: a peer without one of its keys, a key without its peer, two owners
/// of one key, a count that is not the number of peers. `prefix` ends with "/".
std::vector<std::string> disagreements(const std::vector<consul::entry>& all,
                                       const std::string& prefix);

}  // namespace peerage::conformance
