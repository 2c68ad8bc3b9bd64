#include "tests/live/daemon.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>

#include "crypto/x25519.h"
#include "testing/run.h"
#include "tests/live/wireguard.h"

namespace peerage::live {
namespace {

// The network namespace is this program's own, and so are the ports in it; below those that the
// system gives to connections.
constexpr std::uint16_t first_api_port = 7420;
constexpr std::uint16_t first_udp_port = 21820;

std::atomic<std::uint16_t> daemons_made = 0;

http::client client_to(asio::io_context& loop, const std::string& url,
                       std::shared_ptr<http::client_tls> tls) {
  auto made = http::client::to(loop.get_executor(), url, {}, std::move(tls));
  if (!made) throw std::runtime_error(made.error().message);
  return *std::move(made);
}

std::string quoted(const std::string& text) {
  return "\"" + text + "\"\n";
}

}  // namespace

std::string binary(const std::string& name) {
  const char* const folder = std::getenv("PEERAGE_BIN_DIR");
  if (folder != nullptr) return std::string(folder) + "/" + name;
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / name;
}

std::string consul_binary() {
  if (const char* told = std::getenv("PEERAGE_CONSUL")) return told;
  const std::filesystem::path release = std::filesystem::path(binary("peeraged")).parent_path();
  for (const auto& build : {release, release.parent_path()}) {
    const auto here = build / "tools/usr/bin/consul";
    if (std::filesystem::exists(here)) return here;
  }
  return "consul";
}

std::string new_public_key() {
  return public_of(make_private_key()).text();
}

const json::value& answer::operator[](std::string_view member) const {
  const json::object* const object = body.if_object();
  const json::value* const found = object == nullptr ? nullptr : object->if_contains(member);
  if (found == nullptr) throw std::runtime_error("no " + std::string(member) + " in: " + text);
  return *found;
}

std::string answer::word(std::string_view member) const {
  const auto& text_value = (*this)[member].as_string();
  return {text_value.data(), text_value.size()};
}

caller::caller(const std::string& url, std::string token, std::shared_ptr<http::client_tls> tls)
    : token_(std::move(token)), client_(client_to(loop_, url, std::move(tls))) {}

result<answer> caller::attempt(const std::string& method, const std::string& target,
                               const json::value& body) {
  const auto question = target.find('?');
  http::request wanted;
  wanted.method = method;
  wanted.path = target.substr(0, question);
  if (question != std::string::npos) wanted.query = target.substr(question + 1);
  wanted.headers.emplace_back("Authorization", "Bearer " + token_);
  if (!body.is_null()) {
    wanted.headers.emplace_back("Content-Type", "application/json");
    wanted.body = json::serialize(body);
  }
  auto said = fakes::run_on(loop_, client_.send(std::move(wanted), 20s));
  if (!said) return std::unexpected(std::move(said.error()));
  answer made{said->status, nullptr, std::move(said->body)};
  if (auto read = json::parse(made.text)) made.body = *std::move(read);
  return made;
}

answer caller::call(const std::string& method, const std::string& target, const json::value& body) {
  auto said = attempt(method, target, body);
  if (said) return *std::move(said);
  throw std::runtime_error(method + " " + target + ": " + said.error().message);
}

answer caller::enrol(const std::string& network, const std::string& name, const std::string& key) {
  const json::object body{{"name", name}, {"public_key", key}};
  return call("POST", "/v1/networks/" + network + "/peers", body);
}

void caller::make_network(const std::string& name, const std::string& ipv4,
                          const std::string& ipv6) {
  json::object body{{"name", name}};
  if (!ipv6.empty()) body["ipv6"] = ipv6;
  if (!ipv4.empty()) body["ipv4"] = ipv4;
  const answer made = call("POST", "/v1/networks", body);
  if (made.status != 201) throw std::runtime_error("making network " + name + ": " + made.text);
}

std::map<std::string, json::object> caller::peers_of(const std::string& network) {
  std::map<std::string, json::object> peers;
  const std::string target = "/v1/networks/" + network + "/peers?limit=1000";
  for (std::string more;;) {
    const answer page = call("GET", target + more);
    for (const json::value& each : page["items"].as_array()) {
      const json::object& peer = each.as_object();
      peers[peer.at("name").as_string().c_str()] = peer;
    }
    if (page["next_cursor"].is_null()) return peers;
    more = "&cursor=" + page.word("next_cursor");
  }
}

daemon_under_test::daemon_under_test(daemon_options options) : options_(std::move(options)) {
  const std::uint16_t number = ++daemons_made;
  interface_ = "wglive" + std::to_string(number);
  api_port_ = static_cast<std::uint16_t>(first_api_port + number);
  udp_port_ = static_cast<std::uint16_t>(first_udp_port + number);
  write_config(config_text());
}

daemon_under_test::~daemon_under_test() {
  process_.reset();
  const bool failed = std::uncaught_exceptions() > 0 || testing::Test::HasFailure();
  if (failed) {
    std::cerr << "---- the daemon's log\n" << text_of_file(log_file());
    std::cerr << "---- wireguard-go's log\n" << text_of_file(state_dir() + "/wireguard-go.log");
    std::cerr << "----\n";
  }
  try {
    remove_device(interface_);
  } catch (const std::exception& left) {
    ADD_FAILURE() << left.what();
  }
}

std::string daemon_under_test::config_text() const {
  return "state_dir = " + quoted(state_dir()) +
         "[api]\nlisten = " + quoted("127.0.0.1:" + std::to_string(api_port_)) +
         "[gateway]\nname = \"gw-live\"\n" + "region = \"lab\"\nendpoint = " +
         quoted(options_.endpoint_address + ":" + std::to_string(udp_port_)) +
         "interface = " + quoted(interface_) + "listen_port = " + std::to_string(udp_port_) +
         "\ndevice = " + quoted(options_.device) +
         "reconcile_s = " + std::to_string(options_.reconcile_s) + "\n";
}

void daemon_under_test::write_config(const std::string& text) const {
  std::ofstream(config_file()) << text;
}

program daemon_under_test::command(std::vector<std::string> more) const {
  std::vector<std::string> words{binary("peeraged"), "--config", config_file()};
  words.insert(words.end(), more.begin(), more.end());
  return {.words = std::move(words), .environment = {}, .network = {}};
}

program daemon_under_test::peerage(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), binary("peerage"));
  return {.words = std::move(arguments),
          .environment = {{"HOME", folder()},
                          {"PEERAGE_SERVER", url()},
                          {"PEERAGE_TOKEN", admin_token()}},
          .network = {}};
}

void daemon_under_test::launch() {
  process_.reset();
  log_begins_ = text_of_file(log_file()).size();
  process_.emplace(command({"--log-level", options_.log_level}), log_file());
}

std::string daemon_under_test::log_since_launch() const {
  return text_of_file(log_file()).substr(log_begins_);
}

void daemon_under_test::await_log(const std::string& words, milliseconds limit) {
  std::optional<int> ended;
  const bool said = eventually(limit, [&] {
    ended = process_->ended();
    return log_since_launch().contains(words) || ended;
  });
  if (ended) throw std::runtime_error("peeraged ended with " + std::to_string(*ended));
  if (!said) throw std::runtime_error("peeraged does not say \"" + words + "\" in time");
}

void daemon_under_test::start() {
  launch();
  await_log(" ready api=" + url());
}

void daemon_under_test::settle(milliseconds limit) {
  start();
  await_log(" gateway settled", limit);
}

void daemon_under_test::kill() {
  process_->signal(SIGKILL);
  if (!process_->wait(10s)) throw std::runtime_error("peeraged survives SIGKILL");
}

int daemon_under_test::stop() {
  process_->signal(SIGTERM);
  const auto status = process_->wait(20s);
  if (!status) throw std::runtime_error("peeraged does not end after SIGTERM");
  return *status;
}

std::string daemon_under_test::admin_token() const {
  std::string token = text_of_file(state_dir() + "/admin-token");
  while (token.ends_with('\n')) token.pop_back();
  return token;
}

}  // namespace peerage::live
