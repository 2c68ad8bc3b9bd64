#include "tests/chaos/fleet.h"

#include <signal.h>
#include <sys/stat.h>

#include <fstream>
#include <stdexcept>

#include "http/client.h"
#include "json/json.h"
#include "tests/live/wireguard.h"

namespace peerage::chaos {
namespace {

using namespace std::chrono_literals;

constexpr const char* master = "c0a0c0a0-0000-4000-8000-000000000000";

// Consul's tokens are known beforehand, so that one that was deleted can be put back.
std::string secret_of(const std::string& name) {
  std::string digits = name == "api" ? "000000000001" : "00000000001" + name.substr(3);
  return "c0a0c0a0-0000-4000-8000-" + digits;
}

std::string policy_id(const fleet& all, const std::string& name) {
  const auto said = all.consul("GET", "/v1/acl/policies");
  const auto read = json::parse(said.body, 16);
  if (!read || !read->is_array()) throw std::runtime_error("policies: " + said.body);
  for (const auto& each : read->as_array()) {
    if (each.at("Name").as_string() == name) return each.at("ID").as_string().c_str();
  }
  return {};
}

std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

}  // namespace

fleet::fleet(const std::string& folder) : folder_(folder) {
  for (unsigned i = 1; i <= 3; ++i) add(role::consul, "consul-" + std::to_string(i), 10 + i);
  for (unsigned i = 1; i <= 2; ++i) add(role::nats, "nats-" + std::to_string(i), 20 + i);
  for (unsigned i = 1; i <= 3; ++i) add(role::api, "api-" + std::to_string(i), 30 + i);
  for (unsigned i = 1; i <= 2; ++i) add(role::gateway, "gw-" + std::to_string(i), 40 + i);
  for (const auto& each : all) {
    if (each->what == role::consul) set_up_consul(*each);
    if (each->what == role::nats) set_up_nats(*each);
    if (each->what == role::api || each->what == role::gateway) set_up_daemon(*each);
  }
}

party& fleet::add(role what, const std::string& name, unsigned number) {
  lines.add(name, number);
  all.push_back(std::make_unique<party>(what, name, number, folder_));
  return *all.back();
}

std::vector<party*> fleet::with(role what) const {
  std::vector<party*> some;
  for (const auto& each : all) {
    if (each->what == what) some.push_back(each.get());
  }
  return some;
}

party& fleet::named(const std::string& name) const {
  for (const auto& each : all) {
    if (each->name == name) return *each;
  }
  throw std::logic_error("there is no " + name);
}

void fleet::set_up_consul(party& one) {
  one.command.environment = {{"HOME", "/"}};
  one.command.words = {live::consul_binary(),
                       "agent",
                       "-server",
                       "-bootstrap-expect",
                       "3",
                       "-data-dir",
                       one.disk(),
                       "-bind",
                       one.address,
                       "-client",
                       "0.0.0.0",
                       "-node",
                       one.name,
                       "-dns-port",
                       "-1",
                       "-serf-wan-port",
                       "-1",
                       "-log-level",
                       "warn",
                       "-disable-host-node-id",
                       "-retry-interval",
                       "1s",
                       "-hcl",
                       "performance { raft_multiplier = 1 }",
                       "-hcl",
                       R"(acl { enabled = true, default_policy = "deny", tokens { master = ")" +
                           std::string(master) + "\" } }"};
  for (const party* each : with(role::consul)) {
    if (each != &one)
      one.command.words.insert(one.command.words.end(), {"-retry-join", each->address});
  }
}

void fleet::set_up_nats(party& one) {
  one.command.environment = {{"HOME", "/"}};
  std::string routes;
  for (const party* each : with(role::nats)) {
    if (each != &one) routes += (routes.empty() ? "" : ",") + ("nats://" + each->address) + ":6222";
  }
  one.command.words = {"nats-server", "-a",       one.address,
                       "-p",          "4222",     "-cluster_name",
                       "chaos",       "-cluster", "nats://" + one.address + ":6222",
                       "-routes",     routes};
}

void fleet::set_up_daemon(party& one) {
  const bool api = one.what == role::api;
  const auto number = static_cast<std::size_t>(one.name.back() - '1');
  const auto servers = with(role::consul);
  std::ofstream(one.file("consul-token")) << secret_of(api ? "api" : one.name) << "\n";
  ::chmod(one.file("consul-token").c_str(), 0600);
  std::string buses;
  for (const party* each : with(role::nats)) {
    buses += (buses.empty() ? "" : ", ") + quoted("nats://" + each->address + ":4222");
  }
  std::string config = "state_dir = " + quoted(one.disk() + "/state") +
                       "\n[store]\nkind = \"consul\"\naddress = " +
                       quoted("http://" + servers[number % 3]->address + ":8500") +
                       "\ntoken_file = " + quoted(one.file("consul-token")) +
                       "\n[bus]\nkind = \"nats\"\nservers = [" + buses + "]\n";
  if (api) {
    config += "[api]\nplain_http = true\nlisten = " + quoted(one.address + ":7420") +
              "\naudit_dir = " + quoted(one.disk() + "/audit") + "\n";
  } else {
    config += "[gateway]\nname = " + quoted(one.name) + "\nregion = " + quoted("in-" + one.name) +
              "\nendpoint = " + quoted(one.address + ":51820") +
              "\ninterface = " + quoted(interface_of(one.name)) +
              "\nlisten_port = 51820\nadmin_listen = \"127.0.0.1:7421\"\nreconcile_s = 30\n" +
              "forwarding = \"ignore\"\n";  // its hosts do not, and nobody sends anything
  }
  std::ofstream(one.file("peeraged.toml")) << config;
  one.command.words = {live::binary("peeraged"), "--config", one.file("peeraged.toml")};
}

http::response fleet::consul(const std::string& method, const std::string& target,
                             const std::string& body) const {
  std::string why = "no server";
  for (const party* each : with(role::consul)) {
    http::request wanted;
    wanted.method = method;
    const auto question = target.find('?');
    wanted.path = target.substr(0, question);
    if (question != std::string::npos) wanted.query = target.substr(question + 1);
    wanted.headers.emplace_back("X-Consul-Token", master);
    wanted.body = body;
    auto said = http::send_blocking("http://" + each->address + ":8500", std::move(wanted), 5s);
    if (said && said->status < 500) return *std::move(said);
    why = said ? said->body : said.error().message;
  }
  throw std::runtime_error("Consul does not answer " + target + ": " + why);
}

std::optional<std::string> fleet::leader() const {
  const auto said = consul("GET", "/v1/status/leader");
  for (const party* each : with(role::consul)) {
    if (said.body.find("\"" + each->address + ":") != std::string::npos) return each->name;
  }
  return {};
}

void fleet::make_policy(const std::string& of, bool with_a_typo) {
  std::string rules = live::text_of_file(PEERAGE_SOURCE_DIR "/packaging/consul/" +
                                         std::string(of == "api" ? "api.hcl" : "agent.hcl"));
  for (std::size_t at = 0; (at = rules.find("gw-fra-1", at)) != std::string::npos;) {
    rules.replace(at, 8, of);
    at += of.size();
  }
  if (const auto at = rules.find("/at/" + of); with_a_typo && at != std::string::npos) {
    rules.insert(at + 4, "l");
  }
  const std::string id = policy_id(*this, of);
  const json::object policy{{"ID", id}, {"Name", of}, {"Rules", rules}};
  const auto said =
      consul("PUT", "/v1/acl/policy" + (id.empty() ? id : "/" + id), json::serialize(policy));
  if (said.status != 200) throw std::runtime_error("a policy: " + said.body);
}

void fleet::make_token(const std::string& of) {
  const std::string id = "a" + secret_of(of).substr(1);
  // Made by a request whose answer was lost, it is there, and can't be made again.
  if (consul("GET", "/v1/acl/token/" + id + "?consistent").status == 200) return;
  const json::object wish{{"SecretID", secret_of(of)},
                          {"AccessorID", id},
                          {"Policies", json::array{json::object{{"Name", of}}}}};
  const auto said = consul("PUT", "/v1/acl/token", json::serialize(wish));
  if (said.status != 200) throw std::runtime_error("a token: " + said.body);
}

void fleet::delete_token(const std::string& of) {
  const auto said = consul("DELETE", "/v1/acl/token/a" + secret_of(of).substr(1));
  if (said.status != 200) throw std::runtime_error("deleting a token: " + said.body);
}

bool fleet::give_back_rights() {
  try {
    for (const std::string of : {"api", "gw-1", "gw-2"}) {
      make_policy(of, false);
      make_token(of);
    }
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

void fleet::save_snapshot() {
  const auto said = consul("GET", "/v1/snapshot");
  if (said.status != 200) throw std::runtime_error("no snapshot: " + said.body);
  std::ofstream(folder_ + "/snapshot", std::ios::binary) << said.body;
}

void fleet::restore_snapshot() {
  const auto said = consul("PUT", "/v1/snapshot", live::text_of_file(folder_ + "/snapshot"));
  if (said.status != 200) throw std::runtime_error("no snapshot restored: " + said.body);
}

void fleet::unlock() {
  const auto ready = [this] {
    try {
      return consul("GET", "/v1/acl/policies").status == 200;
    } catch (const std::exception&) {
      return false;
    }
  };
  if (!live::eventually(60s, ready)) throw std::runtime_error("Consul does not become ready");
  for (const char* who : {"api", "gw-1", "gw-2"}) {
    make_policy(who, false);
    make_token(who);
  }
}

void fleet::start() {
  for (party* each : with(role::consul)) each->start();
  for (party* each : with(role::nats)) each->start();
  unlock();
  for (party* each : with(role::api)) each->start();
  for (party* each : with(role::gateway)) each->start();
  // The process that is first makes it.
  const auto find_token = [this] {
    for (const party* each : with(role::api)) {
      token_ = live::text_of_file(each->disk() + "/state/admin-token");
      if (token_.ends_with('\n')) return true;
    }
    return false;
  };
  if (!live::eventually(20s, find_token)) throw std::runtime_error("there is no admin token");
  token_.pop_back();
  const auto live_gateways = [this] {
    std::size_t live = 0;
    try {
      for (std::size_t api = 0; api < apis(); ++api) {
        const auto said = call(api).call("GET", "/v1/gateways");
        for (const auto& each : said["items"].as_array()) live += each.at("live").as_bool() ? 1 : 0;
      }
    } catch (const std::exception&) {}
    return live;
  };
  const std::size_t wanted = apis() * with(role::gateway).size();
  if (!live::eventually(60s, [&] { return live_gateways() == wanted; })) {
    throw std::runtime_error("the gateways do not become live");
  }
  call(0).make_network("acme");
  call(0).make_network("tight", "10.9.9.0/28");
}

std::string fleet::url(std::size_t api) const {
  const auto apis = with(role::api);
  return "http://" + apis[api % apis.size()]->address + ":7420";
}

std::optional<device_look> fleet::look(const std::string& gateway) const {
  try {
    const auto said = live::run({.words = {"wg", "show", interface_of(gateway), "allowed-ips"},
                                 .environment = {},
                                 .network = gateway},
                                2s);
    if (said.status != 0) return {};
    device_look seen;
    std::istringstream lines_of(said.out);
    for (std::string one; std::getline(lines_of, one);) {
      std::istringstream words(one);
      std::string key, ip;
      words >> key;
      auto& ips = seen[key];
      while (words >> ip) {
        if (ip != "(none)") ips.insert(ip);
      }
    }
    return seen;
  } catch (const std::exception&) {
    return {};  // it is frozen
  }
}

void fleet::lose_device(const std::string& gateway) {
  ++devices_lost;
  const pid_t process = live::userspace_process(interface_of(gateway));
  if (process != 0) ::kill(process, SIGKILL);
}

}  // namespace peerage::chaos
