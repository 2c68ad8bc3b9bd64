// Finds keys that disagree with the peers' records on which they hang, and repairs those whose
// right content is certain: the record is the truth. For the case that should not happen: a fault
// of an older version, a hand in Consul's store. Reads everything in small parts, with pauses.
#pragma once

#include <optional>

#include "consul/change.h"
#include "consul/core.h"

namespace peerage::consul {

/// What is wrong with a key that hangs, or should hang, on a peer's record.
enum class finding {
  none,
  surplus,     // the record does not have it, or there is no such record
  missing,     // the record has it, and it is not there
  different,   // it is the record's, with other content
  of_another,  // the record has it, and its content names another peer: nothing is certain
};

/// Pure. `wanted`: the key as the record says, nothing where the record does not have it; `now`:
/// the key as it is; `owner`: the peer that its content names, where it names one.
finding judge(const std::optional<hanging_key>& wanted, const entry* now, const peer_id& of,
              const std::optional<peer_id>& owner);

/// Errors: those of the store's get(). What changes meanwhile is left for the next time.
task<result<sweep_report>> sweep(shared_core self, bool repair);

}  // namespace peerage::consul
