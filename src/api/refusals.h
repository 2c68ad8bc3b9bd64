// Keeps refused calls from filling the audit: a token that is refused in a loop has some lines a
// minute, and the rest is counted. Pure.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/time.h"
#include "model/audit.h"

namespace peerage {

class refusals {
 public:
  /// The entry, where it has a line of its own; nothing where it is counted instead.
  std::optional<audit_entry> fold(audit_entry refused, steady_time now);

  /// Of each token whose minute is over: the last refusal that was counted, which says for how many
  /// others it stands.
  std::vector<audit_entry> over(steady_time now);
  /// The same of all.
  std::vector<audit_entry> all();

 private:
  struct minute {
    steady_time begun;
    unsigned lines = 0;
    std::optional<audit_entry> last = {};  // of those that were counted
    std::uint64_t counted = 0;
  };
  static void give(minute& from, std::vector<audit_entry>& into);

  std::map<token_id, minute> tokens_;  // 10,000 at most
  std::optional<minute> others_;       // of the tokens beyond them, together
  steady_time looked_at_{};
};

}  // namespace peerage
