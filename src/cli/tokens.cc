#include "base/counted.h"
#include "cli/answers.h"
#include "cli/commands.h"
#include "cli/output.h"

namespace peerage::cli {
namespace {

std::string when(const session& in, const json::value& of, std::string_view name) {
  const auto time = time_of(of, name);
  return time ? human_time(*time, in.world.now()) : "never";
}

/// "200 peers, 6 h each"
std::string limits_of(const json::value& token) {
  const auto peers = count_of(token, "max_peers");
  const auto ttl = count_of(token, "max_ttl_s");
  std::string text = peers ? counted(*peers, "peer") : "";
  if (ttl) text += (text.empty() ? "" : ", ") + human_duration(seconds{*ttl}) + " each";
  return text.empty() ? "none" : text;
}

answer<json::object> wanted_token(const session& in) {
  json::object body;
  if (!in.asked.operands.empty()) body["name"] = in.asked.operands.front();
  json::array scopes;
  for (const std::string& each : in.asked.list("--scope")) scopes.push_back(json::value(each));
  if (scopes.empty()) {
    return wrong_usage(
        "tokens create needs --scope, like --scope peers:write; see `peerage help "
        "tokens create`");
  }
  body["scopes"] = std::move(scopes);
  // A default network from elsewhere must not narrow a token unasked: only the flag counts.
  if (const auto given = in.asked.value("--network")) {
    const auto network = label_or_usage(*given, "--network");
    if (!network) return std::unexpected(network.error());
    body["network"] = *network;
  }
  const auto expires = duration_option(in, "--expires");
  if (!expires) return std::unexpected(expires.error());
  if (*expires) body["expires_in_s"] = (*expires)->count();
  const auto max_peers = count_option(in, "--max-peers");
  if (!max_peers) return std::unexpected(max_peers.error());
  if (*max_peers) body["max_peers"] = **max_peers;
  const auto max_ttl = duration_option(in, "--max-ttl");
  if (!max_ttl) return std::unexpected(max_ttl.error());
  if (*max_ttl) body["max_ttl_s"] = (*max_ttl)->count();
  return body;
}

}  // namespace

answer<exit_status> list_tokens(session& in) {
  const auto list =
      in.call_for_list({.method = "GET",
                        .path = "/v1/tokens",
                        .tried = {.what = "can't list the tokens", .if_unknown = "try again"}});
  if (!list) return std::unexpected(list.error());
  if (in.json()) {
    in.print(*list);
    return exit_status::done;
  }
  std::vector<row> rows;
  for (const json::value& token : items_of(*list)) {
    const std::string network = text_of(token, "network");
    rows.push_back({text_of(token, "id"), text_of(token, "name"), network.empty() ? "all" : network,
                    joined(token, "scopes"), limits_of(token), when(in, token, "expires_at"),
                    when(in, token, "last_used_at")});
  }
  in.print(table({"ID", "NAME", "NETWORK", "SCOPES", "LIMITS", "EXPIRES", "LAST USED"}, rows,
                 in.colours_out()));
  return exit_status::done;
}

answer<exit_status> create_token(session& in) {
  auto body = wanted_token(in);
  if (!body) return std::unexpected(body.error());
  auto said = in.call({.method = "POST",
                       .path = "/v1/tokens",
                       .body = std::move(*body),
                       .tried = {.what = "can't make a token",
                                 .if_missing = "`peerage networks` shows which networks there are",
                                 .if_unknown = "`peerage tokens` tells whether it was made; its "
                                               "secret is lost, so remove it and try again"}});
  if (!said) return std::unexpected(std::move(said.error()));
  if (in.json()) {
    in.print(said->body);
    return exit_status::done;
  }
  const std::string secret = text_of(said->body, "token");
  if (secret.empty() || secret != terminal_safe(secret)) {
    return give_up(exit_status::failed, "the server's answer has no usable \"token\"");
  }
  in.print(secret + "\n");
  const std::string network = text_of(said->body, "network");
  in.say("token " + text_of(said->body, "id") + ": " + joined(said->body, "scopes") + " in " +
         (network.empty() ? "all networks" : network) + ", expires " +
         when(in, said->body, "expires_at") + "; its secret is not shown again");
  return exit_status::done;
}

answer<exit_status> remove_token(session& in) {
  const auto id = label_or_usage(in.asked.operands.front(), "ID");
  if (!id) return std::unexpected(id.error());
  auto said = in.call({.method = "DELETE",
                       .path = "/v1/tokens/" + *id,
                       .query = in.asked.has("--force") ? "force=true" : "",
                       .tried = {.what = "can't remove the token " + *id,
                                 .if_missing = "`peerage tokens` shows which there are",
                                 .if_taken = "make another first (`peerage tokens create --scope "
                                             "admin`), or give --force",
                                 .if_unknown = "the same command again settles it"}});
  if (!said) return std::unexpected(std::move(said.error()));
  in.say("token " + *id + ": removed");
  return exit_status::done;
}

}  // namespace peerage::cli
