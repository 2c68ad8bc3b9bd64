// The last changes of peers in a database that this process alone writes: what its gateway may not
// have heard of yet. In memory, since a start reads everything anyway. Pure.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "model/key.h"
#include "model/name.h"
#include "model/revision.h"

namespace peerage::sqlite {

/// A key of a gateway whose peer came, went or changed.
struct touched {
  gateway_name gateway;
  public_key key;
};

class recent_changes {
 public:
  /// Knows nothing of what was before `now`, the newest revision there is.
  explicit recent_changes(revision now) : known_(now), floor_(now) {}

  /// A commit, in the order of their revisions.
  void note(revision at, const std::vector<touched>& keys);
  /// The next commit may have happened, and nobody can tell.
  void doubt() { floor_ = revision{known_.number + 1}; }

  /// All commits up to here are noted.
  revision known() const { return known_; }
  /// So many changes came since the last read().
  std::size_t unread() const { return unread_; }
  /// The gateway's keys that changed behind a revision, each once; nothing where more changed than
  /// is kept.
  std::optional<std::vector<public_key>> read(revision behind, const gateway_name& gateway);

 private:
  struct change {
    revision at;
    touched what;
  };
  std::deque<change> changes_;
  revision known_;
  revision floor_;  // behind it, some may be missing
  std::size_t unread_ = 0;
};

}  // namespace peerage::sqlite
