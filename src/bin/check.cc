#include "bin/check.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include "api/api.h"
#include "base/counted.h"
#include "base/url.h"
#include "bin/api_tls.h"
#include "bin/backends.h"
#include "bin/beside.h"
#include "bin/check_network.h"
#include "bin/disk.h"
#include "bin/files.h"
#include "bin/gateway_name.h"
#include "bin/host.h"
#include "bin/privileges.h"
#include "bin/tunnel.h"
#include "config/endpoint.h"
#include "crypto/random.h"
#include "crypto/x25519.h"
#include "http/client.h"
#include "http/dial.h"
#include "http/server.h"
#include "local/system_clock.h"
#include "log/log.h"
#include "model/reserved.h"
#include "netlink/link.h"
#include "sqlite/copy.h"

namespace peerage {
namespace {

constexpr seconds bus_limit{5};
constexpr seconds lookup_limit{5};
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

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

/// Of the state_dir and what is below it, a start makes what is missing.
result<> can_make_in(std::string folder) {
  while (::access(folder.c_str(), F_OK) != 0 && errno == ENOENT && folder != "/" && folder != ".") {
    folder = folder_of(folder);
  }
  if (::access(folder.c_str(), W_OK | X_OK) == 0) return {};
  return fail(errc::denied, "nothing can be made in " + folder + ": " + std::strerror(errno));
}

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

/// Another host may have the name, or this one lost its key.
task<> check_registration(store& desired, const daemon_config& config, report& into) {
  const auto found = co_await get_as<gateway>(desired, config.gateway->name);
  if (!found || !*found) co_return;  // the store's trouble is told already
  const gateway& other = (*found)->value;
  const auto key = read_key(config.gateway->private_key_file);
  if (key && public_of(*key) == other.public_key) co_return;
  const auto where = other.owner.find(", ");  // behind the id of a start
  const std::string by = where == std::string::npos ? "another" : other.owner.substr(where + 2);
  into.note("name", other.name.text() + " is registered with another key, by " + by +
                        ": a start is refused while that runs; once it has stopped, this gateway "
                        "takes the name and the peers, whose files name the other key");
}

/// Whether what is said to it can be read on the way.
bool goes_over_a_network_in_clear(const std::string& url) {
  const auto at = http::parse_base_url(url);
  if (!at || at->tls || !at->path.empty() || at->host == "localhost") return false;
  const auto address = ip_address::parse(at->host);
  return !address || !is_loopback(prefix::host(*address));
}

task<> check_store(store& desired, const daemon_config& config, report& into) {
  const auto store_is = co_await look(desired, config);
  into.say("store", store_is,
           config.store.kind == store_kind::sqlite ? config.store.path
                                                   : "Consul at " + config.store.address);
  if (config.store.kind == store_kind::consul &&
      goes_over_a_network_in_clear(config.store.address)) {
    into.note("store", "Consul is asked without TLS: whoever is on the way reads its token");
  }
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
    readable = fail(errc::corrupt, counted(found->unreadable, "record") +
                                       " can't be read, and passed over; remove them "
                                       "through the API, or restore a backup:" +
                                       examples);
  }
  into.say("records", readable, counted(found->peers, "peer") + ", and every record is sound");
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
    agree = fail(errc::corrupt, counted(found->wrong, "wrong key") +
                                    " beside the peers' records; a running API process "
                                    "repairs what is certain within an hour:" +
                                    examples);
  }
  into.say("records", agree, counted(found->records, "peer") + ", and every key agrees");
}

task<> check_bus(const nats_bus& word, clock& time, const bus_config& config, report& into) {
  const steady_time limit = time.steady() + bus_limit;
  while (!word.connected() && word.why_away().empty() && time.steady() < limit) {
    co_await time.wait_until(time.steady() + bus_look);
  }
  result<> bus_is;
  if (!word.connected()) {
    const std::string why = word.why_away();
    bus_is = fail(errc::unavailable, why.empty() ? "NATS did not answer within 5 s" : why);
  }
  into.say("bus", bus_is, "NATS at " + without_user(config.servers.front()));
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
std::string check_endpoint(const gateway_config& config, report& into) {
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

task<> check_network(asio::any_io_executor loop, const daemon_config& config,
                     const running_daemon& beside, const std::string& endpoint, report& into) {
  const auto all = co_await check_host_network(loop, config, beside, endpoint);
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

std::string check_gateway(const daemon_config& whole, const running_daemon& beside, report& into) {
  const gateway_config& config = *whole.gateway;
  const auto now = netlink::make_link(config.interface, config.name.text())->state();
  auto device = tunnel::look(config, whole.state_dir);
  if (!may_administer_network()) {
    device = fail(errc::denied, "the gateway needs root, or CAP_NET_ADMIN and /dev/net/tun");
  }
  into.say("device", device ? result<>{} : std::unexpected(device.error()), device.value_or(""));
  check_udp_port(config, now && now->exists && (now->marked || config.adopt), beside, into);
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

void check_host(const daemon_config& config, const std::string& standing_is, report& into) {
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

/// A start makes the state_dir, and no other folder.
result<> can_make_database(const daemon_config& config) {
  const std::string folder = folder_of(config.store.path);
  if (folder == config.state_dir) return can_make_in(folder);
  struct stat found{};
  if (::stat(folder.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) return can_make_in(folder);
  return fail(errc::not_found, folder + ", the folder of store.path, is not there");
}

/// The store and the bus; without what a gateway would make on the disk.
task<> check_backends(asio::any_io_executor loop, daemon_config config, report& into) {
  if (config.store.kind == store_kind::sqlite && ::access(config.store.path.c_str(), F_OK) != 0) {
    into.say("store", can_make_database(config),
             config.store.path + " will be made at the first start");
    co_return;
  }
  const auto time = make_system_clock(loop);
  auto opened = open_backends(loop, *time, config, random_id(), purpose::look);
  if (!opened) {
    into.say("store", std::unexpected(opened.error()), {});
    co_return;
  }
  co_await check_store(*opened->store, config, into);
  const bool far = config.store.kind != store_kind::sqlite;
  if (config.gateway && far) co_await check_registration(*opened->store, config, into);
  if (config.store.kind == store_kind::sqlite) check_database(config.store.path, into);
  if (config.api) co_await check_records(*opened->store, into);
  if (opened->nats == nullptr) co_return;
  co_await check_bus(*opened->nats, *time, config.bus, into);
  co_await opened->nats->stop();
}

}  // namespace

std::string standing(const daemon_config& config) {
  if (::geteuid() != 0) return {};
  const auto user = next_user(config);
  return user ? "a start by root goes on as " + user->name
              : "a start by root stays root: " + user.error().message;
}

task<result<>> check_daemon(asio::any_io_executor loop, daemon_config config, std::string user) {
  report made;
  check_name(config, made);
  daemon_config copy = config;
  co_await check_backends(loop, std::move(copy), made);
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
    const std::string endpoint = check_gateway(config, beside, made);
    co_await check_network(loop, config, beside, endpoint, made);
  }
  say_changes(config, beside, made);
  if (!made.good()) co_return fail(errc::io, "the checks above failed");
  co_return result<>{};
}

}  // namespace peerage
