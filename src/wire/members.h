// What the files of this room share: members of the model's types, in and out of JSON. Inside
// this room alone.
#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "json/fields.h"
#include "model/apply.h"
#include "model/ip.h"
#include "model/key.h"

namespace peerage::wire {

template <class T>
json::value text_or_null(const std::optional<T>& from) {
  if (!from) return nullptr;
  return json::value(from->text());
}

template <class T>
json::array texts(const std::vector<T>& from) {
  json::array all;
  for (const T& each : from) all.emplace_back(each.text());
  return all;
}

json::value time_or_null(const std::optional<wall_time>& from);
json::value value_of(const secret_key& from);
json::object object_of(const assignment& from);

result<wall_time> parse_time(std::string_view text);
result<ip_address> parse_ipv6(std::string_view text);
result<ip_address> parse_ipv4(std::string_view text);
/// A whole number that is not negative.
std::uint64_t required_count(json::fields& in, std::string_view name, std::int64_t most);

result<assignment> assignment_in(const json::object& from);

/// The text as one JSON object; errc::corrupt.
result<json::object> object_in(std::string_view text);

/// What a gateway says instead of an answer: errc::invalid.
std::optional<error> refusal_in(const json::object& from);

/// errc::corrupt, with the field, for the first fault. Unknown members are none.
result<> finish(json::fields& in);

}  // namespace peerage::wire
