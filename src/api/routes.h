// Every call of the API on one screen: what it is, what it needs, what answers it.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/control.h"
#include "http/message.h"
#include "metrics/metrics.h"
#include "ports/audit.h"

namespace peerage {

/// What a call is given. Lives as long as the call.
struct call {
  control& mind;
  metrics& counts;
  audit_trail& audit;
  audit_entry& noted;  // what the audit will tell of it; whoever answers adds what he alone knows
  const http::request& request;
  const std::vector<std::string>& captured;  // the path's segments in braces, decoded
  const principal& who;                      // nobody, where the call needs no token
  const std::function<std::vector<std::string>()>& host_troubles;  // what is wrong with the host
};

struct route {
  std::string_view method;
  std::string_view pattern;
  std::optional<action> needs;  // absent: no token
  task<http::response> (*answer)(const call&);
};

std::span<const route> routes();

}  // namespace peerage
