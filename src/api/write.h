// The nouns of the API as JSON, in the shapes of docs/protocol/http.md.
#pragma once

#include "control/control.h"
#include "json/json.h"
#include "model/audit.h"

namespace peerage {

json::object written(const network& from);
json::object written(const gateway_info& from);
json::object written(const token& from);
json::object written(const audit_entry& from);
/// With `seen`, what the gateway sees of it too.
json::object written(const peer_view& from, bool seen);
json::object written(const enrolment& from);
/// {"items": …, "next_cursor": …}
json::object written_list(json::array items, const std::optional<std::string>& next);

/// The stages as a Server-Timing header (W3C Server Timing), in milliseconds.
std::string server_timing(const stage_times& from);

}  // namespace peerage
