#include "tests/conformance/device_model.h"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <chrono>
#include <exception>
#include <map>
#include <stdexcept>

#include "crypto/x25519.h"

namespace peerage::conformance {

secret_key own_key(unsigned number) {
  std::array<std::uint8_t, key_size> bytes{};
  bytes.fill(static_cast<std::uint8_t>(0x48 + number));  // the second is not clamped
  return secret_key(bytes);
}

public_key filling_key(std::uint32_t number) {
  std::array<std::uint8_t, key_size> bytes{};
  for (unsigned i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(number >> (8 * i));
  bytes.back() = 0x77;
  return public_key(bytes);
}

namespace {

constexpr unsigned own_keys = 2;
constexpr unsigned most_allowed_ips = 900;  // more than one message to the kernel holds

public_key plain_key(unsigned number) {
  std::array<std::uint8_t, key_size> bytes{};
  bytes.fill(0x42);
  bytes[0] = static_cast<std::uint8_t>(number);
  bytes[1] = static_cast<std::uint8_t>(number >> 8);
  return public_key(bytes);
}

/// One of few; now and then a key that the device itself has, or may be given, or none at all.
public_key some_key(chance& by) {
  if (by.percent(4)) return {};
  if (by.percent(8)) return public_of(own_key(static_cast<unsigned>(by.below(own_keys))));
  return plain_key(static_cast<unsigned>(by.below(4)));
}

prefix numbered(unsigned number) {
  std::array<std::uint8_t, 16> bytes{0xfd, 0x01};
  bytes[14] = static_cast<std::uint8_t>(number >> 8);
  bytes[15] = static_cast<std::uint8_t>(number);
  return prefix::host(ip_address::v6(bytes));
}

prefix some_prefix(chance& by) {
  // Host bits are set in some: prefix::of() clears them.
  struct written {
    const char* address;
    unsigned length;
  };
  constexpr written all[] = {
      {"10.0.0.1", 32},   {"10.0.0.2", 32}, {"10.0.0.77", 24}, {"10.0.0.0", 8},
      {"0.0.0.0", 0},     {"10.0.0.1", 0},  {"128.0.0.0", 1},  {"255.255.255.255", 32},
      {"fd00::1", 128},   {"fd00::2", 128}, {"fd00::77", 64},  {"fd00::", 8},
      {"::", 0},          {"8000::", 1},    {"::", 128},       {"::ffff:10.0.0.1", 128},
      {"::10.0.0.1", 128}};
  const written& one = by.pick(all);
  return prefix::of(ip_address::parse(one.address).value(), one.length);
}

set_peer some_set(chance& by) {
  set_peer made{{some_key(by), {}, {}}};
  if (by.percent(40)) {
    std::array<std::uint8_t, key_size> bytes{};
    bytes.fill(static_cast<std::uint8_t>(by.below(3)));  // all zero: none
    made.peer.preshared_key = secret_key(bytes);
  }
  for (std::size_t n = by.below(5); n > 0; --n) made.peer.allowed_ips.push_back(some_prefix(by));
  if (by.percent(3)) {
    const auto count = 1 + static_cast<unsigned>(by.below(most_allowed_ips));
    for (unsigned i = 0; i < count; ++i) made.peer.allowed_ips.push_back(numbered(i));
  }
  // Where nobody answers.
  constexpr const char* endpoints[] = {"127.0.0.1:9", "[::1]:9", "192.0.2.7:65535"};
  if (by.percent(15)) made.endpoint = by.pick(endpoints);
  if (by.percent(15)) made.keepalive_s = static_cast<std::uint16_t>(25 * by.below(2));
  return made;
}

std::vector<device_change> some_changes(chance& by) {
  constexpr std::size_t sizes[] = {0, 1, 1, 1, 2, 2, 3, 4, 6, 10};
  std::vector<device_change> made;
  for (std::size_t n = by.pick(sizes); n > 0; --n) {
    const std::size_t kind = by.below(10);
    if (kind < 6) {
      made.emplace_back(some_set(by));
    } else if (kind < 8) {
      made.emplace_back(strip_peer{some_key(by)});
    } else {
      made.emplace_back(drop_peer{some_key(by)});
    }
  }
  if (by.percent(2)) {  // more than one message
    for (unsigned i = 0; i < 400; ++i) made.emplace_back(set_peer{{plain_key(1000 + i), {}, {}}});
    for (unsigned i = 0; i < 400; ++i) made.emplace_back(drop_peer{plain_key(1000 + i)});
  }
  return made;
}

std::string short_name(const public_key& key) {
  if (key == public_key{}) return "zero";
  for (unsigned i = 0; i < own_keys; ++i)
    if (key == public_of(own_key(i))) return "own" + std::to_string(i);
  return "peer" + std::to_string(key.bytes()[0] + 256 * key.bytes()[1]);
}

std::string text_of(const device_peer& peer) {
  std::string made = short_name(peer.public_key);
  if (peer.preshared_key) made += " psk" + std::to_string(peer.preshared_key->reveal()[0]);
  if (peer.allowed_ips.size() > 20) {
    return made + " " + std::to_string(peer.allowed_ips.size()) + " allowed IPs from " +
           peer.allowed_ips.front().text() + " to " + peer.allowed_ips.back().text();
  }
  for (const prefix& each : peer.allowed_ips) made += " " + each.text();
  return made;
}

std::string text_of(const device_change& change) {
  if (const auto* set = std::get_if<set_peer>(&change)) {
    return "set " + text_of(set->peer) + (set->endpoint.empty() ? "" : " at " + set->endpoint) +
           (set->keepalive_s ? " every " + std::to_string(*set->keepalive_s) : "");
  }
  if (const auto* strip = std::get_if<strip_peer>(&change))
    return "strip " + short_name(strip->public_key);
  return "drop " + short_name(std::get<drop_peer>(change).public_key);
}

struct dump_in_text final : dump_taker {
  void begin() override {
    altered_ = false;
    all_.clear();
  }
  void altered() override { altered_ = true; }
  void take(const device_entry& entry) override {
    if (entry.peer.public_key.bytes().back() == filling_key(0).bytes().back()) return;
    all_.emplace(entry.peer.public_key,
                 text_of(entry.peer) + (entry.status.endpoint.empty() ? "" : " at ") +
                     entry.status.endpoint + " every " + std::to_string(entry.keepalive_s) +
                     (entry.status.last_handshake_at ? " seen" : "") +
                     (entry.status.public_key == entry.peer.public_key ? "" : " of another key"));
  }
  std::string text() const {
    std::string made = altered_ ? "  altered\n" : "";
    for (const auto& [key, text] : all_) made += "  " + text + "\n";
    return made;
  }

 private:
  bool altered_ = false;
  std::multimap<public_key, std::string> all_;
};

task<result<>> dump_into(device& of, dump_in_text& into) {
  co_return co_await of.dump(into);
}

std::string text_of(const result<>& answer) {
  return answer ? "done" : std::string(name_of(answer.error().code));
}

}  // namespace

std::string text_of(const device_step& step) {
  constexpr std::string_view names[] = {"apply",    "configure", "configure beside",
                                        "endpoint", "lose",      "bring back"};
  using kind = device_step::kind;
  std::string made(names[static_cast<std::size_t>(step.what)]);
  if (step.what == kind::configure || step.what == kind::configure_beside)
    made += " own" + std::to_string(step.own) + " port " + std::to_string(step.port);
  if (step.what == kind::endpoint) made += " of " + short_name(step.peer);
  if (step.changes.size() > 40) made += " and so on";
  for (std::size_t i = 0; i < std::min<std::size_t>(step.changes.size(), 40); ++i)
    made += "\n    " + text_of(step.changes[i]);
  return made;
}

std::vector<device_step> some_device_steps(chance& by) {
  using kind = device_step::kind;
  std::vector<device_step> all;
  for (std::size_t n = 4 + by.below(30); n > 0; --n) {
    device_step made{kind::apply};
    const std::size_t dice = by.below(100);
    made.own = static_cast<unsigned>(by.below(own_keys));
    constexpr std::uint16_t ports[] = {0, 51820, 51821};
    made.port = by.pick(ports);
    if (dice < 72) {
      made.changes = some_changes(by);
    } else if (dice < 82) {
      made.what = kind::configure;
    } else if (dice < 87) {
      made.what = kind::configure_beside;
      made.port = by.percent(50) ? 51820 : 51821;
    } else if (dice < 97) {
      made.what = kind::endpoint;
      made.peer = plain_key(static_cast<unsigned>(by.below(4)));
    } else {
      all.push_back({kind::lose});
      if (by.percent(60)) all.push_back({kind::apply, some_changes(by)});
      if (by.percent(30)) all.push_back({kind::configure, {}, made.own, made.port});
      made.what = kind::bring_back;
    }
    all.push_back(std::move(made));
  }
  return all;
}

std::vector<device_step> some_changes_of_a_full_device(chance& by) {
  std::vector<device_step> all;
  for (std::size_t n = 1 + by.below(5); n > 0; --n)
    all.push_back({device_step::kind::apply, some_changes(by)});
  return all;
}

struct device_run::watcher {
  asio::cancellation_signal stop;
  bool watching = false;
  bool lost = false;
};

device_run::device_run(device_side& of) : of_(of), watcher_(std::make_shared<watcher>()) {
  of_.begin();
  watch();
}

device_run::~device_run() {
  if (!watcher_->watching) return;
  watcher_->stop.emit(asio::cancellation_type::terminal);
  run_until([this] { return !watcher_->watching; });
}

void device_run::watch() {
  watcher_->watching = true;
  asio::co_spawn(
      of_.loop, of_.port->lost(),
      asio::bind_cancellation_slot(watcher_->stop.slot(), [mine = watcher_](std::exception_ptr e) {
        mine->watching = false;
        if (!e) mine->lost = true;
      }));
}

bool device_run::run_until(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  of_.loop.restart();
  while (!done() && of_.loop.run_one_until(deadline) > 0) {}
  return done();
}

std::string device_run::take(const device_step& step) {
  const std::string answer = act(step);
  if (away_) run_until([this] { return watcher_->lost; });
  return answer + (watcher_->lost ? ", lost\n" : "\n") + look();
}

std::string device_run::act(const device_step& step) {
  using kind = device_step::kind;
  std::optional<result<>> answer;
  const auto finish = [&](task<result<>> work) {
    asio::co_spawn(of_.loop, std::move(work), [&](std::exception_ptr thrown, result<> value) {
      answer = thrown ? result<>(fail(errc::io, "it threw")) : std::move(value);
    });
    if (!run_until([&] { return answer.has_value(); })) throw std::runtime_error("no answer");
    return text_of(*answer);
  };
  switch (step.what) {
    case kind::apply: return finish(of_.port->apply(step.changes));
    case kind::configure: return finish(of_.port->configure(own_key(step.own), step.port));
    case kind::configure_beside:
      if (!away_) of_.configure_beside(own_key(step.own), step.port);
      return {};
    case kind::endpoint:
      if (!away_) of_.set_endpoint(step.peer, "192.0.2.7:4711");
      return {};
    case kind::lose:
      if (away_) return {};
      away_ = true;
      of_.lose();
      return {};
    case kind::bring_back:
      if (!away_) return {};
      away_ = false;
      of_.bring_back();
      watcher_->lost = false;
      watch();
      return {};
  }
  return {};
}

std::string device_run::look() {
  dump_in_text dumped;
  std::optional<result<>> answer;
  asio::co_spawn(of_.loop, dump_into(*of_.port, dumped),
                 [&](std::exception_ptr thrown, result<> value) {
                   answer = thrown ? result<>(fail(errc::io, "it threw")) : std::move(value);
                 });
  if (!run_until([&] { return answer.has_value(); })) throw std::runtime_error("no dump");
  return *answer ? dumped.text() : "  no dump: " + text_of(*answer) + "\n";
}

std::string difference(device_side& fake, device_side& real,
                       const std::vector<device_step>& steps) {
  device_run left(fake), right(real);
  for (const device_step& each : steps) {
    const std::string in_memory = left.take(each), on_device = right.take(each);
    if (in_memory == on_device) continue;
    return "after " + text_of(each) + "\nfake: " + in_memory + "real: " + on_device;
  }
  return {};
}

}  // namespace peerage::conformance
