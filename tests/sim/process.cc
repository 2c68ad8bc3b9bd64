#include "tests/sim/process.h"

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>

#include "consul/open.h"

namespace peerage::sim {
namespace {

/// Random bytes of a process: its own stream, begun by the seed.
randomness bytes_of(std::uint64_t seed) {
  return
      [chance = std::make_shared<dice>(seed)](std::span<std::uint8_t> out) { chance->fill(out); };
}

/// Its id is its host's, as it is kept in the state_dir: a restart goes on with the same rings.
std::unique_ptr<store> open_store(consul_world& in, asio::any_io_executor loop, clock& time,
                                  const std::string& process) {
  consul_options options;
  options.prefix = keys_of_all.prefix;
  options.api_id = process.substr(0, process.find('.'));
  auto calls = std::make_shared<consul::calls>(loop, in.connect(loop, process),
                                               std::make_shared<consul_access>());
  return consul::open_store(loop, time, std::move(calls), std::move(options)).value();
}

void rethrow(const std::exception_ptr& thrown) {
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace

process::process(surroundings& in, std::string called, const milliseconds& skew)
    : name(std::move(called)),
      time(loop.get_executor(), in.time, skew),
      store(open_store(in.store, loop.get_executor(), time, name)),
      bus(in.bus, time, {alive, loop.get_executor()}, name) {}

bool process::run(std::size_t most) {
  loop.restart();
  if (most == 0) return loop.poll() > 0;
  std::size_t ran = 0;
  while (ran < most && loop.poll_one() > 0) ++ran;
  return ran > 0;
}

void process::end() {
  state = life::dead;
  alive.reset();
  loop.end();
}

api_process::api_process(surroundings& in, std::string called, const milliseconds& skew)
    : process(in, std::move(called), skew),
      mind(std::make_unique<control>(
          loop.get_executor(), *store, bus, time,
          control_options{.remember = seconds{1}, .random = bytes_of(in.chance.next())})) {
  asio::co_spawn(loop, mind->start(), [this](std::exception_ptr thrown, const result<>& started) {
    rethrow(thrown);
    state = started ? life::up : life::dead;
  });
}

gateway_process::gateway_process(surroundings& in, std::string called, gateway_host& on)
    : process(in, std::move(called), on.skew),
      device(loop.get_executor(), on.device, in.calls, name),
      link(on.device, in.chance),
      saved(on.saved, in.chance) {
  agent_options options;
  options.self = on.self;
  options.who = {"state of " + on.name.text(), name, "host of " + on.name.text()};
  options.jitter = static_cast<std::uint32_t>(in.chance.next());
  agent_parts parts{*store,
                    bus,
                    time,
                    device,
                    link,
                    &saved,
                    nullptr,
                    [this] { return device.bring_up(); },
                    [this](const error&) { state = life::dead; }};
  mind = std::make_unique<agent>(loop.get_executor(), std::move(options), std::move(parts));
  asio::co_spawn(loop, mind->start(), [this](std::exception_ptr thrown, const result<>& started) {
    rethrow(thrown);
    if (state == life::starting) state = started ? life::up : life::dead;
  });
}

void gateway_process::stop() {
  state = life::stopping;
  asio::co_spawn(loop, mind->stop(), [this](std::exception_ptr thrown) {
    rethrow(thrown);
    state = life::dead;
  });
}

}  // namespace peerage::sim
