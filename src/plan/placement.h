// Which gateway a new peer goes to.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/error.h"
#include "model/gateway.h"

namespace peerage {

/// A gateway as placement sees it.
struct gateway_view {
  const gateway* what = nullptr;
  bool live = false;
  std::uint32_t peers = 0;
};

struct placement_wish {
  std::optional<region_name> region;
  std::optional<gateway_name> gateway;
};

/// The one asked for, else the emptiest (by share of its capacity) live one that takes new peers
/// and has room. errc::not_found with field "gateway" or "region" where there is none of that
/// name; errc::unavailable, naming why, where none fits.
result<const gateway*> place(std::span<const gateway_view> gateways, const placement_wish& wish);

}  // namespace peerage
