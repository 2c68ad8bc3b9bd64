#include "cli/peers.h"
#include "cli/answers.h"
#include "cli/commands.h"
#include "cli/output.h"

namespace peerage::cli {
namespace {

std::string when(const session& in, const json::value& of, std::string_view name) {
  const auto time = time_of(of, name);
  return time ? human_time(*time, in.world.now()) : "";
}

cell state_cell(const json::value& peer) {
  const std::string state = text_of(peer, "state");
  return {state, colour_of_state(state)};
}

std::string expiry(const session& in, const json::value& peer) {
  const std::string text = when(in, peer, "expires_at");
  return text.empty() ? "never" : text;
}

std::string gateway_text(const json::value& peer) {
  const json::value& gateway = member(peer, "gateway");
  const std::string region = text_of(gateway, "region");
  return text_of(gateway, "name") + (region.empty() ? "" : " (" + region + ")");
}

answer<json::value> get_peer(session& in) {
  const auto name = label_or_usage(in.asked.operands.front(), "NAME");
  if (!name) return std::unexpected(name.error());
  const auto network = in.network();
  if (!network) return std::unexpected(network.error());
  auto said = in.call({.method = "GET",
                       .path = "/v1/networks/" + *network + "/peers/" + *name,
                       .tried = {.what = "can't see " + *name + " in " + *network,
                                 .if_missing = in.command_line("list") + " shows which there are",
                                 .if_unknown = "try again"}});
  if (!said) return std::unexpected(std::move(said.error()));
  return std::move(said->body);
}

}  // namespace

answer<json::value> peers_of(session& in, const std::string& network,
                             const std::optional<seconds>& stale) {
  std::string query = "limit=1000";
  if (stale) query += "&stale_s=" + std::to_string(stale->count());
  return in.call_for_list({.method = "GET",
                           .path = "/v1/networks/" + network + "/peers",
                           .query = query,
                           .tried = {.what = "can't list the peers of " + network,
                                     .if_missing = "`peerage networks` shows which networks there "
                                                   "are",
                                     .if_unknown = "try again"}});
}

std::string peer_table(const session& in, const json::value& list, bool colours) {
  std::vector<row> rows;
  bool any_reason = false;
  for (const json::value& peer : items_of(list)) {
    const std::string reason = text_of(peer, "reason");
    any_reason = any_reason || !reason.empty();
    rows.push_back({text_of(peer, "name"), state_cell(peer),
                    text_of(member(peer, "gateway"), "name"), joined(peer, "addresses"),
                    when(in, peer, "created_at"), expiry(in, peer), reason});
  }
  std::vector<std::string> titles{"NAME", "STATE", "GATEWAY", "ADDRESSES", "CREATED", "EXPIRES"};
  if (any_reason) titles.emplace_back("REASON");
  return table(titles, rows, colours);
}

answer<exit_status> list_peers(session& in) {
  const auto stale = duration_option(in, "--stale");
  if (!stale) return std::unexpected(stale.error());
  const auto network = in.network();
  if (!network) return std::unexpected(network.error());
  const auto list = peers_of(in, *network, *stale);
  if (!list) return std::unexpected(list.error());
  if (in.json()) {
    in.print(*list);
  } else if (items_of(*list).empty()) {
    in.say(*stale ? "no peer of " + *network + " is stale"
                  : *network + " has no peers; " + in.command_line("create NAME") + " makes one");
  } else {
    in.print(peer_table(in, *list, in.colours_out()));
  }
  return exit_status::done;
}

answer<exit_status> show_peer(session& in) {
  const auto peer = get_peer(in);
  if (!peer) return std::unexpected(peer.error());
  if (in.json()) {
    in.print(*peer);
    return exit_status::done;
  }
  const auto revision = count_of(*peer, "revision");
  in.print(details({{"name", text_of(*peer, "name")},
                    {"network", text_of(*peer, "network")},
                    {"state", state_cell(*peer)},
                    {"reason", text_of(*peer, "reason")},
                    {"gateway", gateway_text(*peer)},
                    {"endpoint", text_of(member(*peer, "gateway"), "endpoint")},
                    {"public key", text_of(*peer, "public_key")},
                    {"addresses", joined(*peer, "addresses")},
                    {"allowed IPs", joined(*peer, "allowed_ips")},
                    {"DNS", joined(*peer, "dns")},
                    {"created", when(in, *peer, "created_at")},
                    {"expires", expiry(in, *peer)},
                    {"revision", revision ? std::to_string(*revision) : ""}},
                   in.colours_out()));
  return exit_status::done;
}

answer<exit_status> status_of_peer(session& in) {
  const auto peer = get_peer(in);
  if (!peer) return std::unexpected(peer.error());
  const std::string state = text_of(*peer, "state");
  const exit_status ended = state == "live" ? exit_status::done : exit_status::pending;
  if (in.json()) {
    in.print(*peer);
    return ended;
  }
  const auto rx = count_of(*peer, "rx_bytes"), tx = count_of(*peer, "tx_bytes");
  std::string handshake = when(in, *peer, "last_handshake_at");
  if (handshake.empty() && state == "live") handshake = "none yet";
  in.print(details({{"name", text_of(*peer, "name")},
                    {"state", state_cell(*peer)},
                    {"reason", text_of(*peer, "reason")},
                    {"gateway", gateway_text(*peer)},
                    {"addresses", joined(*peer, "addresses")},
                    {"peer's endpoint", text_of(*peer, "endpoint")},
                    {"last handshake", handshake},
                    {"received", rx ? human_bytes(*rx) : ""},
                    {"sent", tx ? human_bytes(*tx) : ""},
                    {"expires", expiry(in, *peer)}},
                   in.colours_out()));
  if (state == "unknown")
    in.say("the gateway did not answer; `peerage gateways` shows whether it is live");
  return ended;
}

}  // namespace peerage::cli
