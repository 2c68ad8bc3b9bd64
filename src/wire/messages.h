// What goes over the bus, as JSON text, both ways. Pure. Members that this version does not know
// are passed over; whatever else is wrong is errc::corrupt, with the member to blame.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "model/apply.h"
#include "model/event.h"
#include "model/gateway.h"

namespace peerage::wire {

inline constexpr std::size_t most_changes = 1'000;  // in one request
inline constexpr std::size_t most_keys = 1'000;     // in one status request

std::string write(const apply_request& from);
std::string write(const apply_reply& from);
std::string write(const status_request& from);
std::string write(const status_reply& from);
std::string write(const heartbeat& from);
std::string write(const event& from);
std::string write(const accept_removals_request& from);
std::string write(const accept_removals_reply& from);
/// The answer to a request that could not be read.
std::string write_refusal(const error& from);

result<apply_request> read_apply_request(std::string_view text);
result<apply_reply> read_apply_reply(std::string_view text);
result<status_request> read_status_request(std::string_view text);
result<status_reply> read_status_reply(std::string_view text);
result<heartbeat> read_heartbeat(std::string_view text);
result<event> read_event(std::string_view text);
result<accept_removals_request> read_accept_removals_request(std::string_view text);
result<accept_removals_reply> read_accept_removals_reply(std::string_view text);

}  // namespace peerage::wire
