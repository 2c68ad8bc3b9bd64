// An agent in a world of fakes. For this room's tests.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "agent/agent.h"
#include "log/log.h"
#include "testing/fake_bus.h"
#include "testing/fake_clock.h"
#include "testing/fake_device.h"
#include "testing/fake_mirror.h"
#include "testing/fake_sightings.h"
#include "testing/fake_store.h"
#include "testing/run.h"
#include "testing/samples.h"

namespace peerage {

using namespace fakes;

inline assignment assigned_to(const peer& one) {
  return assignment_of(one, sample_network("acme").ipv4);
}

/// An agent in a world of fakes, with the network "acme" and its own registration in the store.
struct agent_test : testing::Test {
  asio::io_context loop;
  fake_clock time{loop.get_executor()};
  fake_store desired;
  fake_bus word{time};
  fake_device tunnel{loop.get_executor()};
  fake_link interface;
  gateway_name name = *gateway_name::parse("gw-1");
  fake_mirror saved;
  mirror* copy = nullptr;
  fake_sightings remembered;
  wall* apart = nullptr;
  int brought_up = 0;
  bool broken = false;
  bool adopted = false;
  std::vector<epoch> epochs;  // that were kept
  std::vector<std::string> in_the_way;
  std::unique_ptr<agent> mind;

  agent_test() {
    log::set_level(log::level::off);
    commit(put{sample_network("acme"), absent{}});
    commit(put{sample_gateway("gw-1"), absent{}});
  }
  ~agent_test() override {
    if (mind) run_on(loop, mind->stop());
  }

  static task<result<>> ready(agent_test* test) {
    if (test->broken) co_return fail(errc::unavailable, "no device");
    ++test->brought_up;
    test->tunnel.come_back();
    co_return result<>{};
  }
  void start() {
    agent_options options{sample_gateway("gw-1"), {"here", "start 1", "the test"}};
    agent_parts parts{desired,   word, time,        tunnel,
                      interface, copy, &remembered, [this] { return ready(this); }};
    parts.wall = apart;
    parts.keep_epoch = [this](const epoch& now) { epochs.push_back(now); };
    parts.host_troubles = [this] { return in_the_way; };
    options.adopted = adopted;
    mind = std::make_unique<agent>(loop.get_executor(), options, std::move(parts));
    ASSERT_TRUE(run_on(loop, mind->start()));
    settle();
  }
  /// Everything that can happen without time passing.
  void settle() {
    loop.restart();
    loop.poll();
  }
  void pass(milliseconds by) {
    for (; by > milliseconds{0}; by -= milliseconds{50}) {
      time.advance(milliseconds{50});
      settle();
    }
  }
  revision commit(write one) {
    transaction writes;
    writes.push_back(std::move(one));
    return run_on(loop, desired.commit(std::move(writes))).value();
  }
  void put_on_device(const peer& one) {
    tunnel.peers[one.public_key] = {{one.public_key, one.preshared_key, one.addresses()}, {}};
  }
  revision store_peer(const peer& one) { return commit(put{one, anything{}}); }

  apply_reply apply(std::vector<peer_change> changes, revision at) {
    apply_request request{"r", epoch{"fake-epoch"}, at, std::move(changes)};
    return run_on(loop, mind->apply(std::move(request)));
  }
  change_state put_peer(const peer& one, revision at) {
    std::vector<peer_change> changes{put_peer_change{assigned_to(one)}};
    return apply(std::move(changes), at).results.at(0).state;
  }
  /// A peer that is on the device and in the mirror of a process that has ended.
  peer left_in_the_mirror() {
    copy = &saved;
    start();
    const peer one = sample_peer("acme", "a", 1);
    put_peer(one, store_peer(one));
    pass(seconds{1});
    run_on(loop, mind->stop());
    return one;
  }
  change_state remove(const peer& one, revision at) {
    std::vector<peer_change> changes{remove_peer_change{one.public_key}};
    return apply(std::move(changes), at).results.at(0).state;
  }
};

}  // namespace peerage
