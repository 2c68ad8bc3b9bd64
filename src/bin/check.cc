#include "bin/check.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include "api/api.h"
#include "base/url.h"
#include "bin/api_tls.h"
#include "bin/backends.h"
#include "bin/beside.h"
#include "bin/check_network.h"
#include "bin/gateway_name.h"
#include "bin/host.h"
#include "bin/privileges.h"
#include "config/endpoint.h"
#include "crypto/random.h"
#include "http/server.h"
#include "local/system_clock.h"
#include "log/log.h"
#include "netlink/link.h"
#include "sqlite/copy.h"

namespace peerage {
namespace {

constexpr seconds bus_limit{5};
constexpr milliseconds bus_look{20};

class report {
 public:
  void say(const char* what, const result<>& how, const std::string& detail) {
    good_ = good_ && how.has_value();
    std::printf("%-8s %-10s %s\n", how ? "ok" : "FAILED", what,
                how ? detail.c_str() : how.error().message.c_str());
  }
  void note(const std::string& what, const std::string& detail) {
    std::printf("%-8s %-10s %s\n", "note", what.c_str(), detail.c_str());
  }
  bool good() const { return good_; }

 private:
  bool good_ = true;
};

/// A read of something that the store may have, and that this role may read there.
task<result<>> look(store& desired, const daemon_config& config) {
  if (config.api) {
    mark_name any{"bootstrap"};
    const auto found = co_await get_as<mark>(desired, std::move(any));
    co_return found ? result<>{} : std::unexpected(found.error());
  }
  const auto found = co_await get_as<gateway>(desired, config.gateway->name);
  co_return found ? result<>{} : std::unexpected(found.error());
}

task<> check_store(store& desired, const daemon_config& config, report& into) {
  const auto store_is = co_await look(desired, config);
  into.say("store", store_is,
           config.store.kind == store_kind::sqlite ? config.store.path
                                                   : "Consul at " + config.store.address);
}

/// Every record of this host's database.
void check_database(const std::string& file, report& into) {
  const auto found = sqlite::examine(file);
  if (!found) {
    into.say("records", std::unexpected(found.error()), {});
    return;
  }
  result<> readable;
  std::string examples;
  for (const std::string& each : found->examples) examples += "\n         " + each;
  if (found->unreadable > 0) {
    readable = fail(errc::corrupt, std::to_string(found->unreadable) +
                                       " records can't be read, and are passed over; remove them "
                                       "through the API, or restore a backup:" +
                                       examples);
  }
  into.say("records", readable, std::to_string(found->peers) + " peers, and every record is sound");
}

/// The records of a store whose keys can disagree with them. Reads all of it.
task<> check_records(store& desired, report& into) {
  if (!desired.sweepable()) co_return;  // a database is examined as a file
  const auto found = co_await desired.sweep(false);
  if (!found) {
    into.say("records", std::unexpected(found.error()), {});
    co_return;
  }
  result<> agree;
  std::string examples;
  for (const std::string& each : found->examples) examples += "\n         " + each;
  if (found->wrong > 0) {
    agree = fail(errc::corrupt, std::to_string(found->wrong) +
                                    " keys disagree with the peers' records; a running API process "
                                    "repairs what is certain within an hour:" +
                                    examples);
  }
  into.say("records", agree, std::to_string(found->records) + " peers, and every key agrees");
}

task<> check_bus(const bus& word, clock& time, const bus_config& config, report& into) {
  if (config.kind == bus_kind::local) co_return;
  const steady_time limit = time.steady() + bus_limit;
  while (!word.connected() && time.steady() < limit) {
    co_await time.wait_until(time.steady() + bus_look);
  }
  result<> bus_is;
  if (!word.connected()) {
    bus_is = fail(errc::unavailable, "no NATS server answered; --log-level warning says why");
  }
  into.say("bus", bus_is, "NATS at " + without_user(config.servers.front()));
}

/// Where the config has its HTTP listen.
const std::string& listen_of(const daemon_config& config) {
  return config.api ? config.api->listen : config.gateway->admin_listen;
}

/// `beside`: a port in use is no fault where the daemon that is to be restarted has it.
task<> check_port(asio::any_io_executor loop, const char* what, std::string address,
                  std::optional<api_config> secured, const running_daemon& beside, report& into) {
  const auto unused = [](http::request) -> task<http::response> { co_return http::response{}; };
  auto listening = http::server::listen(loop, address, http::limits{}, unused, api::refuse);
  result<> port_is;
  const bool own = !listening && listening.error().code == errc::conflict && beside.running &&
                   (!beside.config || listen_of(*beside.config) == address);
  if (!listening && !own) port_is = std::unexpected(listening.error());
  if (port_is && secured) {
    if (const auto tls = open_tls(*secured); !tls) port_is = std::unexpected(tls.error());
  }
  into.say(what, port_is,
           (secured ? api_url(*secured) : "http://" + address) +
               (own ? ", where the running daemon listens" : ""));
  if (listening) co_await (*listening)->stop(seconds{0});
}

/// The device goes on without its daemon, with the port that the last one gave it.
void check_udp_port(const gateway_config& config, bool device_there, const running_daemon& beside,
                    report& into) {
  auto port_is = try_udp_port(config.listen_port);
  const bool same = !beside.config || (beside.config->gateway &&
                                       beside.config->gateway->listen_port == config.listen_port);
  const bool own = !port_is && port_is.error().code == errc::conflict && device_there && same;
  if (own) port_is = {};
  into.say("port", port_is,
           "UDP " + std::to_string(config.listen_port) +
               (own ? ", where the gateway's device listens" : " is free"));
}

/// What a restart would do that a running daemon does not know yet.
void say_changes(const daemon_config& config, const running_daemon& beside, report& into) {
  if (!beside.running || !beside.config) return;
  std::string changed;
  for (const std::string& key : changed_keys(beside.config->text, config.text)) {
    changed += (changed.empty() ? "" : ", ") + key;
  }
  into.say("restart", {}, changed.empty() ? "changes nothing" : "changes " + changed);
}

/// The endpoint that its peers are told.
std::string check_gateway(const gateway_config& config, const running_daemon& beside,
                          report& into) {
  const auto interface = netlink::make_link(config.interface, config.name.text());
  const auto now = interface->state();
  result<> device_is;
  if (!now) device_is = std::unexpected(now.error());
  if (now && now->exists && !now->marked && !config.adopt) {
    device_is = fail(errc::conflict, "interface " + config.interface +
                                         " is there and was not made by this gateway");
  }
  if (!may_administer_network()) {
    device_is = fail(errc::denied, "the gateway needs root, or CAP_NET_ADMIN and /dev/net/tun");
  }
  into.say("device", device_is,
           "interface " + config.interface + (now && now->exists ? " is there" : " will be made"));
  check_udp_port(config, now && now->exists && now->marked, beside, into);
  result<> endpoint_is;
  std::string endpoint = config.endpoint.value_or("");
  if (endpoint.empty()) {
    auto found = default_endpoint(config.listen_port);
    if (found) endpoint = *found;
    if (!found) endpoint_is = std::unexpected(found.error());
  }
  const std::string few = only_for(endpoint);
  into.say("endpoint", endpoint_is, endpoint + (few.empty() ? "" : ", " + few));
  return endpoint;
}

task<> check_network(asio::any_io_executor loop, const daemon_config& config,
                     const running_daemon& beside, const std::string& endpoint, report& into) {
  const auto all =
      co_await check_host_network(loop, *config.gateway, config.state_dir, beside, endpoint);
  for (const finding& each : all) {
    if (each.note) {
      into.note(each.what, each.detail);
    } else {
      into.say(each.what.c_str(), each.how, each.detail);
    }
  }
}

/// Before anything is asked of the store in that name.
void check_name(daemon_config& config, report& into) {
  if (!config.gateway) return;
  const auto name = settle_gateway_name(config, false);
  if (!name) into.say("name", std::unexpected(name.error()), {});
  if (name && !name->empty()) into.note("name", *name);
}

/// The store and the bus; without what a gateway would make on the disk.
task<> check_backends(asio::any_io_executor loop, daemon_config config, report& into) {
  if (config.store.kind == store_kind::sqlite && ::access(config.store.path.c_str(), F_OK) != 0) {
    into.say("store", {}, config.store.path + " will be made at the first start");
    co_return;
  }
  const auto time = make_system_clock(loop);
  auto opened = open_backends(loop, *time, config, random_id(), purpose::look);
  if (!opened) {
    into.say("store", std::unexpected(opened.error()), {});
    co_return;
  }
  co_await check_store(*opened->store, config, into);
  if (config.store.kind == store_kind::sqlite) check_database(config.store.path, into);
  if (config.api) co_await check_records(*opened->store, into);
  co_await check_bus(*opened->bus, *time, config.bus, into);
  if (opened->nats != nullptr) co_await opened->nats->stop();
}

}  // namespace

task<result<>> check_daemon(asio::any_io_executor loop, daemon_config config) {
  report made;
  check_name(config, made);
  daemon_config copy = config;
  co_await check_backends(loop, std::move(copy), made);
  const running_daemon beside = look_beside(config.state_dir, host_name());
  std::string port = listen_of(config);
  std::optional<api_config> secured = config.api;
  co_await check_port(loop, config.api ? "api" : "admin", std::move(port), std::move(secured),
                      beside, made);
  if (config.gateway) {
    const std::string endpoint = check_gateway(*config.gateway, beside, made);
    co_await check_network(loop, config, beside, endpoint, made);
  }
  say_changes(config, beside, made);
  if (!made.good()) co_return fail(errc::io, "the checks above failed");
  co_return result<>{};
}

}  // namespace peerage
