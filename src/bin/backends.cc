#include "bin/backends.h"

#include <utility>

#include "bin/files.h"
#include "bin/host.h"
#include "consul/store.h"
#include "local/bus.h"
#include "log/log.h"
#include "sqlite/mirror.h"
#include "sqlite/sightings.h"
#include "sqlite/store.h"

namespace peerage {
namespace {

result<std::unique_ptr<store>> open_store(asio::any_io_executor loop, clock& time,
                                          const store_config& config, std::string process_id) {
  if (config.kind == store_kind::sqlite) return open_sqlite_store(loop, config.path);
  consul_options options;
  options.address = config.address;
  options.prefix = config.prefix;
  options.api_id = std::move(process_id);
  options.ca_file = config.tls.ca;
  options.cert_file = config.tls.cert;
  options.key_file = config.tls.key;
  if (!config.token_file.empty()) {
    auto token = read_private_file(config.token_file);
    if (!token) return std::unexpected(std::move(token.error()));
    options.token = *std::move(token);
  }
  options.on_corrupt = [](const std::string& key, const std::string& why) {
    log::error("a value in Consul is not ours, and is passed over", {{"key", key}, {"why", why}});
  };
  return open_consul_store(loop, time, std::move(options));
}

std::unique_ptr<nats_bus> open_nats(asio::any_io_executor loop, clock& time,
                                    const daemon_config& config) {
  nats_options options;
  options.servers = config.bus.servers;
  options.name = "peeraged on " + host_name();
  if (config.gateway) options.region = config.gateway->region.text();
  options.credentials_file = config.bus.credentials_file;
  options.nkey_file = config.bus.nkey_file;
  options.ca_file = config.bus.tls.ca;
  options.cert_file = config.bus.tls.cert;
  options.key_file = config.bus.tls.key;
  return make_nats_bus(loop, time, std::move(options));
}

}  // namespace

result<backends> open_backends(asio::any_io_executor loop, clock& time, const daemon_config& config,
                               std::string process_id) {
  backends made;
  auto opened = open_store(loop, time, config.store, std::move(process_id));
  if (!opened) return std::unexpected(std::move(opened.error()));
  made.store = *std::move(opened);
  if (config.bus.kind == bus_kind::nats) {
    auto nats = open_nats(loop, time, config);
    made.nats = nats.get();
    made.bus = std::move(nats);
  } else {
    made.bus = make_local_bus(time);
  }
  if (config.gateway && config.store.kind != store_kind::sqlite) {
    auto mirror = open_sqlite_mirror(config.state_dir + "/mirror.db");
    if (!mirror) return std::unexpected(std::move(mirror.error()));
    made.mirror = *std::move(mirror);
  }
  if (config.gateway) {
    auto seen = open_sqlite_sightings(config.state_dir + "/sightings.db", time.now());
    if (!seen) return std::unexpected(std::move(seen.error()));
    made.seen = *std::move(seen);
  }
  return made;
}

}  // namespace peerage
