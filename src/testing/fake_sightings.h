// Sightings in memory, which outlive the agent that writes them, and fail when they are told to.
#pragma once

#include <map>

#include "ports/sightings.h"

namespace peerage::fakes {

class fake_sightings final : public sightings {
 public:
  wall_time since() const override { return began; }
  result<std::vector<sighting>> load() override {
    if (broken) return fail(errc::corrupt, "the sightings are broken");
    std::vector<sighting> all;
    for (const auto& [key, at] : kept) all.push_back({key, at, endpoints[key]});
    return all;
  }
  result<> save(const std::vector<sighting>& set, const std::vector<public_key>& erase) override {
    if (broken) return fail(errc::io, "the sightings are broken");
    for (const auto& each : set) {
      kept.insert_or_assign(each.public_key, each.last_handshake_at);
      endpoints.insert_or_assign(each.public_key, each.endpoint);
    }
    for (const auto& each : erase) kept.erase(each);
    return {};
  }

  bool broken = false;
  wall_time began;
  std::map<public_key, wall_time> kept;
  std::map<public_key, std::string> endpoints;
};

}  // namespace peerage::fakes
