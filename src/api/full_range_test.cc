// A network whose IPv4 range is full: what a repeated request costs, and when it is over.
#include <gtest/gtest.h>

#include "api/fixture.h"
#include "plan/address.h"
#include "testing/fake_bus.h"
#include "testing/fake_clock.h"
#include "testing/fake_store.h"
#include "testing/run.h"
#include "testing/samples.h"

namespace peerage {
namespace {

const std::string path = "/v1/networks/big/peers";

/// A /21 without a free address, read in three pages.
struct full_range : api_fixture {
  full_range() : api_fixture({.remember_full = seconds{1}}) {
    EXPECT_EQ(make_network("big", R"("ipv4": "10.64.0.0/21")").status, 201);
    transaction writes;
    for (std::uint32_t i = 0; i < ipv4_room(range); ++i) {
      peer one = fakes::sample_peer("big", "p" + std::to_string(i), i + 1, "gw-gone");
      one.ipv4 = ipv4_at(range, i);
      writes.push_back(put{std::move(one), absent{}});
    }
    store().put_raw(writes);
  }
  api_answer create(const std::string& name = "new") {
    return ask("POST", path, peer_body(name, 10'000));
  }
  /// How often the store was read for one more creation, which must be refused.
  std::size_t reads_of_a_refusal() {
    const std::size_t before = store().reads;
    const auto got = ask("POST", path, peer_body("refused", 10'002));
    EXPECT_EQ(got.status, 409) << got.raw.body;
    EXPECT_EQ(got.at("field"), "network") << got.raw.body;
    return store().reads - before;
  }
  /// As another API process does.
  void remove_elsewhere(const char* name) {
    transaction writes{removal{peer_id{big(), *peer_name::parse(name)}, present{}}};
    ASSERT_TRUE(fakes::run_on(loop(), store().commit(std::move(writes))));
  }
  static network_name big() { return *network_name::parse("big"); }

  const prefix range = *prefix::parse("10.64.0.0/21");
};

TEST_F(full_range, is_read_once_and_not_again_for_each_request) {
  const std::size_t first = reads_of_a_refusal();
  const std::size_t second = reads_of_a_refusal();
  EXPECT_EQ(first - second, 2U) << "three pages became one look for the name";
  pass(milliseconds{1'050});
  EXPECT_EQ(reads_of_a_refusal(), first) << "nothing is believed for longer than a second";
}

TEST_F(full_range, still_tells_that_a_name_is_taken) {
  reads_of_a_refusal();
  EXPECT_EQ(create("p7").at("field"), "name");
}

TEST_F(full_range, has_room_as_soon_as_a_peer_was_removed_here) {
  reads_of_a_refusal();
  EXPECT_NE(ask("DELETE", path + "/p7").status, 404);
  const auto made = create();
  EXPECT_EQ(made.status, 201) << made.raw.body;
  EXPECT_EQ(made.at("addresses.1"), ipv4_at(range, 7).text() + "/32");
}

TEST_F(full_range, has_room_as_soon_as_a_removal_elsewhere_is_heard_of_or_a_second_later) {
  reads_of_a_refusal();
  remove_elsewhere("p7");
  bus().publish(event{event_kind::peer_removed,
                      time().now(),
                      *gateway_name::parse("gw-gone"),
                      peer_id{big(), *peer_name::parse("p7")},
                      {}});
  EXPECT_EQ(create().status, 201);
  reads_of_a_refusal();
  remove_elsewhere("p8");
  pass(milliseconds{1'050});
  EXPECT_EQ(ask("POST", path, peer_body("newer", 10'001)).status, 201);
}

TEST_F(full_range, has_room_as_soon_as_a_peers_time_is_over) {
  EXPECT_NE(ask("DELETE", path + "/p7").status, 404);
  EXPECT_EQ(ask("POST", path, peer_body("short", 10'001, R"("ttl_s": 1)")).status, 201);
  pass(milliseconds{500});
  reads_of_a_refusal();
  pass(milliseconds{800});
  EXPECT_EQ(create().status, 201);
}

}  // namespace
}  // namespace peerage
