// Events and the word that lets go of held peers, as JSON.
#include <array>
#include <limits>
#include <utility>

#include "wire/members.h"
#include "wire/messages.h"

namespace peerage::wire {
namespace {

constexpr std::array kinds{event_kind::peer_live,    event_kind::peer_pending,
                           event_kind::peer_removed, event_kind::peer_expired,
                           event_kind::gateway_up,   event_kind::gateway_down};

result<event_kind> parse_kind(std::string_view text) {
  for (const event_kind each : kinds)
    if (name_of(each) == text) return each;
  return fail(errc::invalid, "must be a kind of event");
}

}  // namespace

std::string write(const event& from) {
  json::object made;
  made["event"] = name_of(from.what);
  made["at"] = to_rfc3339(from.at);
  made["gateway"] = from.gateway.text();
  if (from.peer) {
    made["network"] = from.peer->network.text();
    made["peer"] = from.peer->name.text();
    made["revision"] = from.at_revision.number;
  }
  return json::serialize(made);
}

result<event> read_event(std::string_view text) {
  auto object = object_in(text);
  if (!object) return std::unexpected(object.error());
  json::fields in(*object);
  event made;
  made.what = in.required<event_kind>("event", parse_kind);
  made.at = in.required<wall_time>("at", parse_time);
  made.gateway = in.required<gateway_name>("gateway", gateway_name::parse);
  if (in.given("peer")) {
    peer_id id;
    id.network = in.required<network_name>("network", network_name::parse);
    id.name = in.required<peer_name>("peer", peer_name::parse);
    made.peer = std::move(id);
    made.at_revision.number =
        required_count(in, "revision", std::numeric_limits<std::int64_t>::max());
  }
  if (auto good = finish(in); !good) return std::unexpected(good.error());
  return made;
}

std::string write(const accept_removals_request&) {
  return "{}";
}

std::string write(const accept_removals_reply& from) {
  json::object made;
  made["released"] = from.released;
  return json::serialize(made);
}

result<accept_removals_request> read_accept_removals_request(std::string_view text) {
  auto object = object_in(text);
  if (!object) return std::unexpected(object.error());
  return accept_removals_request{};
}

result<accept_removals_reply> read_accept_removals_reply(std::string_view text) {
  auto object = object_in(text);
  if (!object) return std::unexpected(object.error());
  if (auto refused = refusal_in(*object)) return std::unexpected(*std::move(refused));
  json::fields in(*object);
  accept_removals_reply made;
  made.released = static_cast<std::uint32_t>(required_count(in, "released", 0xffffffff));
  if (auto good = finish(in); !good) return std::unexpected(good.error());
  return made;
}

}  // namespace peerage::wire
