#include "bench/stand.h"

#include <signal.h>
#include <sys/stat.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <utility>

#include "bench/place.h"
#include "crypto/random.h"
#include "crypto/x25519.h"
#include "plan/address.h"
#include "sqlite/store.h"

namespace peerage::bench {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t peers_in_one_write = 256;
constexpr auto answer_limit = std::chrono::seconds(30);
constexpr auto settle_limit = std::chrono::minutes(60);
constexpr auto look_again = std::chrono::milliseconds(20);

const auto network_of_all = *network_name::parse("bench");
const auto gateway_of_all = *gateway_name::parse("gw-bench");
constexpr std::uint16_t gateway_number = 1;

template <class T>
T must(result<T> made) {
  if (!made) throw std::runtime_error(made.error().message);
  if constexpr (!std::is_void_v<T>) return *std::move(made);
}

wall_time now() {
  return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
}

transaction network_and_gateway(const prefix& range) {
  network in;
  in.name = network_of_all;
  in.ipv6 = range;
  in.allowed_ips = {range};
  in.created_at = now();
  // The daemon registers itself over this one, and keeps its number.
  gateway on{};
  on.name = gateway_of_all;
  on.number = gateway_number;
  on.region = *region_name::parse("lab");
  on.public_key = public_of(make_private_key());
  on.endpoint = "127.0.0.1:1";
  on.device = "userspace";
  on.owner = "bench";
  on.registered_at = now();
  transaction both;
  both.push_back(put{std::move(in), absent{}});
  both.push_back(put{std::move(on), absent{}});
  return both;
}

}  // namespace

stand::stand(asio::any_io_executor loop, stand_options options)
    : loop_(std::move(loop)),
      options_(std::move(options)),
      range_(prefix::parse("fd5a:0:" + std::to_string(options_.number + 1) + "::/48").value()),
      random_(std::random_device{}()) {
  values_.peers = options_.peers;
}

std::string stand::called() const {
  return with_commas(options_.peers) + " peers: ";
}

task<> stand::prepare() {
  for (const std::string& each : {options_.folder, options_.folder + "/state"}) {
    if (::mkdir(each.c_str(), 0700) != 0) give_up("making " + each);
  }
  co_await fill_store();
  if (options_.alone) co_return;
  (void)co_await start_daemon();
  co_await fill_device();
}

/// Random, and at the address that the daemon would give it.
peer stand::next_peer() {
  peer made;
  made.id = {network_of_all, *peer_name::parse("peer-" + random_label(10))};
  std::array<std::uint8_t, key_size> key{};
  for (std::uint8_t& byte : key) byte = static_cast<std::uint8_t>(random_());
  made.public_key = public_key(key);
  made.gateway = gateway_of_all;
  made.ipv6 = peer_ipv6(range_, gateway_number, made.id, 0);
  made.created_at = made.assigned_at = now();
  made.created_by = *token_id::parse("benchbench");
  return made;
}

task<> stand::fill_store() {
  const std::string file = options_.folder + "/state/peerage.db";
  auto desired = must(open_sqlite_store(loop_, file));
  transaction first = network_and_gateway(range_);
  must(co_await desired->commit(std::move(first)));
  // Closed, it is one file; the parts are measured on a copy.
  desired.reset();
  progress said(called() + "storing them", options_.peers);
  std::uint32_t done = 0;
  plain_database(file).fill(options_.peers, [&] {
    said.at(done++);
    peer made = next_peer();
    if (!options_.alone) existing_.push_back(set_peer{{made.public_key, {}, made.addresses()}});
    return made;
  });
  if (options_.alone) co_return;
  const std::string copy = options_.folder + "/floor.db";
  std::filesystem::copy_file(file, copy);
  database_ = std::make_unique<plain_database>(copy);
}

task<stand::duration> stand::start_daemon() {
  const std::string port = std::to_string(21'820 + 2 * options_.number);
  const std::string api = "127.0.0.1:" + std::to_string(7'420 + options_.number);
  const std::string config = options_.folder + "/peeraged.toml";
  std::ofstream(config) << "state_dir = \"" << options_.folder << "/state\"\n"
                        << "[api]\nlisten = \"" << api << "\"\n"
                        << "[gateway]\nname = \"" << gateway_of_all.text() << "\"\n"
                        << "region = \"lab\"\nendpoint = \"127.0.0.1:" << port << "\"\n"
                        << "interface = \"" << interface() << "\"\nlisten_port = " << port << "\n";
  const std::size_t said_before = text_of_file(log()).size();
  daemon_ = start({options_.bin_dir + "/peeraged", "--config", config}, log());
  const auto begun = steady_clock::now();
  progress said(called() + "the daemon brings them to its device, seconds",
                std::chrono::seconds(settle_limit).count());
  asio::steady_timer pause(loop_);
  for (std::string text; !text.contains(" gateway settled");
       text = text_of_file(log()).substr(said_before)) {
    const auto waited = steady_clock::now() - begun;
    if (ended(daemon_) || text.contains(" comparison failed") || waited > settle_limit) {
      throw std::runtime_error("peeraged did not settle; its log:\n" + text_of_file(log()));
    }
    said.at(static_cast<std::uint64_t>(waited / std::chrono::seconds(1)));
    pause.expires_after(look_again);
    co_await pause.async_wait(asio::use_awaitable);
  }
  const auto took = steady_clock::now() - begun;
  token_ = text_of_file(options_.folder + "/state/admin-token");
  while (token_.ends_with('\n')) token_.pop_back();
  client_ = must(http::client::to(loop_, "http://" + api));
  http::request wanted = request("GET", "/v1/gateways/" + gateway_of_all.text());
  const auto answer = co_await send(std::move(wanted));
  device_kind_ = must(json::parse(answer.body)).at("device").as_string().c_str();
  co_return took;
}

task<> stand::stop_daemon() {
  client_.reset();
  if (::kill(daemon_, SIGTERM) != 0) give_up("stopping peeraged");
  asio::steady_timer pause(loop_);
  while (!ended(daemon_)) {
    pause.expires_after(look_again);
    co_await pause.async_wait(asio::use_awaitable);
  }
}

void stand::let_expire(std::uint32_t count, wall_time when) const {
  plain_database(options_.folder + "/state/peerage.db").let_expire(count, when);
}

task<> stand::fill_device() {
  const std::string interface = "wgfloor" + std::to_string(options_.number);
  const auto port = static_cast<std::uint16_t>(21'821 + 2 * options_.number);
  const std::string log = options_.folder + "/wireguard-go.log";
  device_ = co_await make_plain_device(loop_, device_kind_, interface, port, log);
  progress said(called() + "bringing them to the device beside", options_.peers);
  for (std::size_t done = 0; done < existing_.size(); said.at(done)) {
    std::vector<device_change> some;
    for (; done < existing_.size() && some.size() < peers_in_one_write; ++done) {
      some.push_back(std::move(existing_[done]));
    }
    must(co_await device_.peers->apply(std::move(some)));
  }
  existing_ = {};
}

http::request stand::request(std::string method, std::string path) const {
  http::request made;
  made.method = std::move(method);
  made.path = std::move(path);
  made.headers.emplace_back("Authorization", "Bearer " + token_);
  return made;
}

task<http::response> stand::send(http::request wanted) {
  auto answer = co_await client_->send(std::move(wanted), answer_limit);
  co_return must(std::move(answer));
}

static double in_milliseconds(steady_clock::duration took) {
  return std::chrono::duration<double, std::milli>(took).count();
}

task<> stand::once(part which, bool keep) {
  duration took{};
  switch (which) {
    case part::create: took = co_await create(keep); break;
    case part::commit: took = co_await commit(); break;
    case part::device: took = co_await add_to_device(); break;
    case part::http: took = co_await call_nothing(); break;
  }
  if (!keep) co_return;
  values_.parts[static_cast<std::size_t>(which)].push_back(in_milliseconds(took));
}

task<stand::duration> stand::create(bool keep) {
  const peer made = next_peer();
  const std::string all = "/v1/networks/" + network_of_all.text() + "/peers";
  http::request wanted = request("POST", all);
  wanted.headers.emplace_back("Content-Type", "application/json");
  json::object body{{"name", made.id.name.text()}, {"public_key", made.public_key.text()}};
  wanted.body = json::serialize(body);
  const auto begun = steady_clock::now();
  const auto answer = co_await send(std::move(wanted));
  const auto took = steady_clock::now() - begun;
  const json::value said = must(json::parse(answer.body));
  if (answer.status != 201 || said.at("state").as_string() != "live") {
    throw std::runtime_error("a creation was answered with " + std::to_string(answer.status) +
                             ": " + answer.body);
  }
  http::request removal = request("DELETE", all + "/" + made.id.name.text());
  const auto removing = steady_clock::now();
  const auto removed = co_await send(std::move(removal));
  if (keep) {
    keep_stages(said);
    values_.removals.push_back(in_milliseconds(steady_clock::now() - removing));
  }
  if (removed.status != 204) throw std::runtime_error("a removal failed: " + removed.body);
  co_return took;
}

void stand::keep_stages(const json::value& answer) {
  const json::object& timing = answer.at("timing_ms").as_object();
  for (std::size_t i = 0; i < stage_names.size(); ++i) {
    values_.stages[i].push_back(timing.at(stage_names[i]).to_number<double>());
  }
}

task<stand::duration> stand::commit() {
  const peer made = next_peer();
  const auto begun = steady_clock::now();
  database_->put(made);
  const auto took = steady_clock::now() - begun;
  database_->remove(made);
  co_return took;
}

task<stand::duration> stand::add_to_device() {
  const peer made = next_peer();
  std::vector<device_change> adding{set_peer{{made.public_key, {}, made.addresses()}}};
  const auto begun = steady_clock::now();
  must(co_await device_.peers->apply(std::move(adding)));
  const auto took = steady_clock::now() - begun;
  std::vector<device_change> dropping{drop_peer{made.public_key}};
  must(co_await device_.peers->apply(std::move(dropping)));
  co_return took;
}

task<stand::duration> stand::call_nothing() {
  http::request wanted = request("GET", "/healthz");
  const auto begun = steady_clock::now();
  const auto answer = co_await send(std::move(wanted));
  const auto took = steady_clock::now() - begun;
  if (answer.status != 200) throw std::runtime_error("/healthz failed: " + answer.body);
  co_return took;
}

}  // namespace peerage::bench
