#include "bench/fleet_floor.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include "base/base64.h"
#include "bench/fleet_stand.h"
#include "bench/place.h"
#include "crypto/random.h"

namespace peerage::bench {
namespace {

using std::chrono::steady_clock;

int connect(std::uint16_t port) {
  const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int one = 1;
  ::setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (::connect(made, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) give_up("NATS");
  return made;
}

void say(int to, const std::string& text) {
  if (::send(to, text.data(), text.size(), MSG_NOSIGNAL) < 0) give_up("NATS");
}

bool read_until(int from, const std::string& end) {
  std::string all;
  std::array<char, 4096> bytes{};
  while (!all.contains(end)) {
    const auto got = ::recv(from, bytes.data(), bytes.size(), 0);
    if (got <= 0) return false;
    all.append(bytes.data(), static_cast<std::size_t>(got));
  }
  return true;
}

std::string base64(const std::string& text) {
  return base64_encode({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

}  // namespace

plain_nats::plain_nats(std::uint16_t port, const std::string& subject)
    : asker_(connect(port)), answerer_(connect(port)), subject_(subject) {
  say(asker_, "CONNECT {\"verbose\":false}\r\nSUB " + subject + ".answers 1\r\nPING\r\n");
  read_until(asker_, "PONG\r\n");
  say(answerer_, "CONNECT {\"verbose\":false}\r\nSUB " + subject + " 1\r\nPING\r\n");
  read_until(answerer_, "PONG\r\n");
  answering_ = std::thread([this] { answer(); });
}

plain_nats::~plain_nats() {
  ::shutdown(answerer_, SHUT_RDWR);
  answering_.join();
  ::close(asker_);
  ::close(answerer_);
}

void plain_nats::round_trip() {
  const std::string payload(450, 'x');
  say(asker_, "PUB " + subject_ + " " + subject_ + ".answers 450\r\n" + payload + "\r\n");
  std::string reply(200, 'y');
  reply += "\r\n";
  read_until(asker_, reply);
}

void plain_nats::answer() {
  std::string reply = "PUB " + subject_ + ".answers 200\r\n";
  reply.append(200, 'y').append("\r\n");
  std::string request(450, 'x');
  request += "\r\n";
  while (read_until(answerer_, request)) say(answerer_, reply);
}

plain_consul::plain_consul(asio::any_io_executor loop, std::uint16_t port, std::string prefix)
    : over_(connect_to(loop, port)), prefix_(std::move(prefix)) {}

task<> plain_consul::prepare() {
  for (const char* place : {"network", "gateway"}) {
    std::string path = "/v1/kv/" + prefix_ + place;
    (void)co_await ask_consul(over_, "PUT", std::move(path), "", std::string(300, 'p'));
  }
  std::string path = "/v1/kv/" + prefix_ + "network";
  network_ = co_await index_of(std::move(path));
  path = "/v1/kv/" + prefix_ + "gateway";
  gateway_ = co_await index_of(std::move(path));
}

task<steady_clock::duration> plain_consul::once() {
  const std::string id = random_label(20);
  json::array all;
  all.push_back(check("network", network_));
  all.push_back(check("gateway", gateway_));
  all.push_back(cas("peers/" + id, std::string(420, 'v'), 0));
  all.push_back(cas("at/" + id, std::string(330, 'v'), 0));
  all.push_back(cas("placed/" + id, "", 0));
  all.push_back(cas("addresses/" + id, "bench/" + id, 0));
  all.push_back(cas("ring", std::string(260, 'r') + id, ring_));
  std::string body = json::serialize(all);
  const auto begun = steady_clock::now();
  const std::string answer = co_await ask_consul(over_, "PUT", "/v1/txn", "", std::move(body));
  const auto took = steady_clock::now() - begun;
  const auto said = json::parse(answer, 32);
  for (const auto& each : said->at("Results").as_array()) {
    const auto& kv = each.at("KV").as_object();
    if (kv.at("Key").as_string() == prefix_ + "ring") {
      ring_ = kv.at("ModifyIndex").to_number<std::uint64_t>();
    }
  }
  json::array removals;
  for (const char* folder : {"peers/", "at/", "placed/", "addresses/"}) {
    json::object one{{"Verb", "delete"}, {"Key", prefix_ + folder + id}};
    removals.push_back(json::object{{"KV", std::move(one)}});
  }
  std::string removal = json::serialize(removals);
  (void)co_await ask_consul(over_, "PUT", "/v1/txn", "", std::move(removal));
  co_return took;
}

json::object plain_consul::check(const std::string& key, std::uint64_t index) const {
  json::object one{{"Verb", "check-index"}, {"Key", prefix_ + key}, {"Index", index}};
  return json::object{{"KV", std::move(one)}};
}

json::object plain_consul::cas(const std::string& key, const std::string& value,
                               std::uint64_t index) const {
  json::object one{
      {"Verb", "cas"}, {"Key", prefix_ + key}, {"Value", base64(value)}, {"Index", index}};
  return json::object{{"KV", std::move(one)}};
}

task<std::uint64_t> plain_consul::index_of(std::string path) {
  const std::string answer = co_await ask_consul(over_, "GET", std::move(path), "", "");
  const auto said = json::parse(answer, 32);
  co_return said->as_array().at(0).at("ModifyIndex").to_number<std::uint64_t>();
}

}  // namespace peerage::bench
