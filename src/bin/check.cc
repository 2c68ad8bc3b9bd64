#include "bin/check.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "api/api.h"
#include "bin/adopt.h"
#include "bin/api_tls.h"
#include "bin/backends.h"
#include "bin/beside.h"
#include "bin/check_backends.h"
#include "bin/check_network.h"
#include "bin/check_report.h"
#include "bin/disk.h"
#include "bin/files.h"
#include "bin/gateway_name.h"
#include "bin/host.h"
#include "bin/host_network.h"
#include "bin/privileges.h"
#include "bin/tunnel.h"
#include "config/endpoint.h"
#include "http/dial.h"
#include "http/server.h"
#include "local/system_clock.h"
#include "netlink/link.h"
#include "plan/host_network.h"

namespace peerage {
namespace {

constexpr seconds lookup_limit{5};

/// A first start needs room for twice the reserve of the database.
bool lacks_reserve(const daemon_config& config) {
  if (config.store.kind != store_kind::sqlite) return false;
  const std::string reserve = config.store.path + "-reserve";
  struct statvfs disk{};
  if (::access(reserve.c_str(), F_OK) == 0 ||
      ::statvfs(folder_of(config.store.path).c_str(), &disk) != 0) {
    return false;
  }
  return std::uint64_t{disk.f_bavail} * disk.f_frsize < 2 * reserve_bytes;
}

/// Where the config has its HTTP listen.
const std::string& listen_of(const daemon_config& config) {
  return config.api ? config.api->listen : config.gateway->admin_listen;
}

/// A Unix socket there can't be tried yet.
bool listens_in_state_dir_to_be(const daemon_config& config) {
  return listen_of(config).starts_with("unix:" + config.state_dir + "/") &&
         ::access(config.state_dir.c_str(), F_OK) != 0;
}

/// `beside`: a port in use is no fault where the daemon that is to be restarted has it.
task<> check_port(asio::any_io_executor loop, const char* what, std::string address,
                  std::optional<api_config> secured, const running_daemon& beside,
                  check_report& into) {
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
                    const std::optional<found_interface>& adopted, check_report& into) {
  auto port_is = try_udp_port(config.listen_port);
  const bool same =
      adopted ? adopted->listen_port == config.listen_port
              : !beside.config || (beside.config->gateway &&
                                   beside.config->gateway->listen_port == config.listen_port);
  const bool own = !port_is && port_is.error().code == errc::conflict && device_there && same;
  if (own) port_is = {};
  into.say("port", port_is,
           "UDP " + std::to_string(config.listen_port) +
               (own ? ", where the gateway's device listens" : " is free"));
}

/// What a start takes from the host where the config is silent.
void follow_host(daemon_config& config) {
  if (!config.gateway) return;
  // Another name is said by check_name().
  static_cast<void>(settle_gateway_name(config, false));
  gateway_config& gateway = *config.gateway;
  if (!gateway.endpoint) {
    if (const auto found = default_endpoint(gateway.listen_port)) gateway.endpoint = *found;
  }
  if (!gateway.mtu && gateway.endpoint) gateway.mtu = tunnel_mtu(uplink_mtu(), *gateway.endpoint);
}

/// What a restart would do that a running daemon does not know yet.
void say_changes(const daemon_config& config, const running_daemon& beside, check_report& into) {
  if (!beside.running || !beside.config) return;
  daemon_config before = *beside.config, after = config;
  for (daemon_config* each : {&before, &after}) follow_host(*each);
  std::string changed;
  for (const std::string& key : changed_keys(before, after)) {
    changed += (changed.empty() ? "" : ", ") + key;
  }
  into.say("restart", {}, changed.empty() ? "changes nothing" : "changes " + changed);
}

/// A name is looked up, for a while: clients ask other resolvers, but one that nobody knows is a
/// mistake.
result<> find_host(const std::string& endpoint) {
  const std::string host = endpoint.substr(0, endpoint.rfind(':'));
  if (host.starts_with('[') || ip_address::parse(host)) return {};
  const auto found = std::make_shared<std::promise<bool>>();
  std::thread([host, found] {
    found->set_value(http::resolve_by_system(host, 0).has_value());
  }).detach();
  auto answer = found->get_future();
  if (answer.wait_for(lookup_limit) == std::future_status::ready && answer.get()) return {};
  return fail(errc::not_found, host + " of gateway.endpoint is not known to this host's resolver");
}

/// The endpoint that its peers are told.
std::string check_endpoint(const gateway_config& config, check_report& into) {
  result<> endpoint_is;
  std::string endpoint = config.endpoint.value_or("");
  if (endpoint.empty()) {
    auto found = default_endpoint(config.listen_port);
    if (found) endpoint = *found;
    if (!found) endpoint_is = std::unexpected(found.error());
  } else {
    endpoint_is = find_host(endpoint);
  }
  const std::string few = only_for(endpoint);
  into.say("endpoint", endpoint_is, endpoint + (few.empty() ? "" : ", " + few));
  return endpoint;
}

/// Before anything is asked of the store in that name.
void check_name(daemon_config& config, check_report& into) {
  if (!config.gateway) return;
  const auto name = settle_gateway_name(config, false);
  if (!name) into.say("name", std::unexpected(name.error()), {});
  if (name && !name->empty()) into.note("name", *name);
}

std::string check_gateway(const daemon_config& whole, const running_daemon& beside,
                          const std::optional<found_interface>& adopted, check_report& into) {
  const gateway_config& config = *whole.gateway;
  const auto now = netlink::make_link(config.interface, config.name.text())->state();
  auto device = tunnel::look(config, whole.state_dir);
  if (!may_administer_network()) {
    device = fail(errc::denied, "the gateway needs root, or CAP_NET_ADMIN and /dev/net/tun");
  }
  into.say("device", device ? result<>{} : std::unexpected(device.error()), device.value_or(""));
  check_udp_port(config, now && now->exists && (now->marked || config.adopt), beside, adopted,
                 into);
  const auto key = read_key(config.private_key_file);
  const bool absent = !key && key.error().code == errc::not_found;
  result<> key_is;
  if (!key && !absent) key_is = std::unexpected(key.error());
  if (absent) key_is = can_make_in(folder_of(config.private_key_file));
  const char* then = !absent              ? ""
                     : now && now->exists ? " will have the interface's own key"
                                          : " will be made";
  into.say("key", key_is, config.private_key_file + then);
  return check_endpoint(config, into);
}

/// The folder, and what a start reads there.
result<> look_at_state_dir(const daemon_config& config) {
  const std::string& path = config.state_dir;
  if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) return can_make_in(folder_of(path));
  const auto user = find_user(config);
  if (auto fit = check_state_dir(path, user ? user->id : 0); !fit) return fit;
  if (config.bus.kind != bus_kind::nats) return {};
  const auto key = read_key(path + "/bus.key");
  return key || key.error().code == errc::not_found ? result<>{} : std::unexpected(key.error());
}

void check_host(const daemon_config& config, const std::string& standing_is, check_report& into) {
  into.say("state_dir", look_at_state_dir(config), config.state_dir);
  for (const std::string& each : troubles_of_disks(config, lacks_reserve(config))) {
    into.say("disk", fail(errc::full, each), {});
  }
  if (config.api) {
    const std::string& audit = config.api->audit_dir;
    const bool there = ::access(audit.c_str(), F_OK) == 0;
    into.say("audit", can_make_in(there ? audit : folder_of(audit)), audit);
  }
  if (!standing_is.empty()) into.say("user", {}, standing_is);
}

}  // namespace

std::string standing(const daemon_config& config) {
  if (::geteuid() != 0) return {};
  const auto user = next_user(config);
  return user ? "a start by root goes on as " + user->name
              : "a start by root stays root: " + user.error().message;
}

task<result<>> check_daemon(asio::any_io_executor loop, daemon_config config, std::string user) {
  check_report made;
  check_name(config, made);
  daemon_config copy = config;
  const auto time = make_system_clock(loop);
  const auto opened = co_await check_backends(loop, *time, std::move(copy), made);
  const running_daemon beside = look_beside(config.state_dir, host_name());
  std::string port = listen_of(config);
  std::optional<api_config> secured = config.api;
  const char* const what = config.api ? "api" : "admin";
  if (listens_in_state_dir_to_be(config)) {
    made.say(what, can_make_in(config.state_dir), port + ", in the state_dir that a start makes");
  } else {
    co_await check_port(loop, what, std::move(port), std::move(secured), beside, made);
  }
  check_host(config, user, made);
  if (config.gateway) {
    // Of Consul nothing is asked that could make the epoch of an empty one.
    const bool near = opened && config.store.kind == store_kind::sqlite;
    const auto adopted =
        co_await look_for_adoption(loop, config, near ? opened->store.get() : nullptr);
    if (!adopted) made.say("adopt", std::unexpected(adopted.error()), {});
    const std::optional<found_interface> nothing;
    const auto& taken = adopted ? *adopted : nothing;
    const std::string endpoint = check_gateway(config, beside, taken, made);
    check_host_network(config, beside, endpoint, taken, made);
  }
  say_changes(config, beside, made);
  if (!made.good()) co_return fail(errc::io, "the checks above failed");
  co_return result<>{};
}

}  // namespace peerage
