#include "base/counted.h"
#include "cli/answers.h"
#include "cli/commands.h"
#include "cli/output.h"

namespace peerage::cli {
namespace {

constexpr std::string_view which = "`peerage gateways` shows which there are";

cell state_of(const json::value& gateway) {
  const bool live = truth_of(gateway, "live");
  const std::string state = live ? "live" : "away";
  if (!truth_of(gateway, "draining")) return {state, colour_of_state(state)};
  return {state + ", draining", live ? colour::yellow : colour::red};
}

std::string load_of(const json::value& gateway) {
  const auto peers = count_of(gateway, "peers"), capacity = count_of(gateway, "capacity");
  std::string load = peers ? std::to_string(*peers) : "?";
  if (capacity) load += "/" + std::to_string(*capacity);
  return load;
}

answer<exit_status> set_drain(session& in, bool drain) {
  const auto name = label_or_usage(in.asked.operands.front(), "NAME");
  if (!name) return std::unexpected(name.error());
  auto said = in.call(
      {.method = "PUT",
       .path = "/v1/gateways/" + *name + "/drain",
       .body = json::object{{"drain", drain}},
       .tried = {.what = "can't " + std::string(drain ? "drain" : "undrain") + " gateway " + *name,
                 .if_missing = std::string(which),
                 .if_unknown = "the same command again settles it"}});
  if (!said) return std::unexpected(std::move(said.error()));
  if (in.json() && !said->body.is_null()) in.print(said->body);
  const auto peers = count_of(said->body, "peers");
  if (!drain) {
    in.say(*name + ": takes new peers again");
  } else {
    in.say(*name + ": draining; no new peers" +
           (peers ? ", and " + std::to_string(*peers) + " are still on it" : ""));
  }
  return exit_status::done;
}

}  // namespace

answer<exit_status> list_gateways(session& in) {
  const auto list =
      in.call_for_list({.method = "GET",
                        .path = "/v1/gateways",
                        .tried = {.what = "can't list the gateways", .if_unknown = "try again"}});
  if (!list) return std::unexpected(list.error());
  if (in.json()) {
    in.print(*list);
    return exit_status::done;
  }
  std::vector<row> rows;
  for (const json::value& gateway : items_of(*list)) {
    rows.push_back({text_of(gateway, "name"), text_of(gateway, "region"), state_of(gateway),
                    load_of(gateway), text_of(gateway, "device"), text_of(gateway, "endpoint")});
  }
  if (rows.empty()) {
    in.say("no gateway has registered yet; a peeraged with a [gateway] section is one");
  } else {
    in.print(
        table({"NAME", "REGION", "STATE", "PEERS", "DEVICE", "ENDPOINT"}, rows, in.colours_out()));
  }
  for (const json::value& gateway : items_of(*list)) {
    const std::string trouble = text_of(gateway, "trouble");
    if (!trouble.empty()) in.say(text_of(gateway, "name") + ": " + trouble);
  }
  return exit_status::done;
}

answer<exit_status> drain_gateway(session& in) {
  return set_drain(in, true);
}
answer<exit_status> undrain_gateway(session& in) {
  return set_drain(in, false);
}

answer<exit_status> accept_gateway(session& in) {
  const auto name = label_or_usage(in.asked.operands.front(), "NAME");
  if (!name) return std::unexpected(name.error());
  auto said = in.call({.method = "POST",
                       .path = "/v1/gateways/" + *name + "/accept",
                       .tried = {.what = "can't accept what gateway " + *name + " says of itself",
                                 .if_missing = std::string(which),
                                 .if_unknown = "the same command again settles it"}});
  if (!said) return std::unexpected(std::move(said.error()));
  if (in.json() && !said->body.is_null()) in.print(said->body);
  in.say(*name + ": accepted in region " + text_of(said->body, "region") + ", at " +
         text_of(said->body, "endpoint"));
  return exit_status::done;
}

answer<exit_status> accept_removals(session& in) {
  const auto name = label_or_usage(in.asked.operands.front(), "NAME");
  if (!name) return std::unexpected(name.error());
  auto said = in.call({.method = "POST",
                       .path = "/v1/gateways/" + *name + "/accept-removals",
                       .tried = {.what = "can't tell gateway " + *name + " to let go of its peers",
                                 .if_missing = std::string(which),
                                 .if_unknown = "the same command again settles it"}});
  if (!said) return std::unexpected(std::move(said.error()));
  if (in.json() && !said->body.is_null()) in.print(said->body);
  const auto released = count_of(said->body, "released").value_or(0);
  in.say(*name + (released == 0 ? ": it had kept no peers that the store lacks"
                                : ": lets go of " + counted(released, "peer") +
                                      " that the store no longer has"));
  return exit_status::done;
}

answer<exit_status> remove_gateway(session& in) {
  const auto name = label_or_usage(in.asked.operands.front(), "NAME");
  if (!name) return std::unexpected(name.error());
  auto said =
      in.call({.method = "DELETE",
               .path = "/v1/gateways/" + *name,
               .tried = {.what = "can't remove gateway " + *name,
                         .if_missing = std::string(which),
                         .if_taken = "drain it and move its peers first: `peerage gateways drain " +
                                     *name + "`",
                         .if_said = {{"drain it first", "`peerage gateways drain " + *name + "`"},
                                     {"still has peers",
                                      "`peerage list --network N` shows a network's peers, and "
                                      "`peerage reset PEER --gateway OTHER` moves one"}},
                         .if_unknown = "the same command again settles it"}});
  if (!said) return std::unexpected(std::move(said.error()));
  in.say(*name + ": removed");
  return exit_status::done;
}

}  // namespace peerage::cli
