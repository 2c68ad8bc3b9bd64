#include "bench/fleet_stand.h"

#include <sys/stat.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "base/base64.h"
#include "bench/place.h"
#include "crypto/random.h"
#include "wire/records.h"

namespace peerage::bench {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t sets_in_one_transaction = 64;
constexpr auto answer_limit = std::chrono::seconds(30);
constexpr auto start_limit = std::chrono::minutes(5);
constexpr auto look_again = std::chrono::milliseconds(20);

template <class T>
T must(result<T> made) {
  if (!made) throw std::runtime_error(made.error().message);
  return *std::move(made);
}

task<> pause(asio::any_io_executor loop) {
  asio::steady_timer timer(loop, look_again);
  co_await timer.async_wait(asio::use_awaitable);
}

/// Until the log of a program that runs has the words.
task<> await_words(asio::any_io_executor loop, pid_t program, std::string log, std::string words) {
  const auto begun = steady_clock::now();
  while (!text_of_file(log).contains(words)) {
    if (ended(program) || steady_clock::now() - begun > start_limit) {
      throw std::runtime_error("\"" + words + "\" is not said; the log:\n" + text_of_file(log));
    }
    co_await pause(loop);
  }
}

std::string base64(const std::string& text) {
  return base64_encode({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

}  // namespace

http::client connect_to(asio::any_io_executor loop, std::uint16_t port) {
  return must(http::client::to(loop, "http://127.0.0.1:" + std::to_string(port)));
}

task<std::string> ask_consul(http::client& over, std::string method, std::string path,
                             std::string query, std::string body) {
  http::request wanted;
  wanted.method = std::move(method);
  wanted.path = std::move(path);
  wanted.query = std::move(query);
  wanted.body = std::move(body);
  auto answer = must(co_await over.send(std::move(wanted), answer_limit));
  if (answer.status != 200) throw std::runtime_error("Consul: " + answer.body);
  co_return std::move(answer.body);
}

task<server_processes> start_servers(asio::any_io_executor loop, servers where,
                                     std::string consul_program, std::string folder) {
  const std::string nats_log = folder + "/nats.log";
  const pid_t nats =
      start({"nats-server", "-a", "127.0.0.1", "-p", std::to_string(where.nats)}, nats_log);
  const std::string consul_log = folder + "/consul.log";
  const pid_t consul = start(
      {consul_program, "agent", "-server", "-bootstrap-expect=1", "-data-dir", folder + "/consul",
       "-bind", "127.0.0.1", "-client", "127.0.0.1", "-http-port", std::to_string(where.consul),
       "-dns-port", "-1", "-log-level", "warn", "-hcl", "performance { raft_multiplier = 1 }"},
      consul_log);
  co_await await_words(loop, nats, nats_log, "Server is ready");
  http::client probe = connect_to(loop, where.consul);
  const auto begun = steady_clock::now();
  for (;;) {
    http::request wanted;
    wanted.method = "GET";
    wanted.path = "/v1/kv/none";
    wanted.query = "consistent";
    const auto answer = co_await probe.send(std::move(wanted), answer_limit);
    if (answer && answer->status == 404) co_return server_processes{consul, nats};
    if (ended(consul) || steady_clock::now() - begun > start_limit) {
      throw std::runtime_error("Consul does not start:\n" + text_of_file(consul_log));
    }
    co_await pause(loop);
  }
}

fleet_stand::fleet_stand(asio::any_io_executor loop, fleet_options options)
    : loop_(std::move(loop)), options_(std::move(options)), random_(std::random_device{}()) {}

task<> fleet_stand::prepare() {
  if (::mkdir(options_.folder.c_str(), 0700) != 0) give_up("making " + options_.folder);
  co_await fill_consul();
  std::string api =
      "[api]\nlisten = \"127.0.0.1:" + std::to_string(7'420 + options_.number) + "\"\n";
  api_ = co_await start_one("api", std::move(api), " ready ");
  token_ = text_of_file(options_.folder + "/api/admin-token");
  while (token_.ends_with('\n')) token_.pop_back();
  const std::string port = std::to_string(21'820 + options_.number);
  std::string section =
      "[gateway]\nname = \"" + gateway() + "\"\nregion = \"lab\"\nendpoint = \"127.0.0.1:" + port +
      "\"\ninterface = \"" + interface() + "\"\nlisten_port = " + port +
      "\nadmin_listen = \"127.0.0.1:" + std::to_string(7'520 + options_.number) + "\"\n";
  progress said(with_commas(options_.peers) + " peers: the gateway reads them and fills its device",
                1);
  gateway_ = co_await start_one("gateway", std::move(section), " gateway settled");
  co_await await_gateway();
}

assignment fleet_stand::next_assignment() {
  std::array<std::uint8_t, key_size> key{};
  for (std::uint8_t& byte : key) byte = static_cast<std::uint8_t>(random_());
  const ip_address where = *ip_address::parse(
      "fd5b:0:" + std::to_string(options_.number + 1) + ":1:" + std::to_string(random_() % 9'999) +
      ":" + std::to_string(random_() % 9'999) + ":" + std::to_string(random_() % 9'999) + ":" +
      std::to_string(random_() % 9'999));
  assignment made;
  made.id = {*network_name::parse("bulk"), *peer_name::parse("peer-" + random_label(10))};
  made.public_key = public_key(key);
  made.addresses = {prefix::of(where, 128)};
  return made;
}

task<> fleet_stand::fill_consul() {
  http::client consul = connect_to(loop_, options_.where.consul);
  progress said(with_commas(options_.peers) + " peers: storing them", options_.peers);
  for (std::uint32_t done = 0; done < options_.peers; said.at(done)) {
    json::array sets;
    for (; done < options_.peers && sets.size() < sets_in_one_transaction; ++done) {
      const assignment one = next_assignment();
      const std::string key =
          prefix() + "at/" + gateway() + "/" + hex_encode(one.public_key.bytes());
      json::object set{{"Verb", "set"}, {"Key", key}, {"Value", base64(wire::write(one))}};
      sets.push_back(json::object{{"KV", std::move(set)}});
    }
    std::string body = json::serialize(sets);
    (void)co_await ask_consul(consul, "PUT", "/v1/txn", "", std::move(body));
  }
}

task<pid_t> fleet_stand::start_one(std::string role, std::string section, std::string until) {
  const std::string home = options_.folder + "/" + role;
  const bool behind_proxy = role == "gateway" && options_.gateways_consul != 0;
  const auto consul = behind_proxy ? options_.gateways_consul : options_.where.consul;
  std::ofstream(home + ".toml") << "state_dir = \"" << home << "\"\n[store]\nkind = \"consul\"\n"
                                << "address = \"http://127.0.0.1:" << consul << "\"\nprefix = \""
                                << prefix() << "\"\n[bus]\nkind = \"nats\"\n"
                                << "servers = [\"nats://127.0.0.1:" << options_.where.nats
                                << "\"]\n"
                                << section;
  const std::string log = home + ".log";
  const pid_t daemon = start({options_.bin_dir + "/peeraged", "--config", home + ".toml"}, log);
  co_await await_words(loop_, daemon, log, std::move(until));
  co_return daemon;
}

http::client fleet_stand::connect() {
  return connect_to(loop_, static_cast<std::uint16_t>(7'420 + options_.number));
}

/// Until the API sees the gateway, and has its network.
task<> fleet_stand::await_gateway() {
  http::client api = connect();
  http::request network = request("POST", "/v1/networks");
  network.headers.emplace_back("Content-Type", "application/json");
  network.body = R"({"name": "bench"})";
  const auto made = must(co_await api.send(std::move(network), answer_limit));
  if (made.status != 201) throw std::runtime_error("making the network: " + made.body);
  for (;;) {
    http::request wanted = request("GET", "/v1/gateways/" + gateway());
    const auto answer = must(co_await api.send(std::move(wanted), answer_limit));
    if (answer.body.contains("\"live\":true")) co_return;
    co_await pause(loop_);
  }
}

http::request fleet_stand::request(std::string method, std::string path) const {
  http::request made;
  made.method = std::move(method);
  made.path = std::move(path);
  made.headers.emplace_back("Authorization", "Bearer " + token_);
  return made;
}

task<fleet_stand::created> fleet_stand::create(http::client& over) {
  return create_as(over, 201);
}

task<fleet_stand::created> fleet_stand::create_pending(http::client& over) {
  return create_as(over, 202);
}

task<fleet_stand::created> fleet_stand::create_as(http::client& over, int wanted_status) {
  const assignment one = next_assignment();
  http::request wanted = request("POST", "/v1/networks/bench/peers");
  wanted.headers.emplace_back("Content-Type", "application/json");
  json::object body{{"name", one.id.name.text()}, {"public_key", one.public_key.text()}};
  wanted.body = json::serialize(body);
  const auto begun = steady_clock::now();
  const auto answer = must(co_await over.send(std::move(wanted), answer_limit));
  created made{one.id.name.text(), one.public_key, steady_clock::now() - begun, {}};
  if (answer.status != wanted_status) {
    throw std::runtime_error("a creation is not answered as it should: " + answer.body);
  }
  const json::value said = must(json::parse(answer.body));
  const json::object& timing = said.at("timing_ms").as_object();
  for (std::size_t i = 0; i < stage_names.size(); ++i) {
    const json::value* stage = timing.if_contains(stage_names[i]);
    made.stages[i] = stage == nullptr || stage->is_null() ? 0 : stage->to_number<double>();
  }
  co_return made;
}

task<> fleet_stand::remove(http::client& over, std::string name, int wanted_status) {
  http::request wanted = request("DELETE", "/v1/networks/bench/peers/" + name);
  const auto answer = must(co_await over.send(std::move(wanted), answer_limit));
  if (answer.status != wanted_status) throw std::runtime_error("a removal failed: " + answer.body);
}

task<steady_clock::duration> fleet_stand::call_nothing(http::client& over) {
  http::request wanted = request("GET", "/healthz");
  const auto begun = steady_clock::now();
  const auto answer = must(co_await over.send(std::move(wanted), answer_limit));
  if (answer.status != 200) throw std::runtime_error("/healthz failed: " + answer.body);
  co_return steady_clock::now() - begun;
}

}  // namespace peerage::bench
