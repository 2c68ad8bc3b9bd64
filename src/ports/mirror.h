// A gateway's copy of its part of the desired state, on its own disk: it comes up with every peer
// while the store and the bus are both away. Never the truth: the store's word replaces it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/apply.h"
#include "model/gateway.h"
#include "model/revision.h"

namespace peerage {

/// How far the peers in a mirror are the store's.
struct mirror_head {
  gateway self;          // the registration
  epoch of;              // of the store
  std::string position;  // for store::follow()
  revision as_of;
};

struct mirrored {
  mirror_head head;
  std::vector<stored_assignment> peers;
};

/// Everything here is quick and synchronous.
struct mirror {
  virtual ~mirror() = default;
  /// What was saved; nothing before the first save. errc::corrupt, errc::io.
  virtual result<std::optional<mirrored>> load() = 0;
  /// All of it or nothing. It may be lost in a power cut, and then an earlier whole one is there.
  /// errc::io.
  virtual result<> save(const mirror_head& head, const std::vector<stored_assignment>& set,
                        const std::vector<public_key>& erase) = 0;
};

}  // namespace peerage
