// What must hold once the faults are over: the fleet heals by itself, and store, keys, lists and
// devices say the same.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "tests/chaos/client.h"
#include "tests/chaos/fleet.h"
#include "tests/chaos/report.h"

namespace peerage::chaos {

/// Waits until it has healed, and compares. The clients rest. `restored`: the past came back since
/// it was last at rest, so that an operator lets go what the store no longer knows. `meanwhile` is
/// done again and again: a service manager does not rest.
void check_at_rest(fleet& on, report& into, bool restored, const std::function<void()>& meanwhile);

}  // namespace peerage::chaos
