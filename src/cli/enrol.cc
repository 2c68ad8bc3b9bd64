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

// Bytes of the disk that are taken before the server hears of it: more than these files ever have.
constexpr std::size_t room_for_file = 16 * 1024;
constexpr std::size_t room_for_qr = 512 * 1024;

/// Everything that is decided, made and checked here before the server hears of it.
struct preparation {
  std::string name;
  peerage::public_key public_key;
  std::optional<secret_key> private_key;  // absent: --public-key
  std::optional<secret_key> preshared_key;
  std::optional<private_file> file;  // absent: standard output
  std::optional<private_file> qr_file;
  std::optional<family> only;  // what the file is of; absent: both families
  bool only_asked = false;     // by an option, and not found out from this host
};

answer<std::optional<private_file>> prepare_file(const session& in) {
  const auto path = in.asked.value("--file");
  if (!path) {
    const bool forced = in.asked.has("--force") && !in.asked.has("--qr-file");
    if (forced) return wrong_usage("--force needs --file or --qr-file");
    return std::optional<private_file>();
  }
  if (const auto fits = check_wg_quick_name(*path); !fits) return wrong_usage(fits.error().message);
  auto file = private_file::prepare(*path, in.asked.has("--force"), room_for_file);
  if (!file) return give_up(exit_status::failed, file.error().message + "; nothing was enrolled");
  return std::optional<private_file>(std::move(*file));
}

answer<std::optional<private_file>> prepare_qr_file(const session& in) {
  const auto path = in.asked.value("--qr-file");
  if ((path || in.asked.has("--qr")) && in.asked.has("--public-key")) {
    return wrong_usage(std::string(path ? "--qr-file" : "--qr") +
                       " needs the private key in it, which --public-key leaves where it is");
  }
  if (!path) return std::optional<private_file>();
  if (!path->ends_with(".png") && !path->ends_with(".svg")) {
    return wrong_usage("--qr-file must end with .png or .svg");
  }
  auto file = private_file::prepare(*path, in.asked.has("--force"), room_for_qr);
  if (!file) return give_up(exit_status::failed, file.error().message + "; nothing was enrolled");
  return std::optional<private_file>(std::move(*file));
}

answer<void> choose_families(const session& in, preparation& into) {
  const bool v4 = in.asked.has("--ipv4-only"), v6 = in.asked.has("--ipv6-only");
  if (v4 && v6) return wrong_usage("--ipv4-only and --ipv6-only leave nothing");
  into.only_asked = v4 || v6;
  if (v6) into.only = family::ipv6;
  if (v4 || (!v6 && !in.world.ipv6_works)) into.only = family::ipv4;
  return {};
}

answer<preparation> prepare(const session& in) {
  preparation made;
  if (auto chosen = choose_families(in, made); !chosen) return std::unexpected(chosen.error());
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
  auto qr_file = prepare_qr_file(in);
  if (!qr_file) return std::unexpected(qr_file.error());
  if (*qr_file) made.qr_file.emplace(std::move(**qr_file));
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

/// --qr and --qr-file.
answer<void> give_qr(session& in, preparation& made, std::string_view file_text) {
  if (!in.asked.has("--qr") && !made.qr_file) return {};
  const secret_text text = without_comments(file_text);
  const auto modules = qr_encode(text.reveal());
  if (!modules) return give_up(exit_status::failed, modules.error().message);
  if (made.qr_file) {
    const bool svg = made.qr_file->path().ends_with(".svg");
    const auto image = svg ? result<std::string>(qr_svg(*modules)) : qr_png(*modules);
    if (!image) return give_up(exit_status::failed, image.error().message);
    if (const auto kept = made.qr_file->keep(*image); !kept) {
      return give_up(exit_status::failed, kept.error().message);
    }
    in.say("wrote " + made.qr_file->path());
  }
  if (!in.asked.has("--qr")) return {};
  const std::size_t wide = qr_width(*modules), columns = in.world.err_columns;
  if (columns != 0 && wide > columns) {
    in.say("the QR code is " + std::to_string(wide) + " columns wide, and this terminal has " +
           std::to_string(columns) +
           ": make it wider or its letters smaller, or use --qr-file F.png");
    return {};
  }
  in.world.err << qr_picture(*modules, in.colours_err());
  return {};
}

constexpr std::string_view how_to_get_ipv4 =
    "make a network with IPv4 (`peerage networks create NAME --ipv4 10.7.0.0/16`) and enrol in "
    "that, or switch this host's IPv6 on (net.ipv6.conf.all.disable_ipv6 = 0; for a container "
    "`docker run --sysctl net.ipv6.conf.all.disable_ipv6=0`)";

/// Before anything is enrolled: a network without IPv4 makes no file of it.
answer<void> check_family(session& in, const preparation& made, const std::string& network) {
  if (!made.only_asked || made.only != family::ipv4) return {};
  const auto said = in.call({.method = "GET",
                             .path = "/v1/networks/" + network,
                             .tried = {.what = "can't look at network " + network,
                                       .if_missing = "`peerage networks` shows which there are",
                                       .if_unknown = "nothing was enrolled; try again"}});
  if (!said) return std::unexpected(said.error());
  if (!text_of(said->body, "ipv4").empty()) return {};
  return give_up(exit_status::failed, "network " + network +
                                          " has no IPv4 range, so that --ipv4-only leaves nothing; "
                                          "nothing was enrolled; " +
                                          std::string(how_to_get_ipv4));
}

struct made_text {
  secret_text text;
  std::string unlike;  // why it is not of the family that was asked for; empty: it is
};

/// The file's text. Where a file of one family can't be, the whole one: its key is nowhere else,
/// and a host without IPv6 may have it made for another.
result<made_text> file_text(session& in, const preparation& made, const json::value& peer) {
  const auto text_of_families = [&](std::optional<family> only) {
    return wg_quick_text(peer, made.private_key, made.preshared_key, only);
  };
  auto text = text_of_families(made.only);
  if (text && made.only && !made.only_asked) {
    in.say("this host has no IPv6: the file is of IPv4 alone, as with --ipv4-only");
  }
  if (text) return made_text{*std::move(text), {}};
  if (text.error().code != errc::unsupported) return std::unexpected(text.error());
  std::string why = text.error().message;
  const bool to_get = text.error().field != "gateway.endpoint" || !made.only_asked;
  if (to_get && made.only == family::ipv4) why += "; " + std::string(how_to_get_ipv4);
  auto whole = text_of_families({});
  if (!whole) return std::unexpected(whole.error());
  if (made.only_asked) return made_text{*std::move(whole), std::move(why)};
  in.say(
      "this host has no IPv6, so wg-quick will refuse the file here, and one without it can't be "
      "made: " +
      why);
  return made_text{*std::move(whole), {}};
}

/// The peer is in the store: from here on, whatever fails must not hide that.
answer<exit_status> hand_over(session& in, preparation& made, api_answer said) {
  const std::string enrolled = made.name + " is enrolled " + placed(said.body) + ", but ";
  const std::string next = "; " + in.command_line("reset " + made.name) + " makes a new file";
  auto file = file_text(in, made, said.body);
  if (!file) return give_up(exit_status::failed, enrolled + file.error().message + next);
  const secret_text* const text = &file->text;
  if (text_of(said.body, "public_key") != made.public_key.text()) {
    return give_up(exit_status::failed, enrolled + "the server says another public key" + next);
  }
  if (made.file) {
    if (const auto kept = made.file->keep(text->reveal()); !kept) {
      return give_up(exit_status::failed, enrolled + kept.error().message + next);
    }
    in.say("wrote " + made.file->path());
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
  if (auto given = give_qr(in, made, text->reveal()); !given) {
    given.error().message = enrolled + given.error().message;
    return std::unexpected(given.error());
  }
  if (!file->unlike.empty()) {
    return give_up(exit_status::failed, enrolled + file->unlike +
                                            ". The file has the addresses of both families: it is "
                                            "the only place of its key");
  }
  if (said.status != 202 && text_of(said.body, "state") == "live") {
    in.say(made.name + ": live " + placed(said.body) + in_time(said.body));
    return exit_status::done;
  }
  const std::string reason = text_of(said.body, "reason");
  in.say(made.name + ": pending " + placed(said.body) + (reason.empty() ? "" : ": " + reason));
  // A reason may be one that time does not end.
  in.say((reason.empty() ? "It is stored, and becomes live when the gateway has caught up; "
                         : "It is stored, and not live for as long as that is so; ") +
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

  if (auto fits = check_family(in, *made, *network); !fits) return std::unexpected(fits.error());

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
                         .taken_field = "name",
                         .if_said = {{"this token may not change it", ""}},
                         .if_unknown = "nobody knows whether it is enrolled: " +
                                       in.command_line("show " + name) + " tells; if it is, " +
                                       in.command_line("reset " + name) +
                                       " gives it a key that you have"}});
  if (!said) return std::unexpected(std::move(said.error()));
  return hand_over(in, *made, std::move(*said));
}

answer<exit_status> reset_peer(session& in) {
  json::object body;
  const auto place = place_members(in, body);
  if (!place) return std::unexpected(place.error());
  auto made = prepare(in);
  if (!made) return std::unexpected(made.error());
  const auto network = in.network();
  if (!network) return std::unexpected(network.error());
  if (auto fits = check_family(in, *made, *network); !fits) return std::unexpected(fits.error());
  const std::string path = "/v1/networks/" + *network + "/peers/" + made->name;
  const attempt tried = {.what = "can't reset " + made->name + " in " + *network + *place,
                         .if_missing = in.command_line("list") + " shows which there are",
                         .if_taken = "try again with a new key",
                         .if_unknown = "the same command again settles it"};
  // PUT would make a peer that is not there.
  auto found = in.call({.method = "GET", .path = path, .tried = tried});
  if (!found) return std::unexpected(std::move(found.error()));
  for (auto& each : key_members(*made)) body[each.key()] = std::move(each.value());
  // The old preshared key is not known here, and a file without it would not work.
  if (!made->preshared_key) body["preshared_key"] = nullptr;
  auto said = in.call({.method = "PUT", .path = path, .body = std::move(body), .tried = tried});
  if (!said) return std::unexpected(std::move(said.error()));
  return hand_over(in, *made, std::move(*said));
}

}  // namespace peerage::cli
