#include "cli/settings.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "cli/file.h"
#include "cli/listener.h"
#include "config/config.h"
#include "http/client.h"
#include "model/name.h"

namespace peerage::cli {
namespace {

constexpr std::size_t config_limit = 64 * 1024;
constexpr std::size_t token_limit = 4096;

answer<client_config> read_config(const surroundings& world) {
  const std::string home = world.variable("HOME");
  if (home.empty()) return client_config{};
  const std::string path = home + "/.config/peerage/config.toml";
  const auto text = read_file(path, config_limit);
  if (!text) {
    if (text.error().code == errc::not_found) return client_config{};
    return wrong_usage(text.error().message);
  }
  auto config = parse_client_config(*text, path);
  if (!config) return wrong_usage(config.error().message);
  for (std::string* each : {&config->token_file, &config->ca_file}) {
    if (each->starts_with("~/")) each->replace(0, 1, home);
  }
  return std::move(*config);
}

/// A token goes into a header line, so that only visible ASCII can be one. No message repeats it.
answer<secret_text> checked_token(std::string text, const std::string& source) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.pop_back();
  }
  const auto visible = [](char c) { return c > ' ' && c < 0x7f; };
  const bool fits = !text.empty() && std::all_of(text.begin(), text.end(), visible);
  secret_text token(std::move(text));
  if (!fits) return wrong_usage(source + " holds no token: one line of visible characters");
  return token;
}

answer<secret_text> token_from(const std::string& path, std::string* warning = nullptr) {
  struct stat found{};
  if (warning != nullptr && ::stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode) &&
      (found.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
    *warning = "every user of this host can read or change " + path + ": chmod 600 " + path;
  }
  auto text = read_file(path, token_limit);
  if (!text) return wrong_usage(text.error().message);
  return checked_token(std::move(*text), path);
}

/// In the state_dir itself, where nobody but root and the daemon makes anything.
bool is_daemons_socket(const std::string& server, const surroundings& world) {
  constexpr std::string_view scheme = "unix:";
  if (!server.starts_with(scheme)) return false;
  const std::filesystem::path path = server.substr(scheme.size());
  return path.parent_path() == std::filesystem::path(world.admin_token_file).parent_path();
}

answer<void> find_token(const invocation& asked, const surroundings& world,
                        const client_config& config, settings& into) {
  const auto put = [&](answer<secret_text> token) -> answer<void> {
    if (!token) return std::unexpected(token.error());
    into.token = std::move(*token);
    return {};
  };
  if (const auto file = asked.value("--token-file")) return put(token_from(*file, &into.warning));
  if (const std::string text = world.variable("PEERAGE_TOKEN"); !text.empty()) {
    return put(checked_token(text, "PEERAGE_TOKEN"));
  }
  if (!config.token_file.empty()) return put(token_from(config.token_file, &into.warning));
  into.token_note =
      "set PEERAGE_TOKEN, or give --token-file; a daemon's own is STATE_DIR/admin-token";
  if (into.server != default_server && !is_daemons_socket(into.server, world)) return {};
  auto text = read_file(world.admin_token_file, token_limit);
  into.token_note +=
      "; where that is lost, `peeraged --new-admin-token` on the daemon's host makes another";
  into.token_is_daemons = text.has_value();
  if (text) return put(checked_token(std::move(*text), world.admin_token_file));
  if (text.error().code == errc::denied) {
    into.token_note += "; this user can't read the daemon's own, " + world.admin_token_file;
  }
  return {};
}

/// The daemon's socket, where its operator has put one there: api.listen = "unix:…".
std::string default_of(const surroundings& world) {
  const auto socket = std::filesystem::path(world.admin_token_file).parent_path() / "peerage.sock";
  std::error_code failure;
  const bool there = std::filesystem::is_socket(socket, failure);
  return there ? "unix:" + socket.string() : std::string(default_server);
}

}  // namespace

answer<settings> find_settings(const invocation& asked, const surroundings& world) {
  const auto config = read_config(world);
  if (!config) return std::unexpected(config.error());

  const auto first_of = [&](std::string_view flag, std::string_view variable,
                            const std::string& configured) {
    if (auto given = asked.value(flag)) return *given;
    const std::string set = world.variable(variable);
    return set.empty() ? configured : set;
  };
  settings found;
  // Nobody chose who is to get the token: whoever listens there is looked at first.
  const bool chosen = !first_of("--server", "PEERAGE_SERVER", config->server).empty();
  found.server = first_of("--server", "PEERAGE_SERVER", config->server);
  if (found.server.empty()) found.server = default_of(world);
  if (found.server.ends_with('/')) found.server.pop_back();
  const auto url = http::parse_base_url(found.server);
  if (!url) return wrong_usage("the server's URL is not usable: " + url.error().message);
  const bool here = url->host == "localhost" && url->port == default_port && !url->tls;
  if (here) found.server = default_server;
  // The config's is for the servers that need one.
  found.ca_file = asked.value("--ca-file").value_or(url->tls ? config->ca_file : "");
  found.network = first_of("--network", "PEERAGE_NETWORK", config->network);
  if (!found.network.empty() && !is_label(found.network)) {
    return wrong_usage("the network that is set must have a name of 1 to 63 of a-z, 0-9 and -");
  }
  if (auto token = find_token(asked, world, *config, found); !token) {
    return std::unexpected(token.error());
  }
  const bool unasked = found.server == default_server && (!chosen || found.token_is_daemons);
  if (unasked && !found.token.reveal().empty()) {
    const std::string folder = std::filesystem::path(world.admin_token_file).parent_path();
    if (auto known = check_listener(world.proc_net, default_port, folder); !known) {
      return give_up(exit_status::failed, known.error().message);
    }
  }
  return found;
}

}  // namespace peerage::cli
