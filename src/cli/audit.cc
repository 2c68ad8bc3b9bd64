#include "cli/answers.h"
#include "cli/commands.h"
#include "cli/output.h"

namespace peerage::cli {
namespace {

/// "acme/ci-1", "gw-fra-1", "token 353pp334av": what it was about.
std::string about(const json::value& entry) {
  const std::string network = text_of(entry, "network"), peer = text_of(entry, "peer");
  const std::string gateway = text_of(entry, "gateway"), token = text_of(entry, "made_token");
  if (!token.empty()) return "token " + token;
  if (!peer.empty()) return network + "/" + peer;
  return network.empty() ? gateway : network;
}

}  // namespace

answer<exit_status> show_audit(session& in) {
  const auto limit = count_option(in, "--limit");
  if (!limit) return std::unexpected(limit.error());
  const auto said = in.call({.method = "GET",
                             .path = "/v1/audit",
                             .query = "limit=" + std::to_string(limit->value_or(100)),
                             .tried = {.what = "can't read the audit", .if_unknown = "try again"}});
  if (!said) return std::unexpected(said.error());
  if (in.json()) {
    in.print(said->body);
    return exit_status::done;
  }
  std::vector<row> rows;
  for (const json::value& entry : items_of(said->body)) {
    const auto status = count_of(entry, "status");
    const auto more = count_of(entry, "more");
    const std::string many = more ? " and " + std::to_string(*more) + " more" : "";
    rows.push_back({text_of(entry, "at"), text_of(entry, "token"), text_of(entry, "remote"),
                    text_of(entry, "did") + many, about(entry),
                    status ? std::to_string(*status) : ""});
  }
  in.print(table({"AT", "TOKEN", "FROM", "DID", "WHAT", "STATUS"}, rows, in.colours_out()));
  if (const auto lost = count_of(said->body, "lost"); lost && *lost > 0) {
    in.say(std::to_string(*lost) + " entries are lost: the server's log says why");
  }
  return exit_status::done;
}

}  // namespace peerage::cli
