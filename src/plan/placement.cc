#include "plan/placement.h"

#include <algorithm>
#include <string>

namespace peerage {
namespace {

/// `one` is said of the gateway that was asked for, `none` of all that could have been taken.
std::string none_fits(const placement_wish& wish, const std::string& region, std::string_view one,
                      std::string_view none) {
  if (wish.gateway) {
    return "gateway " + wish.gateway->text() + " in region " + region + " " + std::string(one);
  }
  const std::string where = wish.region ? " in region " + region : "";
  return "no gateway" + where + " " + std::string(none);
}

/// What a device of its kind can hold at most: a gateway's record says what its host wrote.
std::uint32_t capacity_of(const gateway& one) {
  constexpr std::uint32_t kernel = 1'048'576, userspace = 65'536;
  return std::min(one.capacity, one.device == "kernel" ? kernel : userspace);
}

bool emptier(const gateway_view& a, const gateway_view& b) {
  const std::uint64_t share_a = std::uint64_t{a.peers} * capacity_of(*b.what);
  const std::uint64_t share_b = std::uint64_t{b.peers} * capacity_of(*a.what);
  return share_a < share_b;
}

}  // namespace

result<const gateway*> place(std::span<const gateway_view> gateways, const placement_wish& wish) {
  const gateway_view* best = nullptr;
  bool named = false, in_region = false, live = false, open = false;
  std::string region;
  for (const gateway_view& each : gateways) {
    if (wish.gateway && each.what->name != *wish.gateway) continue;
    named = true;
    if (wish.region && each.what->region != *wish.region) continue;
    in_region = true;
    region = each.what->region.text();
    if (!each.live) continue;
    live = true;
    if (each.what->draining) continue;
    open = true;
    if (each.peers >= capacity_of(*each.what)) continue;
    if (best == nullptr || emptier(each, *best)) best = &each;
  }
  if (best != nullptr) return best->what;
  if (wish.gateway && !named) {
    return fail(errc::not_found, "there is no gateway " + wish.gateway->text(), "gateway");
  }
  if (wish.region && !in_region) {
    const std::string where = wish.gateway ? "gateway " + wish.gateway->text() + " is not"
                                           : std::string("there is no gateway");
    return fail(errc::not_found, where + " in region " + wish.region->text(), "region");
  }
  if (!named) return fail(errc::unavailable, "no gateway has registered yet");
  if (!live) {
    return fail(errc::unavailable, none_fits(wish, region, "is not live: no heartbeat in 6 s",
                                             "is live: no heartbeat in 6 s"));
  }
  if (!open) {
    return fail(errc::unavailable, none_fits(wish, region, "is draining and takes no new peers",
                                             "takes new peers: all that are live are draining"));
  }
  return fail(errc::unavailable, none_fits(wish, region, "has all the peers it can hold",
                                           "has room for another peer"));
}

}  // namespace peerage
