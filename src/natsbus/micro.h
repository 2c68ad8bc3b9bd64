// A gateway as a NATS service (NATS ADR-32): what it says of itself, so that `nats micro ls` shows
// it. Pure. Inside this room.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

#include "base/time.h"
#include "model/name.h"

namespace peerage::nats {

struct endpoint {
  std::string name;     // "apply"
  std::string subject;  // what it listens to
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;               // of these, answered with an error
  std::string last_error;                 // empty where there was none
  std::chrono::nanoseconds processing{};  // of all requests together
};

struct micro_service {
  std::string id;  // of this start of this gateway
  gateway_name gateway;
  std::string region;
  wall_time started;
  std::array<endpoint, 3> endpoints;  // by action: apply, status, accept_removals
};

inline constexpr const char* micro_name = "peerage-gateway";

enum class micro_question { ping, info, stats };

/// What a service listens to for one question: bare, by name, by name and id.
std::array<std::string, 3> subjects_of(micro_question asked, const std::string& id);

/// The answer, as JSON.
std::string answer_to(micro_question asked, const micro_service& from);

}  // namespace peerage::nats
