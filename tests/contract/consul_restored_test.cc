// A snapshot of Consul is restored, and others write before anybody has looked.
#include <gtest/gtest.h>

#include "consul/store.h"
#include "local/system_clock.h"
#include "testing/run.h"
#include "testing/samples.h"
#include "tests/contract/consul_server.h"

namespace peerage::contract {
namespace {

using fakes::run_on;
using fakes::sample_gateway;
using fakes::sample_network;
using fakes::sample_peer;

struct consul_restored : testing::Test {
  consul_server server;  // its past comes back, so it is nobody else's
  asio::io_context loop;
  std::unique_ptr<clock> time = make_system_clock(loop.get_executor());
  std::string last_writes;  // of api-1, which keeps them over its restarts
  std::unique_ptr<store> first = open("api-1"), second = open("api-2");

  std::unique_ptr<store> open(const std::string& id) {
    consul_options options;
    options.address = server.url();
    options.api_id = id;
    if (id == "api-1") {
      options.last_writes = last_writes;
      options.keep_last_writes = [this](const std::string& now) { last_writes = now; };
    }
    return open_consul_store(loop.get_executor(), *time, std::move(options)).value();
  }
  std::string epoch_by(store& one) { return run_on(loop, one.identity()).value().id; }
  void add(store& by, record value) {
    transaction writes{put{std::move(value), absent{}}};
    ASSERT_TRUE(run_on(loop, by.commit(std::move(writes))));
  }
  std::string snapshot() const { return server.ask("GET", "/v1/snapshot", "").body; }
  void restore(const std::string& from) const {
    ASSERT_EQ(server.ask("PUT", "/v1/snapshot", "", from).status, 200);
  }
};

TEST_F(consul_restored, who_lost_a_write_gives_the_store_another_epoch) {
  const std::string born = epoch_by(*first);
  EXPECT_EQ(epoch_by(*second), born);
  add(*first, sample_network("acme"));
  add(*first, sample_gateway("gw-1"));
  const std::string before = snapshot();
  add(*first, sample_peer("acme", "p1", 1));
  EXPECT_EQ(epoch_by(*first), born);
  restore(before);
  // Others write, and the index of the store is higher than ever before anybody has looked at it.
  for (std::uint32_t n = 2; n < 6; ++n)
    add(*second, sample_peer("acme", "p" + std::to_string(n), n));
  const std::string after = epoch_by(*first);
  EXPECT_NE(after, born);
  EXPECT_EQ(epoch_by(*second), after);
  EXPECT_EQ(epoch_by(*first), after) << "once";
  add(*first, sample_peer("acme", "p1", 1));
  EXPECT_EQ(epoch_by(*first), after);
}

TEST_F(consul_restored, a_ring_that_is_not_in_the_snapshot_is_missed_too) {
  const std::string born = epoch_by(*first);
  add(*second, sample_network("acme"));
  add(*second, sample_gateway("gw-1"));
  const std::string before = snapshot();
  add(*first, sample_peer("acme", "p1", 1));  // its first write of all
  restore(before);
  for (std::uint32_t n = 2; n < 6; ++n)
    add(*second, sample_peer("acme", "p" + std::to_string(n), n));
  EXPECT_NE(epoch_by(*first), born);
}

TEST_F(consul_restored, what_is_written_after_it_hides_no_lost_write) {
  const std::string born = epoch_by(*first);
  add(*first, sample_network("acme"));
  add(*first, sample_gateway("gw-1"));
  add(*first, sample_gateway("gw-2", 2));
  add(*first, sample_peer("acme", "p1", 1));
  const std::string before = snapshot();
  add(*first, sample_peer("acme", "p2", 2));
  restore(before);
  // Into another change log, and then into the one that lost.
  peer elsewhere = sample_peer("acme", "p3", 3);
  elsewhere.gateway = *gateway_name::parse("gw-2");
  add(*first, elsewhere);
  const std::string after = epoch_by(*first);
  EXPECT_NE(after, born);
  const std::string again = snapshot();
  add(*first, sample_peer("acme", "p4", 4));
  restore(again);
  for (std::uint32_t n = 5; n < 8; ++n)
    add(*first, sample_peer("acme", "p" + std::to_string(n), n));
  EXPECT_NE(epoch_by(*first), after);
}

TEST_F(consul_restored, who_lost_a_write_writes_in_another_epoch_alone) {
  const std::string born = epoch_by(*first);
  add(*first, sample_network("acme"));
  add(*first, sample_gateway("gw-1"));
  const std::string before = snapshot();
  add(*first, sample_peer("acme", "p1", 1));
  restore(before);
  add(*first, sample_peer("acme", "p2", 2));
  EXPECT_NE(server.ask("GET", "/v1/kv/peerage/v1/epoch", "raw&consistent").body, born);
}

TEST_F(consul_restored, what_others_wrote_since_does_not_count_for_what_was_lost) {
  const std::string born = epoch_by(*first);
  add(*first, sample_network("acme"));
  add(*first, sample_gateway("gw-1"));
  add(*first, sample_peer("acme", "p1", 1));
  const std::string before = snapshot();
  add(*first, sample_peer("acme", "p2", 2));
  const gateway_name name = *gateway_name::parse("gw-1");
  const auto gateway = open("gw-1");
  const auto seen = run_on(loop, gateway->follow(name, "", {})).value();
  EXPECT_EQ(seen.what.peers.size(), 2U);
  restore(before);
  for (std::uint32_t n = 3; n < 6; ++n)
    add(*second, sample_peer("acme", "p" + std::to_string(n), n));
  const auto now = run_on(loop, gateway->follow(name, seen.position, seconds{1})).value();
  ASSERT_TRUE(now.what.whole);
  EXPECT_EQ(now.what.peers.size(), 4U);
  EXPECT_EQ(now.what.recorded, 0U) << "p2 was not removed by anybody";
}

TEST_F(consul_restored, who_was_not_running_then_misses_its_last_write_too) {
  const std::string born = epoch_by(*first);
  add(*first, sample_network("acme"));
  add(*first, sample_gateway("gw-1"));
  const std::string before = snapshot();
  add(*first, sample_peer("acme", "p1", 1));
  first.reset();
  first = open("api-1");
  EXPECT_EQ(epoch_by(*first), born) << "a restart alone is no restore";
  first.reset();
  restore(before);
  for (std::uint32_t n = 2; n < 6; ++n)
    add(*second, sample_peer("acme", "p" + std::to_string(n), n));
  first = open("api-1");
  const std::string after = epoch_by(*first);
  EXPECT_NE(after, born);
  first.reset();
  first = open("api-1");
  EXPECT_EQ(epoch_by(*first), after) << "once";
  first.reset();
  for (const char* garbage : {"", "x", "\n\n", "b1a6\ngw-1 x\n- 9\n", "no label\ngw-1 5\n"}) {
    last_writes = garbage;
    first = open("api-1");
    EXPECT_EQ(epoch_by(*first), after) << garbage;
    first.reset();
  }
}

TEST_F(consul_restored, a_gateway_that_was_removed_is_no_evidence) {
  const std::string born = epoch_by(*first);
  add(*second, sample_network("acme"));
  add(*second, sample_gateway("gw-1"));
  add(*first, sample_peer("acme", "p1", 1));
  transaction away{removal{sample_peer("acme", "p1", 1).id, anything{}}};
  ASSERT_TRUE(run_on(loop, second->commit(std::move(away))));
  transaction gone{removal{*gateway_name::parse("gw-1"), anything{}}};
  ASSERT_TRUE(run_on(loop, second->commit(std::move(gone))));
  EXPECT_EQ(epoch_by(*first), born);
  EXPECT_EQ(epoch_by(*first), born);
}

}  // namespace
}  // namespace peerage::contract
