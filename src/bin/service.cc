#include "bin/service.h"

#include <unistd.h>

#include <cstdio>
#include <utility>

#include "agent/registration.h"
#include "bin/files.h"
#include "bin/host.h"
#include "crypto/random.h"
#include "crypto/x25519.h"
#include "local/bus.h"
#include "local/system_clock.h"
#include "log/log.h"
#include "netlink/link.h"
#include "sqlite/store.h"

namespace peerage {
namespace {

// Requests under way have so long to be answered: longer than wait_ms may be.
constexpr seconds grace{35};

}  // namespace

service::service(asio::any_io_executor loop, daemon_config config)
    : loop_(loop), config_(std::move(config)), clock_(make_system_clock(loop)) {}

result<> service::open_store() {
  auto opened = open_sqlite_store(loop_, config_.store.path);
  if (!opened) return std::unexpected(opened.error());
  store_ = *std::move(opened);
  return {};
}

/// Between two processes words go over a bus that this version does not have.
result<> service::check_roles() const {
  if (config_.api && config_.gateway) return {};
  const std::string missing = config_.api ? "[gateway]" : "[api]";
  return fail(errc::unsupported, "the config has no " + missing +
                                     " section; in this version one process has both roles "
                                     "(an empty section takes the defaults)");
}

task<result<>> service::start() {
  if (auto roles = check_roles(); !roles) co_return roles;
  if (auto claimed = claim_state_dir(config_.state_dir); !claimed) co_return claimed;
  if (auto opened = open_store(); !opened) co_return opened;
  bus_ = make_local_bus(*clock_);
  control_ = std::make_unique<control>(loop_, *store_, *bus_, *clock_);
  // The port first: a daemon that can't serve must not touch the device.
  if (auto served = co_await start_api(); !served) co_return served;
  // Before the gateway, whose first heartbeat it must not miss.
  if (auto read = co_await control_->start(); !read) co_return read;
  if (auto started = co_await start_gateway(); !started) co_return started;
  log::info("ready", {{"api", "http://" + config_.api->listen},
                      {"gateway", config_.gateway->name.text()},
                      {"admin_token", admin_token_file()}});
  co_return result<>{};
}

task<result<>> service::start_api() {
  if (auto made = co_await bootstrap(); !made) co_return made;
  api_ = std::make_unique<api>(*control_, metrics_);
  const auto handle = [this](http::request request) { return api_->handle(std::move(request)); };
  auto listening =
      http::server::listen(loop_, config_.api->listen, http::limits{}, handle, api::refuse);
  if (!listening) co_return std::unexpected(listening.error());
  server_ = *std::move(listening);
  const std::string& at = config_.api->listen;
  config_.api->listen = at.substr(0, at.rfind(':') + 1) + std::to_string(server_->port());
  co_return result<>{};
}

task<result<>> service::bootstrap() {
  auto done = co_await control_->bootstrapped();
  if (!done) co_return std::unexpected(done.error());
  if (*done) co_return result<>{};
  // The token is on the disk before the mark is: a crash in between makes another, never none.
  if (auto made = co_await new_admin_token(); !made) co_return made;
  co_return co_await control_->mark_bootstrapped();
}

task<result<>> service::new_admin_token() {
  if (!control_) {
    if (auto opened = open_store(); !opened) co_return opened;
    bus_ = make_local_bus(*clock_);
    control_ = std::make_unique<control>(loop_, *store_, *bus_, *clock_);
  }
  token_request wanted;
  wanted.name = "admin of " + host_name();
  wanted.scopes = {scope::admin};
  const principal nobody;  // named: g++ 12 destroys a temporary of a co_await twice
  auto made = co_await control_->create_token(nobody, std::move(wanted));
  if (!made) co_return std::unexpected(made.error());
  const secret_text line(std::string(made->secret.reveal()) + "\n");
  if (auto written = write_private_file(admin_token_file(), line.reveal()); !written) {
    co_return written;
  }
  log::info("admin token written", {{"file", admin_token_file()}, {"id", made->what.id.text()}});
  co_return result<>{};
}

task<result<>> service::start_gateway() {
  gateway_config& config = *config_.gateway;
  const auto key = load_or_make_key(config.private_key_file);
  if (!key) co_return std::unexpected(key.error());
  if (!config.endpoint) {
    auto found = default_endpoint(config.listen_port);
    if (!found) co_return std::unexpected(found.error());
    config.endpoint = *found;
    log::info("endpoint taken from the default route", {{"endpoint", *found}});
  }
  auto chosen = tunnel::choose(loop_, config, config_.state_dir, *key);
  if (!chosen) co_return std::unexpected(chosen.error());
  tunnel_ = *std::move(chosen);

  gateway wanted{};
  wanted.name = config.name;
  wanted.region = config.region;
  wanted.public_key = public_of(*key);
  wanted.endpoint = *config.endpoint;
  wanted.device = tunnel_->device().kind();
  wanted.capacity = tunnel_->device().capacity();
  wanted.owner = random_id() + " on " + host_name() + ", process " + std::to_string(::getpid());
  auto registered = co_await register_gateway(*store_, *clock_, std::move(wanted));
  if (!registered) co_return std::unexpected(registered.error());
  log::info("gateway registered", {{"name", registered->name.text()},
                                   {"number", std::uint64_t{registered->number}},
                                   {"region", registered->region.text()},
                                   {"endpoint", registered->endpoint},
                                   {"public_key", registered->public_key.text()}});

  agent_options options{registered->name, registered->region, registered->number, config.reconcile};
  agent_ =
      std::make_unique<agent>(loop_, std::move(options), *store_, *bus_, *clock_, tunnel_->device(),
                              tunnel_->link(), [this] { return tunnel_->bring_up(); });
  co_return co_await agent_->start();
}

task<> service::stop() {
  if (server_) co_await server_->stop(grace);
  if (control_) co_await control_->stop();
  if (agent_) co_await agent_->stop();
}

task<result<>> service::check() {
  if (auto roles = check_roles(); !roles) co_return roles;
  bool good = true;
  const auto say = [&](const char* what, const result<>& how, const std::string& detail) {
    good = good && how.has_value();
    std::printf("%-8s %-10s %s\n", how ? "ok" : "FAILED", what,
                how ? detail.c_str() : how.error().message.c_str());
  };
  result<> store_is;
  if (::access(config_.store.path.c_str(), F_OK) == 0) {
    store_is = open_store();
    say("store", store_is, config_.store.path);
  } else {
    say("store", store_is, config_.store.path + " will be made at the first start");
  }
  const auto unused = [](http::request) -> task<http::response> { co_return http::response{}; };
  auto listening =
      http::server::listen(loop_, config_.api->listen, http::limits{}, unused, api::refuse);
  result<> api_is;
  if (!listening) api_is = std::unexpected(listening.error());
  say("api", api_is, "http://" + config_.api->listen);
  if (listening) co_await (*listening)->stop(seconds{0});

  const gateway_config& config = *config_.gateway;
  const auto interface = netlink::make_link(config.interface, config.name.text());
  const auto now = interface->state();
  result<> device_is;
  if (!now) device_is = std::unexpected(now.error());
  if (now && now->exists && !now->marked && !config.adopt) {
    device_is = fail(errc::conflict, "interface " + config.interface +
                                         " is there and was not made by this gateway");
  }
  if (::geteuid() != 0) {
    device_is = fail(errc::denied, "the gateway needs root, or CAP_NET_ADMIN and /dev/net/tun");
  }
  say("device", device_is,
      "interface " + config.interface + (now && now->exists ? " is there" : " will be made"));
  result<> endpoint_is;
  std::string endpoint = config.endpoint.value_or("");
  if (endpoint.empty()) {
    const auto found = default_endpoint(config.listen_port);
    if (found) endpoint = *found;
    if (!found) endpoint_is = std::unexpected(found.error());
  }
  say("endpoint", endpoint_is, endpoint);
  if (!good) co_return fail(errc::io, "the checks above failed");
  co_return result<>{};
}

}  // namespace peerage
