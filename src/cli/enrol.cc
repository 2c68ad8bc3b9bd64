#include <ostream>

#include "base/base64.h"
#include "cli/answers.h"
#include "cli/commands.h"
#include "cli/file.h"
#include "cli/output.h"
#include "cli/qr.h"
#include "cli/wg_quick.h"
#include "crypto/random.h"
#include "crypto/x25519.h"

namespace peerage::cli {
namespace {

/// Everything that is decided, made and checked here before the server hears of it.
struct preparation {
  std::string name;
  peerage::public_key public_key;
  std::optional<secret_key> private_key;  // absent: --public-key
  std::optional<secret_key> preshared_key;
  std::optional<private_file> file;  // absent: standard output
};

answer<std::optional<private_file>> prepare_file(const session& in) {
  const auto path = in.asked.value("--file");
  if (!path) {
    if (in.asked.has("--force")) return wrong_usage("--force needs --file");
    return std::optional<private_file>();
  }
  if (const auto fits = check_wg_quick_name(*path); !fits) return wrong_usage(fits.error().message);
  auto file = private_file::prepare(*path, in.asked.has("--force"));
  if (!file) return give_up(exit_status::failed, file.error().message + "; nothing was enrolled");
  return std::optional<private_file>(std::move(*file));
}

answer<preparation> prepare(const session& in) {
  preparation made;
  const auto& operands = in.asked.operands;
  // A name of our own, so that the person knows what to look for when the answer is lost.
  auto name = label_or_usage(operands.empty() ? "peer-" + random_label(8) : operands[0], "NAME");
  if (!name) return std::unexpected(name.error());
  made.name = std::move(*name);
  if (const auto given = in.asked.value("--public-key")) {
    const auto key = public_key::parse(*given);
    if (!key) return wrong_usage("--public-key " + key.error().message);
    made.public_key = *key;
  } else {
    made.private_key = make_private_key();
    made.public_key = public_of(*made.private_key);
  }
  if (in.asked.has("--preshared")) made.preshared_key = make_preshared_key();
  auto file = prepare_file(in);
  if (!file) return std::unexpected(file.error());
  if (*file) made.file.emplace(std::move(**file));
  return made;
}

/// "on gw-fra-1 (fra)"
std::string placed(const json::value& peer) {
  const json::value& gateway = member(peer, "gateway");
  return "on " + text_of(gateway, "name") + " (" + text_of(gateway, "region") + ")";
}

/// "1.3 ms", or nothing where the answer doesn't say.
std::string stage_time(const json::value& peer, std::string_view stage) {
  const json::value& took = member(member(peer, "timing_ms"), stage);
  if (const auto* real = took.if_double()) return human_milliseconds(*real);
  const auto whole = count_of(member(peer, "timing_ms"), stage);
  return whole ? human_milliseconds(static_cast<double>(*whole)) : std::string();
}

/// " in 1.3 ms (store 0.9 ms, gateway 0.1 ms, device 0.3 ms)"
std::string in_time(const json::value& peer) {
  const std::string total = stage_time(peer, "total");
  if (total.empty()) return {};
  std::string stages;
  for (const char* stage : {"store", "gateway", "device"}) {
    const std::string took = stage_time(peer, stage);
    if (took.empty()) continue;
    stages += (stages.empty() ? "" : ", ") + std::string(stage) + " " + took;
  }
  return " in " + total + (stages.empty() ? "" : " (" + stages + ")");
}

answer<void> show_qr(session& in, std::string_view text) {
  const auto modules = qr_encode(text);
  if (!modules) return give_up(exit_status::failed, modules.error().message);
  in.world.err << qr_picture(*modules, in.colours_err());
  return {};
}

/// The peer is in the store: from here on, whatever fails must not hide that.
answer<exit_status> hand_over(session& in, preparation& made, api_answer said) {
  const std::string enrolled = made.name + " is enrolled " + placed(said.body) + ", but ";
  const std::string next = "; " + in.command_line("reset " + made.name) + " makes a new file";
  auto text = wg_quick_text(said.body, made.private_key, made.preshared_key);
  if (!text) return give_up(exit_status::failed, enrolled + text.error().message);
  if (text_of(said.body, "public_key") != made.public_key.text()) {
    return give_up(exit_status::failed, enrolled + "the server says another public key" + next);
  }
  if (made.file) {
    if (const auto kept = made.file->keep(text->reveal()); !kept) {
      return give_up(exit_status::failed, enrolled + kept.error().message);
    }
  }
  if (in.json()) {
    json::value data = said.body;
    data.as_object()["config"] = text->reveal();
    in.print(data);
  } else if (!made.file) {
    in.print(text->reveal());
  }
  in.world.out.flush();
  if (!in.world.out) {
    return give_up(exit_status::failed, enrolled + "standard output took no file" + next);
  }
  if (in.asked.has("--qr")) {
    if (auto shown = show_qr(in, text->reveal()); !shown) return std::unexpected(shown.error());
  }
  if (made.file) in.say("wrote " + made.file->path());
  if (said.status != 202 && text_of(said.body, "state") == "live") {
    in.say(made.name + ": live " + placed(said.body) + in_time(said.body));
    return exit_status::done;
  }
  const std::string reason = text_of(said.body, "reason");
  in.say(made.name + ": pending " + placed(said.body) + (reason.empty() ? "" : ": " + reason));
  in.say("It is stored, and becomes live when the gateway has caught up; " +
         in.command_line("status " + made.name) + " tells");
  return exit_status::pending;
}

json::object key_members(const preparation& made) {
  json::object body{{"public_key", made.public_key.text()}};
  if (made.preshared_key) body["preshared_key"] = base64_encode(made.preshared_key->reveal());
  return body;
}

/// --region, --gateway and --ttl into the body; the place as a phrase for messages.
answer<std::string> place_members(const session& in, json::object& body) {
  std::string place;
  for (const std::string_view option : {"--gateway", "--region"}) {
    const auto given = in.asked.value(option);
    if (!given) continue;
    const auto name = label_or_usage(*given, option);
    if (!name) return std::unexpected(name.error());
    const std::string_view what = option.substr(2);
    body[{what.data(), what.size()}] = *name;
    place += (place.empty() ? " on " : " in ") + std::string(what) + " " + *name;
  }
  const auto ttl = duration_option(in, "--ttl");
  if (!ttl) return std::unexpected(ttl.error());
  if (*ttl) body["ttl_s"] = (*ttl)->count();
  return place;
}

}  // namespace

answer<exit_status> create_peer(session& in) {
  json::object body;
  const auto place = place_members(in, body);
  if (!place) return std::unexpected(place.error());
  auto made = prepare(in);
  if (!made) return std::unexpected(made.error());
  const auto network = in.network();
  if (!network) return std::unexpected(network.error());

  const std::string& name = made->name;
  body["name"] = name;
  for (auto& each : key_members(*made)) body[each.key()] = std::move(each.value());
  auto said =
      in.call({.method = "POST",
               .path = "/v1/networks/" + *network + "/peers",
               .body = std::move(body),
               .tried = {.what = "can't enrol " + name + " in " + *network + *place,
                         .if_missing = "`peerage networks` and `peerage gateways` show "
                                       "what there is",
                         .if_taken = "give another name, or a new key to the peer that "
                                     "has it: " +
                                     in.command_line("reset " + name),
                         .if_unknown = "nobody knows whether it is enrolled: " +
                                       in.command_line("show " + name) + " tells; if it is, " +
                                       in.command_line("reset " + name) +
                                       " gives it a key that you have"}});
  if (!said) return std::unexpected(std::move(said.error()));
  return hand_over(in, *made, std::move(*said));
}

answer<exit_status> reset_peer(session& in) {
  auto made = prepare(in);
  if (!made) return std::unexpected(made.error());
  const auto network = in.network();
  if (!network) return std::unexpected(network.error());
  const std::string path = "/v1/networks/" + *network + "/peers/" + made->name;
  const attempt tried = {.what = "can't reset " + made->name + " in " + *network,
                         .if_missing = in.command_line("list") + " shows which there are",
                         .if_taken = "try again with a new key",
                         .if_unknown = "the same command again settles it"};
  // PUT would make a peer that is not there.
  auto found = in.call({.method = "GET", .path = path, .tried = tried});
  if (!found) return std::unexpected(std::move(found.error()));
  json::object body = key_members(*made);
  // The old preshared key is not known here, and a file without it would not work.
  if (!made->preshared_key) body["preshared_key"] = nullptr;
  auto said = in.call({.method = "PUT", .path = path, .body = std::move(body), .tried = tried});
  if (!said) return std::unexpected(std::move(said.error()));
  return hand_over(in, *made, std::move(*said));
}

}  // namespace peerage::cli
