#include "bin/service.h"

#include <unistd.h>

#include <utility>

#include "base/url.h"
#include "bin/admin.h"
#include "bin/adopt.h"
#include "bin/api_tls.h"
#include "bin/beside.h"
#include "bin/disk.h"
#include "bin/files.h"
#include "bin/gateway_name.h"
#include "bin/host.h"
#include "bin/host_network.h"
#include "bin/interface_lock.h"
#include "bin/notify.h"
#include "bin/remove.h"
#include "crypto/random.h"
#include "crypto/x25519.h"
#include "local/system_clock.h"
#include "log/log.h"
#include "model/reserved.h"
#include "netlink/news.h"

namespace peerage {
namespace {

// Requests under way have so long to be answered: longer than wait_ms may be.
constexpr seconds grace{35};

// A read of Consul is most of a creation's time otherwise.
constexpr milliseconds remember{1'000};

// Of the files that this process may open, so many are for other things than connections.
constexpr std::size_t other_files = 256;

pace twice_at_once(std::uint32_t per_second) {
  return {per_second, 2 * per_second};
}

/// What the config says, as far as the system gives that many files.
http::limits bounds_of(const api_config* api) {
  http::limits made;
  if (api != nullptr) {
    made.connections = api->connections;
    made.connections_per_host = api->connections_per_host;
    made.in_flight = api->requests;
    made.in_flight_per_host = api->requests_per_host;
    // The config has been checked: each of them is one.
    made.trusted_proxies = http::proxy_list::parse(api->trusted_proxies).value();
    made.proxy_protocol = api->proxy_protocol;
  }
  const std::size_t files = most_open_files();
  const std::size_t left = files > 2 * other_files ? files - other_files : files / 2;
  if (left < made.connections) {
    log::warning("fewer connections than configured: the system allows too few open files",
                 {{"connections", left}, {"files", files}});
    made.connections = left;
  }
  return made;
}

}  // namespace

service::service(asio::any_io_executor loop, daemon_config config)
    : loop_(loop),
      config_(std::move(config)),
      clock_(make_system_clock(loop)),
      needed_(config_),
      failing_(loop) {}

result<> service::open() {
  auto id = load_or_make_id(config_.state_dir + "/process-id");
  if (!id) return std::unexpected(std::move(id.error()));
  process_id_ = *std::move(id);
  auto opened = open_backends(loop_, *clock_, config_, process_id_);
  if (!opened) return std::unexpected(std::move(opened.error()));
  with_ = *std::move(opened);
  return {};
}

task<result<>> service::start() {
  if (auto claimed = claim_gateway(); !claimed) co_return claimed;
  leave_config(config_);
  if (auto opened = open(); !opened) co_return opened;
  if (auto made = make_wall(); !made) co_return made;
  if (config_.api) {
    const bool far = config_.store.kind != store_kind::sqlite;
    control_options options;
    options.check_registrations = far;  // the only gateway beside it is this process
    options.network_ranges = config_.api->network_ranges;
    options.remember = far ? remember : milliseconds{0};
    options.remember_full = remember;
    options.of_token = twice_at_once(config_.api->token_creations_per_s);
    options.reads_of_token = twice_at_once(config_.api->token_reads_per_s);
    options.reads_of_network = twice_at_once(config_.api->network_reads_per_s);
    options.of_network = twice_at_once(config_.api->network_creations_per_s);
    control_ =
        std::make_unique<control>(loop_, *with_.store, *with_.bus, *clock_, std::move(options));
    // The port first: a daemon that can't serve must not touch the device.
    if (auto served = co_await start_api(); !served) {
      co_return co_await with_cause(std::move(served));
    }
    // Before the gateway, whose first heartbeat it must not miss.
    if (auto read = co_await control_->start(); !read) {
      co_return co_await with_cause(std::move(read));
    }
  } else if (auto served = co_await start_admin(); !served) {
    co_return served;
  }
  if (config_.gateway) {
    if (auto started = co_await start_gateway(); !started) {
      if (tunnel_) tunnel_->take_away();
      co_return started;
    }
  }
  if (control_) co_await control_->until_ready();
  notify_ready();
  say_ready();
  co_return result<>{};
}

/// What control says of it names no address and no cause: its callers are anybody.
task<result<>> service::with_cause(result<> refused) {
  const bool away = !refused && refused.error().code == errc::unavailable;
  if (!away || config_.store.kind != store_kind::consul) co_return refused;
  mark_name any{"bootstrap"};
  const auto asked = co_await get_as<mark>(*with_.store, std::move(any));
  if (asked) co_return refused;
  co_return fail(errc::unavailable,
                 "Consul at " + without_user(config_.store.address) +
                     " can't be asked: " + asked.error().message +
                     "; an API process needs it to start. The service manager starts peeraged "
                     "again (the packaged unit: after a second) until it is there");
}

/// A line for whoever looks for it.
std::string service::text_of_admin_token() const {
  const std::string file = admin_token_file();
  if (::access(file.c_str(), F_OK) == 0) return file;
  return "none at " + file + ": `peeraged --new-admin-token` makes one";
}

void service::say_ready() const {
  const std::string gateway = config_.gateway ? config_.gateway->name.text() : "";
  if (!config_.api) {
    log::info("ready",
              {{"gateway", gateway}, {"admin", "http://" + config_.gateway->admin_listen}});
  } else if (!config_.gateway) {
    log::info("ready", {{"api", api_url(*config_.api)}, {"admin_token", text_of_admin_token()}});
  } else {
    log::info("ready", {{"api", api_url(*config_.api)},
                        {"gateway", gateway},
                        {"admin_token", text_of_admin_token()}});
  }
}

/// The address is then the one that it got.
result<std::unique_ptr<http::server>> service::serve(std::string& address, http::handler handle,
                                                     std::shared_ptr<http::server_tls> tls) {
  const http::limits bounds = bounds_of(config_.api ? &*config_.api : nullptr);
  auto listening =
      http::server::listen(loop_, address, bounds, std::move(handle), api::refuse, std::move(tls));
  if (!listening) return listening;
  if ((*listening)->port() != 0) {
    address = address.substr(0, address.rfind(':') + 1) + std::to_string((*listening)->port());
  }
  return listening;
}

task<result<>> service::start_api() {
  if (auto made = co_await bootstrap(); !made) co_return made;
  audit_options kept;
  kept.folder = config_.api->audit_dir;
  kept.keep = config_.api->audit_keep;
  kept.most_bytes = config_.api->audit_max_bytes;
  audit_ = make_audit_trail(loop_, clock_->now(), std::move(kept));
  api_ = std::make_unique<api>(*control_, metrics_, *audit_, process_id_,
                               [this] { return troubles_beside(); });
  const auto handle = [this](http::request request) { return api_->handle(std::move(request)); };
  auto tls = open_tls(*config_.api);
  if (!tls) co_return std::unexpected(std::move(tls.error()));
  auto listening = serve(config_.api->listen, handle, *std::move(tls));
  if (!listening) co_return std::unexpected(listening.error());
  server_ = *std::move(listening);
  co_return result<>{};
}

void service::reload() {
  const bool certificate = reload_certificate();
  const bool credentials = reload_credentials(config_, with_);
  const bool key = reload_gateway_key();
  if (certificate && credentials && key) {
    log::info("reloaded", {});
  } else {
    log::error("not everything could be reloaded: see above; the rest is in use", {});
  }
}

/// Its peers' files name the old one, so an operator has to know.
bool service::reload_gateway_key() {
  if (!agent_ || !tunnel_) return true;
  const std::string& file = config_.gateway->private_key_file;
  const auto key = read_key(file);
  if (!key) {
    log::error("the gateway's key stays as it was", {{"why", key.error().message}});
    return false;
  }
  const public_key open = public_of(*key);
  if (open == agent_->self().public_key) return true;
  tunnel_->use(*key);
  agent_->use(open);
  log::warning("the gateway has another key: its peers need new files",
               {{"file", file}, {"public_key", open.text()}});
  return true;
}

bool service::reload_certificate() {
  if (!server_ || !config_.api || config_.api->tls.cert.empty()) return true;
  auto tls = open_tls(*config_.api);
  if (!tls) {
    log::error("the certificate stays as it was", {{"why", tls.error().message}});
    return false;
  }
  server_->use(*std::move(tls));
  log::info("certificate reloaded", {{"file", config_.api->tls.cert}});
  return true;
}

task<result<>> service::start_admin() {
  const auto handle = [this](http::request request) {
    return answer_as_gateway(std::move(request));
  };
  auto listening = serve(config_.gateway->admin_listen, handle);
  if (!listening) co_return std::unexpected(listening.error());
  server_ = *std::move(listening);
  co_return result<>{};
}

std::vector<std::string> service::troubles_beside() const {
  std::vector<std::string> all = troubles_of_disks(config_, *with_.disk_full);
  const std::string refused = with_.nats == nullptr ? "" : with_.nats->refused();
  if (!refused.empty()) all.push_back("bus: " + refused);
  return all;
}

task<http::response> service::answer_as_gateway(http::request request) {
  co_return answer_admin(request, agent_.get(), troubles_beside(), metrics_);
}

task<result<>> service::bootstrap() {
  auto done = co_await control_->bootstrapped();
  if (!done) co_return std::unexpected(done.error());
  if (*done) co_return result<>{};
  // The token is on the disk before the mark is: a crash in between makes another, never none.
  if (auto made = co_await make_admin_token(); !made) co_return made;
  co_return co_await control_->mark_bootstrapped();
}

task<result<>> service::new_admin_token() {
  // Beside a daemon that runs: without its lock, and it has no use for the bus.
  if (auto fit = check_state_dir(config_.state_dir); !fit) co_return fit;
  config_.gateway.reset();
  config_.bus.kind = bus_kind::local;
  if (auto opened = open(); !opened) co_return opened;
  control_ = std::make_unique<control>(loop_, *with_.store, *with_.bus, *clock_);
  auto done = co_await control_->bootstrapped();
  if (!done) co_return std::unexpected(done.error());
  if (auto made = co_await make_admin_token(); !made || *done) co_return made;
  // Before the first start, which would put one of its own in its place.
  co_return co_await control_->mark_bootstrapped();
}

task<result<>> service::make_admin_token() {
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

/// Before anything of the host is touched: another daemon may have the interface.
result<> service::claim_gateway() {
  if (!config_.gateway) return {};
  if (auto claimed = claim_interface(config_.gateway->interface); !claimed) return claimed;
  const auto named = settle_gateway_name(config_, true);
  if (!named) return std::unexpected(named.error());
  if (!named->empty()) log::info("the gateway's name", {{"name", *named}});
  return {};
}

/// What the config leaves open follows from the host. Returns the gateway's key.
task<result<secret_key>> service::prepare_gateway() {
  gateway_config& config = *config_.gateway;
  const ipv6_of_host six = look_at_ipv6(config.interface);
  if (const std::string why = why_no_ipv6(six, config.interface); !why.empty()) {
    co_return fail(errc::unsupported, why);
  }
  if (six == ipv6_of_host::off) {
    log::info("IPv6 is switched off on this host, and is switched on for the interface",
              {{"interface", config.interface}});
  }
  // A start that is refused makes no key: an adopted interface keeps its own.
  if (auto usable = tunnel::look(config, config_.state_dir); !usable) {
    co_return std::unexpected(std::move(usable.error()));
  }
  if (auto adopted = co_await adopt_interface(loop_, config_, *with_.store); !adopted) {
    co_return std::unexpected(adopted.error());
  }
  if (!config.endpoint) {
    auto found = default_endpoint(config.listen_port);
    if (!found) co_return std::unexpected(found.error());
    config.endpoint = *found;
    log::info("endpoint taken from the default route", {{"endpoint", *found}});
  }
  if (!config.mtu) config.mtu = tunnel_mtu(uplink_mtu(), *config.endpoint);
  co_return load_or_make_key(config.private_key_file);
}

task<result<>> service::start_gateway() {
  gateway_config& config = *config_.gateway;
  const auto key = co_await prepare_gateway();
  if (!key) co_return std::unexpected(key.error());
  auto chosen = tunnel::choose(
      loop_, config, config_.state_dir, *key, [this] { return needed_.now(); },
      adopted_belongings(config_.state_dir, config.interface));
  if (!chosen) co_return std::unexpected(chosen.error());
  tunnel_ = *std::move(chosen);
  news_ = netlink::make_host_news(loop_, config.interface);
  if (const std::string why = news_->trouble(); !why.empty()) {
    log::warning("what others do to the host's network is seen late", {{"why", why}});
  }
  agent_options options;
  options.who = {process_id_ + "." + boot_id(), random_id(),
                 "process " + std::to_string(::getpid()) + " on host " + host_name()};
  options.reconcile = config.reconcile;
  const std::string epoch_file = store_epoch_file(config_.state_dir);
  if (const auto before = read_private_file(epoch_file); before && is_label(before->reveal())) {
    options.adopted = before->reveal() == adopted_epoch;
    if (!options.adopted) options.followed_before = epoch{std::string(before->reveal())};
  }
  gateway& wanted = options.self;
  wanted.name = config.name;
  wanted.region = config.region;
  wanted.public_key = public_of(*key);
  wanted.endpoint = *config.endpoint;
  wanted.device = tunnel_->device().kind();
  wanted.capacity = tunnel_->device().capacity();
  wanted.mtu = *config.mtu;
  wanted.owner = options.who.start + ", " + options.who.where;
  agent_parts parts{*with_.store,
                    *with_.bus,
                    *clock_,
                    tunnel_->device(),
                    tunnel_->link(),
                    with_.mirror.get(),
                    with_.seen.get(),
                    [this] { return tunnel_->bring_up(); },
                    [this](error why) {
                      failure_ = std::move(why);
                      failing_.notify();
                    },
                    wall_.get(),
                    news_.get(),
                    [epoch_file](const epoch& now) {
                      const auto kept = write_private_file(epoch_file, now.id + "\n");
                      if (kept) return;
                      log::warning("the store's epoch can't be kept",
                                   {{"error", kept.error().message}});
                    },
                    [this] { return host_troubles(*config_.gateway, *chains_); }};
  agent_ = std::make_unique<agent>(loop_, std::move(options), std::move(parts));
  co_return co_await agent_->start();
}

/// One that an earlier start left goes where the config wants none. Before the first client comes:
/// see nft/wall.h.
result<> service::make_wall() {
  if (!config_.gateway) return {};
  chains_ = std::make_unique<nft::other_chains>();
  auto made = peerage::make_wall(*config_.gateway, config_.state_dir);
  if (!config_.gateway->firewall) {
    // Where there are no nftables there is no table either; without the right to them the tunnel
    // says what is missing.
    const auto gone = made->remove();
    const bool told =
        gone || gone.error().code == errc::unsupported || gone.error().code == errc::denied;
    return told ? result<>{} : gone;
  }
  wall_ = std::move(made);
  return {};
}

task<error> service::failed() {
  co_await failing_.wait();
  co_return failure_;
}

task<> service::stop() {
  if (server_) co_await server_->stop(grace);
  if (control_) co_await control_->stop();
  if (agent_) co_await agent_->stop();
  if (with_.nats != nullptr) co_await with_.nats->stop();
}

}  // namespace peerage
