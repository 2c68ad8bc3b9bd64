#include "plan/placement.h"

#include <string>

namespace peerage {
namespace {

std::string place_name(const placement_wish& wish) {
  if (wish.gateway) return "gateway " + wish.gateway->text();
  if (wish.region) return "any gateway in region " + wish.region->text();
  return "any gateway";
}

bool emptier(const gateway_view& a, const gateway_view& b) {
  const std::uint64_t share_a = std::uint64_t{a.peers} * b.what->capacity;
  const std::uint64_t share_b = std::uint64_t{b.peers} * a.what->capacity;
  return share_a < share_b;
}

}  // namespace

result<const gateway*> place(std::span<const gateway_view> gateways, const placement_wish& wish) {
  const gateway_view* best = nullptr;
  bool named = false, in_region = false, live = false, open = false;
  for (const gateway_view& each : gateways) {
    if (wish.gateway && each.what->name != *wish.gateway) continue;
    named = true;
    if (wish.region && each.what->region != *wish.region) continue;
    in_region = true;
    if (!each.live) continue;
    live = true;
    if (each.what->draining) continue;
    open = true;
    if (each.peers >= each.what->capacity) continue;
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
  const std::string what = place_name(wish);
  if (!named) return fail(errc::unavailable, "no gateway has registered yet");
  if (!live) return fail(errc::unavailable, what + " is not live: no heartbeat in 6 s");
  if (!open) return fail(errc::unavailable, what + " is draining and takes no new peers");
  return fail(errc::unavailable, what + " is full");
}

}  // namespace peerage
