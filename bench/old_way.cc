#include "bench/old_way.h"

#include <sys/stat.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <fstream>
#include <stdexcept>

#include "base/base64.h"
#include "bench/load.h"
#include "bench/place.h"
#include "crypto/random.h"

namespace peerage::bench {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t sets_in_one_transaction = 64;
constexpr auto look_again = std::chrono::milliseconds(1);
constexpr auto longest_wait = std::chrono::minutes(5);

std::array<std::uint8_t, key_size> random_key() {
  std::array<std::uint8_t, key_size> key{};
  fill_random(key);
  return key;
}

std::string section_of(const std::array<std::uint8_t, key_size>& key, std::uint32_t number) {
  char address[64];
  std::snprintf(address, sizeof address, "fd5e::%x:%x/128", number / 65'536 + 1, number % 65'536);
  return "[Peer]\nPublicKey = " + base64_encode(key) + "\nAllowedIPs = " + address + "\n";
}

}  // namespace

old_way::old_way(asio::any_io_executor loop, old_way_options options)
    : loop_(loop), options_(std::move(options)), consul_(connect_to(loop, options_.where.consul)) {}

old_way::~old_way() {
  if (watch_ == 0) return;
  ::kill(watch_, SIGKILL);
  (void)wait_for(watch_);
}

std::string old_way::applied() const {
  return text_of_file(options_.folder + "/applied");
}

task<> old_way::prepare() {
  if (::mkdir(options_.folder.c_str(), 0700) != 0) give_up("making " + options_.folder);
  const std::string number = std::to_string(options_.number);
  const std::string interface = "wgold" + number, prefix = "old" + number + "/";
  const auto port = static_cast<std::uint16_t>(23'820 + options_.number);
  const std::string log = options_.folder + "/device.log";
  device_ = co_await make_plain_device(loop_, "userspace", interface, port, log);
  std::ofstream(options_.folder + "/head.conf")
      << "[Interface]\nListenPort = " << port << "\nPrivateKey = " << base64_encode(random_key())
      << "\n";
  progress said(with_commas(options_.peers) + " peers, the old way", options_.peers);
  std::string last;
  for (; made_ < options_.peers; said.at(made_)) {
    json::array sets;
    for (; made_ < options_.peers && sets.size() < sets_in_one_transaction; ++made_) {
      const auto key = random_key();
      const std::string section = section_of(key, made_);
      const std::span bytes(reinterpret_cast<const std::uint8_t*>(section.data()), section.size());
      last = hex_encode(key);
      json::object set{{"Verb", "set"}, {"Key", prefix + last}, {"Value", base64_encode(bytes)}};
      sets.push_back(json::object{{"KV", std::move(set)}});
    }
    std::string body = json::serialize(sets);
    (void)co_await ask_consul(consul_, "PUT", "/v1/txn", "", std::move(body));
  }
  const std::string render = PEERAGE_SOURCE_DIR "/bench/old-way/render";
  watch_ = start({options_.consul_program, "watch", "-shell=false", "-type=keyprefix",
                  "-http-addr=127.0.0.1:" + std::to_string(options_.where.consul),
                  "-prefix=" + prefix, render, interface, options_.folder},
                 options_.folder + "/watch.log");
  std::string never;
  co_await await_device(std::move(never), std::move(last), true);
}

/// Until the script has made the device so once more, after `after`, and the key is there or isn't.
task<> old_way::await_device(std::string after, std::string key, bool there) {
  const std::string interface = "wgold" + std::to_string(options_.number);
  const auto begun = steady_clock::now();
  for (;;) {
    const std::string now = applied();
    if (now != after) {
      if (keys_on_device(interface).contains(key) == there) co_return;
      after = now;
    }
    if (ended(watch_) || steady_clock::now() - begun > longest_wait) {
      throw std::runtime_error("the old way does not get there:\n" +
                               text_of_file(options_.folder + "/watch.log"));
    }
    asio::steady_timer timer(loop_, look_again);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

task<steady_clock::duration> old_way::create() {
  const auto key = random_key();
  const std::string text = hex_encode(key);
  const std::string path = "/v1/kv/old" + std::to_string(options_.number) + "/" + text;
  std::string before = applied(), section = section_of(key, made_++), where = path;
  const auto begun = steady_clock::now();
  (void)co_await ask_consul(consul_, "PUT", std::move(where), "", std::move(section));
  while (applied() == before) {
    asio::steady_timer timer(loop_, look_again);
    co_await timer.async_wait(asio::use_awaitable);
    if (ended(watch_)) break;
  }
  const auto took = steady_clock::now() - begun;
  // The clock has stopped. The watch shows every change by itself: nobody else writes there.
  const std::string interface = "wgold" + std::to_string(options_.number);
  if (!keys_on_device(interface).contains(text)) {
    throw std::runtime_error("the old way says that it is done, and the key is not there:\n" +
                             text_of_file(options_.folder + "/watch.log"));
  }
  before = applied();
  where = path;
  (void)co_await ask_consul(consul_, "DELETE", std::move(where), "", "");
  std::string gone = text;
  co_await await_device(std::move(before), std::move(gone), false);
  co_return took;
}

}  // namespace peerage::bench
