#include "bin/backends.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "bin/files.h"
#include "bin/host.h"
#include "consul/roster.h"
#include "consul/store.h"
#include "crypto/x25519.h"
#include "local/bus.h"
#include "local/roster.h"
#include "log/log.h"
#include "sqlite/copy.h"
#include "sqlite/mirror.h"
#include "sqlite/sightings.h"
#include "sqlite/store.h"

namespace peerage {
namespace {

/// A token goes into a header line. The message does not repeat it.
result<secret_text> read_token(const std::string& file) {
  auto token = read_secret_file(file);
  if (!token) return token;
  const auto visible = [](char c) { return c > ' ' && c < 0x7f; };
  const std::string_view text = token->reveal();
  if (!text.empty() && std::all_of(text.begin(), text.end(), visible)) return token;
  return fail(errc::invalid, file + " holds no token: one line of visible characters");
}

/// Of those that are configured.
result<> check_secret_files(std::initializer_list<std::string> files) {
  for (const std::string& each : files) {
    if (each.empty()) continue;
    if (auto safe = check_secret_file(each); !safe) return safe;
  }
  return {};
}

result<consul_options> consul_options_of(const store_config& config, std::string process_id) {
  consul_options options;
  options.address = config.address;
  options.prefix = config.prefix;
  options.api_id = std::move(process_id);
  options.ca_file = config.tls.ca;
  options.cert_file = config.tls.cert;
  options.key_file = config.tls.key;
  if (auto safe = check_secret_files({config.tls.key}); !safe) {
    return std::unexpected(std::move(safe.error()));
  }
  if (!config.token_file.empty()) {
    auto token = read_token(config.token_file);
    if (!token) return std::unexpected(std::move(token.error()));
    options.token = *std::move(token);
  }
  options.on_corrupt = [](const std::string& key, const std::string& why) {
    log::error("a value in Consul is not ours, and is passed over", {{"key", key}, {"why", why}});
  };
  return options;
}

/// What this process wrote last, for its next start: by it a store that was restored meanwhile is
/// known. Not fsynced: it is written every 2 s under load, and what a power cut loses hides a
/// restore of that moment alone.
std::string last_write_in(const std::string& file) {
  const auto before = read_private_file(file);
  return before ? std::string(before->reveal()) : std::string();
}

std::function<void(const std::string&)> keep_last_write_in(const std::string& file) {
  return [file](const std::string& now) {
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
    const int out = ::open(file.c_str(), flags, 0600);
    if (out < 0) return;
    if (!write_whole(out, now)) log::debug("the last write could not be kept", {});
    ::close(out);
  };
}

void log_disk(bool full, std::uint64_t kept) {
  if (full) {
    const std::string what = kept > 0 ? "creations are refused, removals still work"
                                      : "creations are refused, and perhaps removals";
    log::error("the disk of the store is full: " + what + "; free space",
               {{"needed_mb", 2 * reserve_bytes / 1'000'000}});
  } else {
    log::info("the disk of the store has space again: creations are taken", {});
  }
}

result<> open_store(asio::any_io_executor loop, clock& time, const daemon_config& config,
                    const std::string& process_id, purpose what, backends& into) {
  const bool shared = config.bus.kind == bus_kind::nats;
  if (config.store.kind == store_kind::sqlite) {
    sqlite_options options;
    if (what == purpose::work) {
      options.reserve_bytes = reserve_bytes;
      options.on_disk_full = [state = into.disk_full](bool full, std::uint64_t kept) {
        *state = full;
        log_disk(full, kept);
      };
    }
    if (what == purpose::work) {
      if (auto done = sqlite::finish_restoration(config.store.path); !done) return done;
      options.last_write = last_write_in(config.state_dir + "/last-writes");
      options.keep_last_write = keep_last_write_in(config.state_dir + "/last-writes");
      options.on_older_copy = [file = config.store.path] {
        log::warning(
            "the database is an older copy: what it lacks stays on the device until"
            " accept-removals",
            {{"file", file}});
      };
    }
    options.on_corrupt = [](const std::string& which, const std::string& why) {
      log::error("a record of the database can't be read, and is passed over",
                 {{"record", which}, {"why", why}});
    };
    auto opened = open_sqlite_store(loop, config.store.path, std::move(options));
    if (!opened) return std::unexpected(std::move(opened.error()));
    into.store = *std::move(opened);
    if (shared) into.roster = make_local_roster(loop);
    return {};
  }
  auto options = consul_options_of(config.store, process_id);
  if (!options) return std::unexpected(options.error());
  auto access = read_consul_access(*options);
  if (!access) return std::unexpected(std::move(access.error()));
  into.consul = std::make_shared<consul_access>(*std::move(access));
  options->access = into.consul;
  if (what == purpose::work && config.api) {
    options->last_writes = last_write_in(config.state_dir + "/last-writes");
    options->keep_last_writes = keep_last_write_in(config.state_dir + "/last-writes");
  }
  auto opened = open_consul_store(loop, time, *options);
  if (!opened) return std::unexpected(std::move(opened.error()));
  into.store = *std::move(opened);
  if (!shared) return {};
  auto roster = open_consul_roster(loop, time, *options);
  if (!roster) return std::unexpected(std::move(roster.error()));
  into.roster = *std::move(roster);
  return {};
}

result<nats_identity> identity_of(const daemon_config& config, const std::string& process_id,
                                  purpose what) {
  nats_identity made;
  if (what == purpose::look) {
    made.key = make_private_key();  // nobody hears of it
    return made;
  }
  if (config.api) made.api = process_id;
  auto key = load_or_make_key(config.state_dir + "/bus.key");
  if (!key) return std::unexpected(std::move(key.error()));
  made.key = *std::move(key);
  return made;
}

/// So that the server's permissions can keep one process's answers from the others.
std::string inbox_of(const daemon_config& config, const std::string& process_id) {
  if (config.api) return "_INBOX.api." + process_id;
  return "_INBOX.gateway." + config.gateway->name.text();
}

result<std::unique_ptr<nats_bus>> open_nats(asio::any_io_executor loop, clock& time,
                                            const daemon_config& config, roster& who,
                                            const std::string& process_id, purpose what) {
  const bus_config& on = config.bus;
  if (auto safe = check_secret_files({on.credentials_file, on.nkey_file, on.tls.key}); !safe) {
    return std::unexpected(std::move(safe.error()));
  }
  auto self = identity_of(config, process_id, what);
  if (!self) return std::unexpected(std::move(self.error()));
  nats_options options;
  options.inbox = inbox_of(config, process_id);
  options.servers = config.bus.servers;
  options.name = "peeraged on " + host_name();
  if (config.gateway) options.region = config.gateway->region.text();
  options.credentials_file = config.bus.credentials_file;
  options.nkey_file = config.bus.nkey_file;
  options.ca_file = config.bus.tls.ca;
  options.cert_file = config.bus.tls.cert;
  options.key_file = config.bus.tls.key;
  return make_nats_bus(loop, time, who, *std::move(self), std::move(options));
}

/// False, for whoever tells how it went.
bool say_kept(const char* what, const error& why) {
  log::error("what can't be read stays as it was", {{"what", what}, {"why", why.message}});
  return false;
}

bool reload_consul(const store_config& config, consul_access& with) {
  if (config.token_file.empty() && !with.tls) return true;
  const auto options = consul_options_of(config, {});
  if (!options) return say_kept("Consul's token", options.error());
  auto access = read_consul_access(*options);
  if (!access) {
    // The token is good whatever the other files are.
    with.token = options->token;
    return say_kept("the files for TLS with Consul", access.error());
  }
  with = *std::move(access);
  log::info("credentials for Consul reloaded", {{"file", config.token_file}});
  return true;
}

bool look_at_nats(const bus_config& config) {
  bool all = true;
  const auto look = [&all](result<> read) {
    if (!read) say_kept("the connection to NATS", read.error());
    all = all && read;
  };
  for (const std::string* file : {&config.nkey_file, &config.credentials_file, &config.tls.key}) {
    if (!file->empty()) look(check_secret_file(*file));
  }
  for (const std::string* file : {&config.tls.ca, &config.tls.cert}) {
    if (file->empty() || ::access(file->c_str(), R_OK) == 0) continue;
    look(fail(errc::io, *file + ": " + std::generic_category().message(errno)));
  }
  if (all) log::info("the next connection to NATS reads its credentials again", {});
  return all;
}

}  // namespace

bool reload_credentials(const daemon_config& config, backends& with) {
  const bool store = !with.consul || reload_consul(config.store, *with.consul);
  const bool bus = with.nats == nullptr || look_at_nats(config.bus);
  return store && bus;
}

result<backends> open_backends(asio::any_io_executor loop, clock& time, const daemon_config& config,
                               std::string process_id, purpose what) {
  backends made;
  if (auto opened = open_store(loop, time, config, process_id, what, made); !opened) {
    return std::unexpected(std::move(opened.error()));
  }
  if (config.bus.kind == bus_kind::nats) {
    auto nats = open_nats(loop, time, config, *made.roster, process_id, what);
    if (!nats) return std::unexpected(std::move(nats.error()));
    made.nats = nats->get();
    made.bus = *std::move(nats);
  } else {
    made.bus = make_local_bus(time);
  }
  if (what == purpose::look || !config.gateway) return made;
  if (config.store.kind != store_kind::sqlite) {
    auto mirror = open_sqlite_mirror(config.state_dir + "/mirror.db");
    if (!mirror) return std::unexpected(std::move(mirror.error()));
    made.mirror = *std::move(mirror);
  }
  auto seen = open_sqlite_sightings(config.state_dir + "/sightings.db", time.now());
  if (!seen) return std::unexpected(std::move(seen.error()));
  made.seen = *std::move(seen);
  return made;
}

}  // namespace peerage
