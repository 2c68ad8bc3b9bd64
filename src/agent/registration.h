// A gateway's entry in the store: made at its first start, refreshed at every later one.
#pragma once

#include "ports/clock.h"
#include "ports/store.h"

namespace peerage {

/// Stores `wanted` and returns what is stored: its number is given at the first registration and
/// kept, and so is whether it drains. With the revision of just this. The store's errors;
/// errc::full beyond 65,535 gateways.
task<result<stored<gateway>>> register_gateway(store& desired, clock& time, gateway wanted);

}  // namespace peerage
