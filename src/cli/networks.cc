#include "cli/answers.h"
#include "cli/commands.h"
#include "cli/output.h"

namespace peerage::cli {
namespace {

constexpr std::string_view which = "`peerage networks` shows which there are";

std::string network_details(const session& in, const json::value& network) {
  const auto created = time_of(network, "created_at");
  return details({{"name", text_of(network, "name")},
                  {"IPv6", text_of(network, "ipv6")},
                  {"IPv4", text_of(network, "ipv4")},
                  {"DNS", joined(network, "dns")},
                  {"allowed IPs", joined(network, "allowed_ips")},
                  {"created", created ? human_time(*created, in.world.now()) : ""}},
                 in.colours_out());
}

void print_network(session& in, const json::value& network) {
  if (in.json()) {
    in.print(network);
  } else {
    in.print(network_details(in, network));
  }
}

json::array texts(const std::vector<std::string>& from) {
  json::array list;
  for (const std::string& each : from) list.push_back(json::value(each));
  return list;
}

}  // namespace

answer<exit_status> list_networks(session& in) {
  const auto list =
      in.call_for_list({.method = "GET",
                        .path = "/v1/networks",
                        .tried = {.what = "can't list the networks", .if_unknown = "try again"}});
  if (!list) return std::unexpected(list.error());
  if (in.json()) {
    in.print(*list);
    return exit_status::done;
  }
  std::vector<row> rows;
  for (const json::value& network : items_of(*list)) {
    rows.push_back({text_of(network, "name"), text_of(network, "ipv6"), text_of(network, "ipv4"),
                    joined(network, "dns")});
  }
  if (rows.empty()) {
    in.say("there is no network yet; make one with `peerage networks create NAME`");
  } else {
    in.print(table({"NAME", "IPV6", "IPV4", "DNS"}, rows, in.colours_out()));
  }
  return exit_status::done;
}

answer<exit_status> create_network(session& in) {
  const auto name = label_or_usage(in.asked.operands.front(), "NAME");
  if (!name) return std::unexpected(name.error());
  json::object body{{"name", *name}};
  if (const auto given = in.asked.value("--ipv6")) body["ipv6"] = *given;
  if (const auto given = in.asked.value("--ipv4")) body["ipv4"] = *given;
  if (in.asked.has("--dns")) body["dns"] = texts(in.asked.list("--dns"));
  if (in.asked.has("--allowed-ips")) body["allowed_ips"] = texts(in.asked.list("--allowed-ips"));
  auto said = in.call(
      {.method = "POST",
       .path = "/v1/networks",
       .body = std::move(body),
       .tried = {.what = "can't make the network " + *name,
                 .if_taken = "`peerage networks` shows what is taken",
                 .if_unknown = "`peerage networks show " + *name + "` tells whether it was made"}});
  if (!said) return std::unexpected(std::move(said.error()));
  print_network(in, said->body);
  in.say(*name + ": made; `peerage create NAME --network " + *name + "` enrols a peer in it");
  return exit_status::done;
}

answer<exit_status> show_network(session& in) {
  const auto name = label_or_usage(in.asked.operands.front(), "NAME");
  if (!name) return std::unexpected(name.error());
  auto said = in.call({.method = "GET",
                       .path = "/v1/networks/" + *name,
                       .tried = {.what = "can't see the network " + *name,
                                 .if_missing = std::string(which),
                                 .if_unknown = "try again"}});
  if (!said) return std::unexpected(std::move(said.error()));
  print_network(in, said->body);
  return exit_status::done;
}

answer<exit_status> remove_network(session& in) {
  const auto name = label_or_usage(in.asked.operands.front(), "NAME");
  if (!name) return std::unexpected(name.error());
  auto said =
      in.call({.method = "DELETE",
               .path = "/v1/networks/" + *name,
               .tried = {.what = "can't remove the network " + *name,
                         .if_missing = std::string(which),
                         .if_taken = "`peerage list --network " + *name + "` shows its peers",
                         .if_unknown = "the same command again settles it"}});
  if (!said) return std::unexpected(std::move(said.error()));
  in.say(*name + ": removed");
  return exit_status::done;
}

}  // namespace peerage::cli
