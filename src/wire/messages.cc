#include "wire/messages.h"

#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "wire/members.h"

namespace peerage::wire {
namespace {

constexpr std::size_t most_trouble = 500;  // bytes
constexpr std::size_t most_reason = 200;
constexpr std::int64_t most_number = std::numeric_limits<std::int64_t>::max();

std::string_view name_of(change_state value) {
  // In the order of `change_state`.
  static constexpr std::array<std::string_view, 3> names{"live", "removed", "error"};
  return names.at(static_cast<std::size_t>(value));
}

result<change_state> parse_state(std::string_view text) {
  for (const auto each : {change_state::live, change_state::removed, change_state::refused})
    if (name_of(each) == text) return each;
  return fail(errc::invalid, "must be live, removed or error");
}

result<std::string> any_text(std::string_view text) {
  return std::string(text);
}

result<revision> parse_revision(json::fields& in, std::string_view name) {
  return revision{required_count(in, name, most_number)};
}

/// The objects of a list; a fault is blamed on it.
std::vector<const json::object*> objects(json::fields& in, const json::object& from,
                                         std::string_view name, std::size_t most) {
  in.known(name);
  std::vector<const json::object*> all;
  const json::value* found = from.if_contains(name);
  const json::array* list = found == nullptr ? nullptr : found->if_array();
  if (list == nullptr || list->size() > most) {
    in.blame(name, "must be a list of at most " + std::to_string(most) + " objects");
    return all;
  }
  for (const json::value& each : *list) {
    if (!each.is_object()) {
      in.blame(name, "must hold objects");
      return {};
    }
    all.push_back(&each.get_object());
  }
  return all;
}

result<peer_change> change_in(const json::object& from) {
  json::fields in(from);
  const std::string op = in.required<std::string>("op", any_text);
  if (op == "remove") {
    const auto key = in.required<public_key>("public_key", public_key::parse);
    if (auto good = finish(in); !good) return std::unexpected(good.error());
    return remove_peer_change{key};
  }
  if (op != "put") return fail(errc::corrupt, "must be put or remove", "op");
  const json::value* found = from.if_contains("peer");
  if (found == nullptr || !found->is_object()) {
    return fail(errc::corrupt, "must be an object", "peer");
  }
  auto peer = assignment_in(found->get_object());
  if (!peer) return std::unexpected(peer.error());
  return put_peer_change{*std::move(peer)};
}

json::object object_of(const peer_change& from) {
  json::object made;
  if (const auto* put = std::get_if<put_peer_change>(&from)) {
    made["op"] = "put";
    made["peer"] = wire::object_of(put->peer);
  } else {
    made["op"] = "remove";
    made["public_key"] = key_of(from).text();
  }
  return made;
}

}  // namespace

std::string write(const apply_request& from) {
  json::array changes;
  for (const peer_change& each : from.changes) changes.emplace_back(object_of(each));
  json::object made;
  made["request_id"] = from.request_id;
  made["epoch"] = from.epoch.id;
  made["revision"] = from.revision.number;
  made["changes"] = std::move(changes);
  return json::serialize(made);
}

std::string write(const apply_reply& from) {
  json::array results;
  for (const change_result& each : from.results) {
    json::object one;
    one["public_key"] = each.public_key.text();
    one["state"] = std::string(name_of(each.state));
    if (!each.reason.empty()) one["error"] = each.reason;
    if (each.live_at) one["live_at"] = to_rfc3339(*each.live_at);
    results.emplace_back(std::move(one));
  }
  json::object made;
  made["request_id"] = from.request_id;
  made["results"] = std::move(results);
  made["device_ms"] = std::round(static_cast<double>(from.device_time.count()) / 1e3) / 1e3;
  return json::serialize(made);
}

std::string write(const status_request& from) {
  json::object made;
  made["public_keys"] = texts(from.public_keys);
  if (!from.want_seen) made["want_seen"] = false;
  return json::serialize(made);
}

std::string write(const status_reply& from) {
  json::array peers;
  for (const peer_report& each : from.reports) {
    json::object one;
    one["public_key"] = each.public_key.text();
    one["live"] = each.live;
    if (each.live_at) one["live_at"] = to_rfc3339(*each.live_at);
    if (each.revision) one["revision"] = each.revision->number;
    if (!each.reason.empty()) one["reason"] = each.reason;
    if (each.seen) {
      json::object seen;
      seen["endpoint"] = each.seen->endpoint;
      seen["last_handshake_at"] = time_or_null(each.seen->last_handshake_at);
      seen["rx_bytes"] = each.seen->rx_bytes;
      seen["tx_bytes"] = each.seen->tx_bytes;
      one["seen"] = std::move(seen);
    }
    peers.emplace_back(std::move(one));
  }
  json::object made;
  made["peers"] = from.peers;
  made["device"] = from.device;
  if (from.epoch) made["epoch"] = from.epoch->id;
  if (from.remembers_since) made["remembers_since"] = to_rfc3339(*from.remembers_since);
  made["reports"] = std::move(peers);
  return json::serialize(made);
}

std::string write(const heartbeat& from) {
  json::object made;
  made["name"] = from.name.text();
  made["region"] = from.region.text();
  made["peers"] = from.peers;
  made["applied"] = from.applied.number;
  if (from.at) made["at"] = to_rfc3339(*from.at);
  if (from.left_out > 0) made["left_out"] = from.left_out;
  if (!from.trouble.empty()) made["trouble"] = json::shortened(from.trouble, most_trouble);
  return json::serialize(made);
}

std::string write_refusal(const error& from) {
  json::object made;
  made["error"] = from.field.empty() ? from.message : from.field + ": " + from.message;
  return json::serialize(made);
}

result<apply_request> read_apply_request(std::string_view text) {
  auto object = object_in(text);
  if (!object) return std::unexpected(object.error());
  json::fields in(*object);
  apply_request made;
  made.request_id = in.required<std::string>("request_id", any_text);
  if (made.request_id.size() > 128) in.blame("request_id", "must be at most 128 bytes");
  made.epoch.id = in.required<std::string>("epoch", any_text);
  made.revision = *parse_revision(in, "revision");
  for (const json::object* each : objects(in, *object, "changes", most_changes)) {
    auto change = change_in(*each);
    if (!change) return std::unexpected(change.error());
    made.changes.push_back(*std::move(change));
  }
  if (auto good = finish(in); !good) return std::unexpected(good.error());
  return made;
}

result<apply_reply> read_apply_reply(std::string_view text) {
  auto object = object_in(text);
  if (!object) return std::unexpected(object.error());
  if (auto refused = refusal_in(*object)) return std::unexpected(*std::move(refused));
  json::fields in(*object);
  apply_reply made;
  made.request_id = in.required<std::string>("request_id", any_text);
  for (const json::object* each : objects(in, *object, "results", most_changes)) {
    json::fields one(*each);
    change_result result;
    result.public_key = one.required<public_key>("public_key", public_key::parse);
    result.state = one.required<change_state>("state", parse_state);
    result.reason = one.text("error").value_or("");
    result.live_at = one.parsed<wall_time>("live_at", parse_time);
    if (auto good = finish(one); !good) return std::unexpected(good.error());
    made.results.push_back(std::move(result));
  }
  const json::value* took = object->if_contains("device_ms");
  if (took != nullptr && took->is_number()) {
    const double ms = took->is_double() ? took->get_double() : took->to_number<double>();
    if (ms >= 0 && ms < 1e9) {
      made.device_time = std::chrono::nanoseconds{static_cast<std::int64_t>(ms * 1e6)};
    }
  }
  if (auto good = finish(in); !good) return std::unexpected(good.error());
  return made;
}

result<status_request> read_status_request(std::string_view text) {
  auto object = object_in(text);
  if (!object) return std::unexpected(object.error());
  json::fields in(*object);
  status_request made;
  made.public_keys = in.parsed_list<public_key>("public_keys", most_keys, public_key::parse)
                         .value_or(std::vector<public_key>{});
  made.want_seen = in.boolean("want_seen").value_or(true);
  if (auto good = finish(in); !good) return std::unexpected(good.error());
  return made;
}

result<status_reply> read_status_reply(std::string_view text) {
  auto object = object_in(text);
  if (!object) return std::unexpected(object.error());
  if (auto refused = refusal_in(*object)) return std::unexpected(*std::move(refused));
  json::fields in(*object);
  status_reply made;
  made.peers = static_cast<std::uint32_t>(required_count(in, "peers", 0xffffffff));
  made.device = in.text("device").value_or("");
  if (auto id = in.text("epoch")) made.epoch = epoch{*std::move(id)};
  made.remembers_since = in.parsed<wall_time>("remembers_since", parse_time);
  for (const json::object* each : objects(in, *object, "reports", most_keys)) {
    json::fields one(*each);
    peer_report report;
    report.public_key = one.required<public_key>("public_key", public_key::parse);
    report.live = one.boolean("live").value_or(false);
    report.live_at = one.parsed<wall_time>("live_at", parse_time);
    if (each->contains("revision")) report.revision = *parse_revision(one, "revision");
    report.reason = json::shortened(one.text("reason").value_or(""), most_reason);
    const json::value* seen = each->if_contains("seen");
    if (seen != nullptr && seen->is_object()) {
      json::fields look(seen->get_object());
      peer_status status;
      status.public_key = report.public_key;
      status.endpoint = look.text("endpoint").value_or("");
      status.last_handshake_at = look.parsed<wall_time>("last_handshake_at", parse_time);
      status.rx_bytes = required_count(look, "rx_bytes", most_number);
      status.tx_bytes = required_count(look, "tx_bytes", most_number);
      if (auto good = finish(look); !good) return std::unexpected(good.error());
      report.seen = std::move(status);
    }
    if (auto good = finish(one); !good) return std::unexpected(good.error());
    made.reports.push_back(std::move(report));
  }
  if (auto good = finish(in); !good) return std::unexpected(good.error());
  return made;
}

result<heartbeat> read_heartbeat(std::string_view text) {
  auto object = object_in(text);
  if (!object) return std::unexpected(object.error());
  json::fields in(*object);
  heartbeat made;
  made.name = in.required<gateway_name>("name", gateway_name::parse);
  made.region = in.required<region_name>("region", region_name::parse);
  made.peers = static_cast<std::uint32_t>(required_count(in, "peers", 0xffffffff));
  made.applied = *parse_revision(in, "applied");
  made.trouble = json::shortened(in.text("trouble").value_or(""), most_trouble);
  made.at = in.parsed<wall_time>("at", parse_time);
  if (object->contains("left_out")) {
    made.left_out = static_cast<std::uint32_t>(required_count(in, "left_out", 0xffffffff));
  }
  if (auto good = finish(in); !good) return std::unexpected(good.error());
  return made;
}

}  // namespace peerage::wire
