// What the API is asked, read out of JSON and query strings by the rules of docs/protocol/http.md.
// Every failure is errc::invalid with the field to blame.
#pragma once

#include "control/control.h"
#include "http/message.h"
#include "http/target.h"
#include "json/json.h"

namespace peerage {

/// The body as one JSON object. Also errc::unsupported for another media type.
result<json::object> read_body(const http::request& from);

result<network_request> read_network(const json::object& from);
result<token_request> read_token(const json::object& from);
/// POST: every member is a value, null or absent. `in_path`: PUT, where a name must equal it.
result<enrol_request> read_enrol(const json::object& from, const peer_name* in_path);
result<bool> read_drain(const json::object& from);

struct list_query {
  std::size_t limit = 100;
  std::string cursor;
  std::optional<seconds> stale;
};
result<list_query> read_list_query(std::string_view query);
/// `limit` and `cursor` alone; the cursor is the audit's own affair.
result<list_query> read_audit_query(std::string_view query);
/// The network that events are wanted of, if one is named.
result<std::optional<network_name>> read_events_query(std::string_view query);
/// `force` alone: "true" or "false".
result<bool> read_force_query(std::string_view query);
/// For calls that take no parameter.
result<> read_no_query(std::string_view query);

}  // namespace peerage
