#include <istream>
#include <ostream>
#include <string>

#include "cli/answers.h"
#include "cli/commands.h"
#include "cli/peers.h"
#include "model/name.h"

namespace peerage::cli {
namespace {

using names = std::vector<std::string>;

answer<names> named(const session& in) {
  names wanted;
  for (const std::string& each : in.asked.operands) {
    auto name = label_or_usage(each, "NAME");
    if (!name) return std::unexpected(name.error());
    wanted.push_back(std::move(*name));
  }
  return wanted;
}

/// Asks for what --stale has found; nothing of it is removed without a yes.
answer<void> agreed(session& in, std::size_t count) {
  if (in.asked.has("--yes")) return {};
  if (!in.world.in_is_terminal) {
    return wrong_usage("remove --stale asks first, and there is no terminal to ask on; look at " +
                       in.command_line("list --stale") + ", then give --yes");
  }
  in.world.err << "Remove "
               << (count == 1 ? "this peer" : "these " + std::to_string(count) + " peers")
               << "? [y/N] " << std::flush;
  std::string reply;
  std::getline(in.world.in, reply);
  if (reply == "y" || reply == "Y" || reply == "yes") return {};
  return give_up(exit_status::failed, "nothing was removed");
}

answer<names> stale_ones(session& in, const std::string& network, seconds stale) {
  const auto list = peers_of(in, network, stale);
  if (!list) return std::unexpected(list.error());
  names wanted;
  for (const json::value& peer : items_of(*list)) {
    // A name goes into a path; what is no label is no peer of ours.
    if (std::string name = text_of(peer, "name"); is_label(name)) wanted.push_back(std::move(name));
  }
  if (wanted.empty()) return wanted;
  if (!in.json()) in.world.err << peer_table(in, *list, in.colours_err());
  if (auto yes = agreed(in, wanted.size()); !yes) return std::unexpected(yes.error());
  return wanted;
}

answer<names> choose(session& in, const std::string& network, const std::optional<seconds>& stale) {
  if (!stale) return named(in);
  auto wanted = stale_ones(in, network, *stale);
  if (wanted && wanted->empty()) in.say("no peer of " + network + " is stale");
  return wanted;
}

json::object problem_of(const failure& failed, const std::string& name) {
  json::object entry{{"name", name}, {"message", failed.message}};
  if (failed.problem) entry["problem"] = *failed.problem;
  return entry;
}

/// Says how each one ended. The worst of them is how the command ended.
exit_status report(session& in, const names& wanted, const std::vector<answer<api_answer>>& ends) {
  json::array removed, pending, failed;
  bool unreachable = false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::string& name = wanted[i];
    if (!ends[i]) {
      unreachable = unreachable || ends[i].error().status == exit_status::unreachable;
      failed.push_back(problem_of(ends[i].error(), name));
      in.say("peerage: " + ends[i].error().message);
    } else if (ends[i]->status == 202) {
      pending.push_back(json::value(name));
      in.say(name +
             ": pending; it is out of the store, and its gateway has yet to confirm that it "
             "is gone");
    } else {
      removed.push_back(json::value(name));
      in.say(name + ": removed");
    }
  }
  const exit_status ended = unreachable        ? exit_status::unreachable
                            : !failed.empty()  ? exit_status::failed
                            : !pending.empty() ? exit_status::pending
                                               : exit_status::done;
  if (in.json()) {
    in.print(json::value(json::object{{"removed", std::move(removed)},
                                      {"pending", std::move(pending)},
                                      {"failed", std::move(failed)}}));
  }
  return ended;
}

}  // namespace

answer<exit_status> remove_peers(session& in) {
  const auto stale = duration_option(in, "--stale");
  if (!stale) return std::unexpected(stale.error());
  if (stale->has_value() == !in.asked.operands.empty()) {
    return wrong_usage("remove needs either NAME… or --stale; see `peerage help remove`");
  }
  if (auto checked = named(in); !checked) return std::unexpected(checked.error());
  const auto network = in.network();
  if (!network) return std::unexpected(network.error());
  const auto wanted = choose(in, *network, *stale);
  if (!wanted) return std::unexpected(wanted.error());
  std::vector<api_call> calls;
  calls.reserve(wanted->size());
  for (const std::string& name : *wanted) {
    calls.push_back({.method = "DELETE",
                     .path = "/v1/networks/" + *network + "/peers/" + name,
                     .tried = {.what = "can't remove " + name + " from " + *network,
                               .if_missing = in.command_line("list") + " shows which there are",
                               .if_unknown = "the same command again settles it"}});
  }
  return report(in, *wanted, in.call_each(std::move(calls)));
}

}  // namespace peerage::cli
