// When each peer was last heard of and from where, kept on the gateway's own disk: a device forgets
// it when it is made anew. Not the truth about anything but staleness.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "model/key.h"

namespace peerage {

struct sighting {
  peerage::public_key public_key;
  wall_time last_handshake_at;
  std::string endpoint = {};  // where it was then; empty: not known
};

/// Everything here is quick and synchronous.
struct sightings {
  virtual ~sightings() = default;
  /// When this memory began: of what was before, it knows nothing.
  virtual wall_time since() const = 0;
  /// All that was saved. errc::corrupt, errc::io.
  virtual result<std::vector<sighting>> load() = 0;
  /// All of it or nothing. The last ones may be lost in a power cut. errc::io.
  virtual result<> save(const std::vector<sighting>& set, const std::vector<public_key>& erase) = 0;
};

}  // namespace peerage
