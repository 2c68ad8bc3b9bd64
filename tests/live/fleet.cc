#include "tests/live/fleet.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>

#include "http/client.h"
#include "testing/run.h"
#include "tests/live/load.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

std::string quoted(const std::string& text) {
  return "\"" + text + "\"\n";
}

std::string nats_url(std::uint16_t port) {
  return "nats://127.0.0.1:" + std::to_string(port);
}

}  // namespace

std::uint16_t fresh_port() {
  static std::atomic<std::uint16_t> next = 11'000;
  return next++;
}

http::response ask(const std::string& url, const std::string& method, const std::string& target,
                   const std::string& body) {
  asio::io_context loop;
  auto client = http::client::to(loop.get_executor(), url);
  if (!client) throw std::runtime_error(client.error().message);
  http::request wanted;
  wanted.method = method;
  const auto question = target.find('?');
  wanted.path = target.substr(0, question);
  if (question != std::string::npos) wanted.query = target.substr(question + 1);
  wanted.body = body;
  auto said = fakes::run_on(loop, client->send(std::move(wanted), seconds{5}));
  if (!said) throw std::runtime_error(method + " " + target + ": " + said.error().message);
  return *std::move(said);
}

void server_process::launch(program what) {
  process_.reset();
  begins_ = text_of_file(log_file_).size();
  process_.emplace(std::move(what), log_file_);
}

void server_process::await_log(const std::string& words) {
  std::optional<int> ended;
  const bool said = eventually(15s, [&] {
    ended = process_->ended();
    return text_of_file(log_file_).find(words, begins_) != std::string::npos || ended;
  });
  if (ended) throw std::runtime_error("it ended with " + std::to_string(*ended) + ": " + log());
  if (!said) throw std::runtime_error("\"" + words + "\" is not said in time: " + log());
}

void server_process::kill() {
  if (!process_) return;
  process_->signal(SIGKILL);
  if (!process_->wait(10s)) throw std::runtime_error("a process survives SIGKILL");
  process_.reset();
}

int server_process::stop() {
  process_->signal(SIGTERM);
  const auto status = process_->wait(40s);
  if (!status) throw std::runtime_error("a process does not end after SIGTERM");
  process_.reset();
  return *status;
}

consul_node::consul_node(std::vector<std::string> of, bool client)
    : address_(of.empty() ? "127.0.0.1" : of.front()),
      servers_(std::move(of)),
      client_(client),
      port_(servers_.empty() ? fresh_port() : 8'500),
      process_(folder_.path() + "/consul.log") {}

void consul_node::start() {
  const bool many = !servers_.empty();
  const auto port = [&](std::uint16_t usual) {
    return std::to_string(many ? usual : fresh_port());
  };
  std::vector<std::string> words{consul_binary(),
                                 "agent",
                                 "-data-dir",
                                 folder_.path() + "/data",
                                 "-bind",
                                 address_,
                                 "-client",
                                 address_,
                                 "-node",
                                 "node-" + std::to_string(fresh_port()),
                                 "-http-port",
                                 std::to_string(port_),
                                 "-dns-port",
                                 "-1",
                                 "-serf-lan-port",
                                 port(8'301),
                                 "-serf-wan-port",
                                 "-1",
                                 "-server-port",
                                 port(8'300),
                                 "-log-level",
                                 configuration_.empty() ? "warn" : "debug",
                                 "-disable-host-node-id",
                                 "-retry-interval",
                                 "1s",
                                 "-hcl",
                                 "performance { raft_multiplier = 1 }"};
  if (!client_) {
    words.insert(words.end(),
                 {"-server", "-bootstrap-expect", std::to_string(many ? servers_.size() : 1)});
  }
  if (!configuration_.empty()) words.insert(words.end(), {"-hcl", configuration_});
  for (const std::string& each : servers_) {
    if (each != address_) words.insert(words.end(), {"-retry-join", each});
  }
  process_.launch({.words = std::move(words), .environment = {{"HOME", "/"}}, .network = {}});
  if (!many) await_ready();
}

bool consul_node::ready() const {
  try {
    if (ask(url(), "GET", "/v1/kv/none?consistent&token=" + master_).status != 404) return false;
    // It can't make policies while its access lists are still "in legacy mode".
    return master_.empty() || ask(url(), "GET", "/v1/acl/policies?token=" + master_).status == 200;
  } catch (const std::exception&) {
    return false;
  }
}

void consul_node::await_ready() const {
  if (!eventually(30s, [&] { return ready(); })) {
    throw std::runtime_error("Consul is not ready: " + process_.log());
  }
}

void consul_node::lock(std::string configuration, std::string master) {
  configuration_ = std::move(configuration);
  master_ = std::move(master);
}

std::string consul_node::tell(const std::string& path, const std::string& body) const {
  const auto said = ask(url(), "PUT", path + "?token=" + master_, body);
  if (said.status != 200) throw std::runtime_error(path + ": " + said.body);
  return said.body;
}

bool consul_node::leads() const {
  try {
    const auto leader = ask(url(), "GET", "/v1/status/leader").body;
    return leader.find("\"" + address_ + ":") != std::string::npos;
  } catch (const std::exception&) {
    return false;
  }
}

bool consul_node::has(const std::string& key) const {
  return ask(url(), "GET", "/v1/kv/peerage/v1/" + key + "?consistent").status == 200;
}

void consul_node::put(const std::string& key, const std::string& value) const {
  if (ask(url(), "PUT", "/v1/kv/peerage/v1/" + key + "?token=" + master_, value).status != 200) {
    throw std::runtime_error("Consul does not take " + key);
  }
}

void consul_node::remove_folder(const std::string& folder) const {
  if (ask(url(), "DELETE", "/v1/kv/peerage/v1/" + folder + "?recurse&token=" + master_).status !=
      200) {
    throw std::runtime_error("Consul does not remove " + folder);
  }
}

std::map<std::string, std::uint64_t> consul_node::indexes() const {
  const auto all = json::parse(ask(url(), "GET", "/v1/kv/peerage/v1/?recurse&consistent").body, 32);
  std::map<std::string, std::uint64_t> made;
  if (!all) throw std::runtime_error("Consul's keys can't be read");
  for (const auto& each : all->as_array()) {
    const auto& key = each.as_object();
    made[key.at("Key").as_string().c_str()] = key.at("ModifyIndex").to_number<std::uint64_t>();
  }
  return made;
}

nats_node::nats_node() : port_(fresh_port()), process_(folder_.path() + "/nats.log") {}

void nats_node::lock(std::string file, std::map<std::string, std::string> environment) {
  file_ = std::move(file);
  environment_ = std::move(environment);
}

std::string nats_node::url() const {
  return (file_.empty() ? "nats://127.0.0.1:" : "tls://127.0.0.1:") + std::to_string(port_);
}

void nats_node::start() {
  std::vector<std::string> words{"nats-server", "-a", "127.0.0.1", "-p", std::to_string(port_)};
  if (!file_.empty()) words.insert(words.end(), {"-D", "-c", file_});
  process_.launch({.words = std::move(words), .environment = environment_, .network = {}});
  process_.await_log("Server is ready");
}

void nats_node::freeze() {
  process_.signal(SIGSTOP);
}
void nats_node::thaw() {
  process_.signal(SIGCONT);
}

fleet_node::fleet_node(std::string config, std::string ready, std::string log_level)
    : ready_(std::move(ready)),
      log_level_(std::move(log_level)),
      process_(folder_.path() + "/peeraged.log") {
  std::ofstream(folder_.path() + "/peeraged.toml")
      << "state_dir = " << quoted(state_dir()) << config;
}

void fleet_node::launch() {
  process_.launch({.words = {binary("peeraged"), "--config", folder_.path() + "/peeraged.toml",
                             "--log-level", log_level_},
                   .environment = {},
                   .network = {}});
}

void fleet_node::start() {
  launch();
  process_.await_log(ready_);
}

void fleet_node::settle() {
  start();
  process_.await_log(" gateway settled");
}

void fleet_node::forget() {
  std::filesystem::remove_all(state_dir());
}

api_node::api_node(std::string config, std::uint16_t port, const node_options& options)
    : fleet_node(std::move(config), " ready api=", options.log_level),
      port_(port),
      ca_file_(options.api_ca_file) {}

std::string api_node::url() const {
  return (ca_file_.empty() ? "http://127.0.0.1:" : "https://127.0.0.1:") + std::to_string(port_);
}

gateway_node::gateway_node(std::string config, std::string name, std::string interface,
                           std::uint16_t admin, const node_options& options)
    : fleet_node(std::move(config), " ready gateway=", options.log_level),
      name_(std::move(name)),
      interface_(std::move(interface)),
      admin_(admin) {}

gateway_node::~gateway_node() {
  try {
    if (running().runs()) kill();
    remove_device(interface_);
  } catch (const std::exception& left) {
    ADD_FAILURE() << left.what();
  }
}

bool gateway_node::has(const std::string& key) const {
  return look_at(interface_).contains(key);
}

std::size_t gateway_node::peers() const {
  return look_at(interface_).size();
}

std::uint64_t gateway_node::revision() const {
  const std::string text = ask(admin_url(), "GET", "/metrics").body;
  const std::string line = "\npeerage_gateway_revision{gateway=\"" + name_ + "\"} ";
  const auto at = text.find(line);
  if (at == std::string::npos) throw std::runtime_error("no revision in " + text);
  return static_cast<std::uint64_t>(std::stod(text.substr(at + line.size())));
}

std::string gateway_node::inside() const {
  const std::string said = must_run({"ip", "-6", "-o", "address", "show", "dev", interface_});
  for (std::size_t at = 0; (at = said.find("inet6 ", at)) != std::string::npos; ++at) {
    const std::string address = said.substr(at + 6, said.find('/', at) - at - 6);
    if (!address.starts_with("fe80")) return address;
  }
  throw std::runtime_error(interface_ + " has no address: " + said);
}

void gateway_node::lose_device() const {
  remove_device(interface_);
}

fleet::fleet() : fleet([](fleet&) {}) {}

fleet::fleet(const std::function<void(fleet&)>& lock) {
  lock(*this);
  consul.start();
  nats.start();
}

fleet::~fleet() {
  if (std::uncaught_exceptions() == 0 && !testing::Test::HasFailure()) return;
  for (const auto& each : apis_) {
    std::cerr << "---- the log of an API process\n" << text_of_file(each->running().log_file());
  }
  for (const auto& each : gateways_) {
    std::cerr << "---- the log of " << each->name() << "\n"
              << text_of_file(each->running().log_file());
  }
  std::cerr << "----\n";
}

std::string fleet::backends(const node_options& options) const {
  const std::string bus = options.nats_port == 0 ? nats.url() : nats_url(options.nats_port);
  return "[store]\nkind = \"consul\"\naddress = " +
         quoted(options.consul_url.empty() ? consul.url() : options.consul_url) +
         options.store_lines + "[bus]\nkind = \"nats\"\nservers = [\"" + bus + "\"]\n" +
         options.bus_lines;
}

api_node& fleet::add_api(node_options options) {
  const std::uint16_t port = fresh_port();
  const std::string config = backends(options) +
                             "[api]\nlisten = " + quoted("127.0.0.1:" + std::to_string(port)) +
                             options.api_lines;
  apis_.push_back(std::make_unique<api_node>(config, port, options));
  return *apis_.back();
}

gateway_node& fleet::add_gateway(const std::string& name, const std::string& region,
                                 node_options options) {
  const std::uint16_t admin = fresh_port();
  const std::uint16_t udp = fresh_port();
  const std::string interface = "wgf" + std::to_string(udp);
  const std::string config =
      backends(options) + "[gateway]\nname = " + quoted(name) + "region = " + quoted(region) +
      "endpoint = " + quoted(options.endpoint_address + ":" + std::to_string(udp)) +
      "interface = " + quoted(interface) + "listen_port = " + std::to_string(udp) +
      "\nadmin_listen = " + quoted("127.0.0.1:" + std::to_string(admin)) +
      "reconcile_s = " + std::to_string(options.reconcile_s) + "\n";
  gateways_.push_back(std::make_unique<gateway_node>(config, name, interface, admin, options));
  return *gateways_.back();
}

void fleet::start_usual(node_options of_gateways) {
  for (int i = 0; i < 2; ++i) add_api().start();
  add_gateway("gw-1", "fra", of_gateways).settle();
  add_gateway("gw-2", "iad", of_gateways).settle();
  for (std::size_t i = 0; i < 2; ++i) await_live(i, 2);
  call().make_network("acme");
}

std::string fleet::token() const {
  std::string token = text_of_file(apis_.at(0)->state_dir() + "/admin-token");
  while (token.ends_with('\n')) token.pop_back();
  return token;
}

caller fleet::call(std::size_t n, const std::string& as) {
  const api_node& to = api(n);
  if (to.ca_file().empty()) return {to.url(), as};
  return {to.url(), as, http::make_client_tls({to.ca_file(), {}, {}}, "127.0.0.1").value()};
}

program fleet::peerage(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), binary("peerage"));
  if (const std::string& ca = api().ca_file(); !ca.empty()) {
    arguments.insert(arguments.end(), {"--ca-file", ca});
  }
  return {
      .words = std::move(arguments),
      .environment = {{"HOME", "/"}, {"PEERAGE_SERVER", api().url()}, {"PEERAGE_TOKEN", token()}},
      .network = {}};
}

void fleet::await_live(std::size_t n, std::size_t gateways) {
  caller api = call(n);
  const bool seen = eventually(10s, [&] {
    std::size_t live = 0;
    const auto list = api.call("GET", "/v1/gateways");
    for (const auto& each : list["items"].as_array()) {
      live += each.as_object().at("live").as_bool() ? 1 : 0;
    }
    return live == gateways;
  });
  if (!seen) throw std::runtime_error("the gateways do not become live");
}

void expect_gateway_is_store(fleet& all, gateway_node& gateway, const std::string& network) {
  std::map<std::string, json::object> mine;
  for (auto& [name, peer] : all.call().peers_of(network)) {
    if (peer.at("gateway").as_object().at("name").as_string() == gateway.name()) mine[name] = peer;
  }
  expect_device_is_store(gateway.interface(), mine);
}

}  // namespace peerage::live
