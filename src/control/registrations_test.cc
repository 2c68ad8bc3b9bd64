// What a gateway that was broken into can make others believe with its own record.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "control/control.h"
#include "testing/fake_bus.h"
#include "testing/fake_clock.h"
#include "testing/fake_store.h"
#include "testing/run.h"
#include "testing/samples.h"

namespace peerage {
namespace {

using fakes::sample_gateway;
using fakes::sample_key;
using testing::HasSubstr;

gateway_name name(const char* text) {
  return *gateway_name::parse(text);
}

// What is said of every gateway that is believed: the tests have no bus.
constexpr const char* unheard = "the bus is away from this API process, so it is not heard";

/// Something else is done while it is asked for a peer, once.
struct busy_store : fakes::fake_store {
  std::function<task<>()> meanwhile;
  task<result<std::optional<stored<record>>>> find_peer(gateway_name gateway,
                                                        public_key key) override {
    if (auto work = std::exchange(meanwhile, {})) co_await work();
    co_return co_await fake_store::find_peer(std::move(gateway), key);
  }
};

struct registrations : testing::Test {
  asio::io_context loop;
  busy_store store;
  fakes::fake_clock time{loop.get_executor()};
  fakes::fake_bus bus{time};
  control mind{loop.get_executor(), store, bus, time};
  const principal admin{*token_id::parse("root"), {}, {scope::admin}};

  void SetUp() override {
    bus.is_connected = false;  // a registration is enough
    write(sample_gateway("gw-1", 1));
    write(sample_gateway("gw-2", 2));
    ASSERT_TRUE(fakes::run_on(loop, mind.start()));
    ASSERT_TRUE(fakes::run_on(
        loop, mind.create_network(admin, {*network_name::parse("acme"), {}, {}, {}, {}})));
  }
  void TearDown() override { fakes::run_on(loop, mind.stop()); }

  /// As the gateway itself can.
  void write(gateway what) {
    transaction writes{put{std::move(what), anything{}}};
    ASSERT_TRUE(fakes::run_on(loop, store.commit(std::move(writes))));
  }
  /// It vanishes from the store without the API's doing.
  void lose(const char* which) {
    transaction writes{removal{name(which), anything{}}};
    ASSERT_TRUE(fakes::run_on(loop, store.commit(std::move(writes))));
  }
  gateway_info show(const char* which) {
    return fakes::run_on(loop, mind.show_gateway(name(which))).value();
  }
  result<enrolment> enrol(std::uint32_t n, const char* on) {
    enrol_request wanted;
    wanted.public_key = sample_key(n);
    wanted.gateway = {true, name(on)};
    wanted.wait = milliseconds{0};
    return fakes::run_on(loop, mind.enrol(admin, *network_name::parse("acme"), wanted));
  }
  errc accept(const char* which) {
    const auto done = fakes::run_on(loop, mind.accept_gateway(name(which)));
    return done ? errc{} : done.error().code;
  }
};

TEST_F(registrations, another_region_endpoint_or_number_counts_only_once_it_is_accepted) {
  gateway moved = sample_gateway("gw-1", 9);
  moved.public_key = sample_gateway("gw-1", 1).public_key;
  moved.region = *region_name::parse("iad");
  moved.endpoint = "198.51.100.1:51820";
  write(moved);
  EXPECT_EQ(show("gw-1").what.region.text(), "fra");
  EXPECT_EQ(show("gw-1").what.endpoint, "203.0.113.7:51820");
  EXPECT_EQ(show("gw-1").what.number, 1);
  EXPECT_THAT(show("gw-1").trouble, HasSubstr("region iad (accepted: fra)"));
  EXPECT_EQ(show("gw-2").trouble, unheard);
  const auto made = enrol(1, "gw-1");
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->view.gateway.endpoint, "203.0.113.7:51820");
  EXPECT_THAT(made->view.what.value.ipv6.text(), HasSubstr(":1:")) << "as its number, not :9:";

  EXPECT_EQ(accept("gw-1"), errc{});
  EXPECT_EQ(show("gw-1").what.region.text(), "iad");
  EXPECT_EQ(show("gw-1").what.endpoint, "198.51.100.1:51820");
  EXPECT_EQ(show("gw-1").what.number, 1) << "a number is never changed";
}

TEST_F(registrations, what_was_accepted_is_remembered_by_the_next_process) {
  gateway moved = sample_gateway("gw-1", 1);
  moved.endpoint = "198.51.100.1:51820";
  write(moved);
  control next{loop.get_executor(), store, bus, time};
  ASSERT_TRUE(fakes::run_on(loop, next.start()));
  EXPECT_EQ(fakes::run_on(loop, next.show_gateway(name("gw-1")))->what.endpoint,
            "203.0.113.7:51820");
  fakes::run_on(loop, next.stop());
}

TEST_F(registrations, a_new_key_counts_at_once_unless_somebody_has_it) {
  gateway rekeyed = sample_gateway("gw-1", 1);
  const public_key first = rekeyed.public_key;
  rekeyed.public_key = sample_key(50);
  write(rekeyed);
  EXPECT_EQ(show("gw-1").what.public_key, sample_key(50)) << "its state_dir was lost";
  EXPECT_EQ(show("gw-1").trouble, unheard);
  ASSERT_TRUE(enrol(7, "gw-2"));
  rekeyed.public_key = sample_key(7);
  write(rekeyed);
  EXPECT_EQ(show("gw-1").what.public_key, sample_key(50)) << "a peer's on another gateway";
  EXPECT_THAT(show("gw-1").trouble, HasSubstr("a public key that a peer"));
  EXPECT_EQ(accept("gw-1"), errc::conflict);
  rekeyed.public_key = sample_gateway("gw-2", 2).public_key;
  write(rekeyed);
  EXPECT_EQ(show("gw-1").what.public_key, sample_key(50)) << "another gateway's";
  EXPECT_EQ(accept("gw-1"), errc::conflict);
  rekeyed.public_key = first;
  write(rekeyed);
  EXPECT_EQ(show("gw-1").what.public_key, first);
}

TEST_F(registrations, another_reads_them_while_a_key_is_looked_for) {
  gateway rekeyed = sample_gateway("gw-1", 1);
  rekeyed.public_key = sample_key(50);
  write(rekeyed);
  store.meanwhile = [this]() -> task<> { (void)co_await mind.show_gateway(name("gw-2")); };
  EXPECT_EQ(show("gw-1").what.public_key, sample_key(50));
}

TEST_F(registrations, a_new_gateway_with_anothers_key_takes_no_peers) {
  gateway stranger = sample_gateway("gw-3", 3);
  stranger.public_key = sample_gateway("gw-2", 2).public_key;
  write(stranger);
  EXPECT_THAT(show("gw-3").trouble, HasSubstr("the number or public key of another"));
  EXPECT_FALSE(show("gw-3").live);
  EXPECT_EQ(enrol(1, "gw-3").error().code, errc::unavailable);
  EXPECT_TRUE(enrol(1, "gw-2"));
  stranger.public_key = sample_key(60);
  write(stranger);
  EXPECT_EQ(show("gw-3").trouble, unheard);
  EXPECT_TRUE(enrol(2, "gw-3"));
}

TEST_F(registrations, one_whose_record_is_gone_is_still_known_and_can_be_removed) {
  lose("gw-2");
  EXPECT_THAT(show("gw-2").trouble, HasSubstr("gone or can't be read"));
  EXPECT_EQ(show("gw-2").what.endpoint, "203.0.113.7:51820");
  EXPECT_EQ(enrol(3, "gw-2").error().code, errc::unavailable);
  EXPECT_EQ(show("gw-1").trouble, unheard);
  EXPECT_TRUE(enrol(3, "gw-1")) << "it costs nobody else anything";
  EXPECT_EQ(accept("gw-2"), errc::conflict);
  EXPECT_TRUE(fakes::run_on(loop, mind.drain_gateway(name("gw-2"), true)));
  EXPECT_EQ(fakes::run_on(loop, mind.drain_gateway(name("gw-2"), false)).error().code,
            errc::conflict);
  EXPECT_TRUE(fakes::run_on(loop, mind.remove_gateway(name("gw-2"))));
  EXPECT_EQ(fakes::run_on(loop, mind.show_gateway(name("gw-2"))).error().code, errc::not_found);
  EXPECT_EQ(fakes::run_on(loop, mind.remove_gateway(name("gw-2"))).error().code, errc::not_found);
}

TEST_F(registrations, what_is_removed_is_forgotten_and_may_come_back_elsewhere) {
  ASSERT_TRUE(fakes::run_on(loop, mind.drain_gateway(name("gw-1"), true)));
  ASSERT_TRUE(fakes::run_on(loop, mind.remove_gateway(name("gw-1"))));
  gateway elsewhere = sample_gateway("gw-1", 4);
  elsewhere.region = *region_name::parse("iad");
  write(elsewhere);
  EXPECT_EQ(show("gw-1").what.region.text(), "iad");
  EXPECT_EQ(show("gw-1").trouble, unheard);
}

TEST_F(registrations, beside_its_own_gateway_a_process_believes_what_it_registers) {
  control_options own;
  own.check_registrations = false;
  control alone{loop.get_executor(), store, bus, time, std::move(own)};
  ASSERT_TRUE(fakes::run_on(loop, alone.start()));
  gateway moved = sample_gateway("gw-1", 1);
  moved.endpoint = "198.51.100.1:51820";
  write(moved);
  EXPECT_EQ(fakes::run_on(loop, alone.show_gateway(name("gw-1")))->what.endpoint,
            "198.51.100.1:51820");
  fakes::run_on(loop, alone.stop());
}

}  // namespace
}  // namespace peerage
