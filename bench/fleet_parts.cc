#include "bench/fleet_parts.h"

#include <cstdio>
#include <stdexcept>
#include <utility>

#include "bench/load.h"
#include "crypto/random.h"

namespace peerage::bench {
namespace {

using std::chrono::steady_clock;

constexpr std::uint32_t quickly_read = 1'000;  // peers
constexpr std::size_t creations_a_reading = 25;

public_key random_key() {
  std::array<std::uint8_t, key_size> key{};
  fill_random(key);
  return public_key(key);
}

}  // namespace

fleet_place::fleet_place(asio::any_io_executor loop, fleet_options options)
    : stand(loop, options),
      loop_(loop),
      options_(options),
      consul_(loop, options.where.consul, "floor" + std::to_string(options.number) + "/"),
      nats_(options.where.nats, "floor" + std::to_string(options.number)) {}

task<> fleet_place::prepare() {
  co_await stand.prepare();
  api_.emplace(stand.connect());
  co_await consul_.prepare();
  const std::string interface = "wgfloor" + std::to_string(options_.number);
  const auto port = static_cast<std::uint16_t>(22'820 + options_.number);
  const std::string log = options_.folder + "/floor.log";
  device_ = co_await make_plain_device(loop_, "userspace", interface, port, log);
  for (std::uint32_t done = 0; done < options_.peers;) {
    std::vector<device_change> some;
    for (; done < options_.peers && some.size() < 256; ++done) {
      char address[64];
      std::snprintf(address, sizeof address, "fd5c::%x:%x/128", done / 65'536 + 1, done % 65'536);
      some.push_back(set_peer{{random_key(), {}, {*prefix::parse(address)}}});
    }
    const auto added = co_await device_.peers->apply(std::move(some));
    if (!added) throw std::runtime_error(added.error().message);
  }
}

task<steady_clock::duration> fleet_place::create(bool keep) {
  unchecked_.push_back(co_await stand.create(*api_));
  const fleet_stand::created& made = unchecked_.back();
  const auto took = made.took;
  for (std::size_t i = 0; keep && i < stage_names.size(); ++i) {
    stages[i].push_back(made.stages[i]);
  }
  const bool quick = options_.peers <= quickly_read;
  if (quick || unchecked_.size() == creations_a_reading) co_await settle();
  co_return took;
}

task<> fleet_place::settle() {
  expect_on_device(stand.interface(), unchecked_);
  checked += unchecked_.size();
  for (const fleet_stand::created& each : std::exchange(unchecked_, {})) {
    std::string name = each.name;
    co_await stand.remove(*api_, std::move(name));
  }
}

task<steady_clock::duration> fleet_place::add_to_device() {
  const public_key one = random_key();
  std::vector<device_change> adding{set_peer{{one, {}, {*prefix::parse("fd5d::1/128")}}}};
  const auto begun = steady_clock::now();
  const auto added = co_await device_.peers->apply(std::move(adding));
  const auto took = steady_clock::now() - begun;
  if (!added) throw std::runtime_error(added.error().message);
  std::vector<device_change> dropping{drop_peer{one}};
  (void)co_await device_.peers->apply(std::move(dropping));
  co_return took;
}

task<> fleet_place::once(fleet_part which, bool keep) {
  steady_clock::duration took{};
  switch (which) {
    case fleet_part::create: took = co_await create(keep); break;
    case fleet_part::consul: took = co_await consul_.once(); break;
    case fleet_part::nats: {
      const auto begun = steady_clock::now();
      nats_.round_trip();
      took = steady_clock::now() - begun;
      break;
    }
    case fleet_part::device: took = co_await add_to_device(); break;
    case fleet_part::http: took = co_await stand.call_nothing(*api_); break;
  }
  const std::chrono::duration<double, std::milli> ms = took;
  if (keep) values[static_cast<std::size_t>(which)].push_back(ms.count());
}

double percentile_of(const fleet_place& at, fleet_part which, double percent) {
  return percentile(at.values[static_cast<std::size_t>(which)], percent);
}

double sum_of_parts(const fleet_place& at, double percent) {
  double sum = 0;
  for (const auto part :
       {fleet_part::consul, fleet_part::nats, fleet_part::device, fleet_part::http})
    sum += percentile_of(at, part, percent);
  return sum;
}

}  // namespace peerage::bench
