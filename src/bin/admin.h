// What a process without [api] answers over HTTP, to whoever watches it: /healthz, /readyz and
// /metrics, on gateway.admin_listen. No tokens: it tells no names of peers, and changes nothing.
#pragma once

#include <string>
#include <vector>

#include "agent/agent.h"
#include "http/message.h"
#include "metrics/metrics.h"

namespace peerage {

/// `mind` may be absent: the gateway is not up yet. `host` is what is wrong beside it, in words.
http::response answer_admin(const http::request& request, const agent* mind,
                            const std::vector<std::string>& host, metrics& counts);

}  // namespace peerage
