#include "plan/placement.h"

#include <gtest/gtest.h>

namespace peerage {
namespace {

struct placement : testing::Test {
  std::vector<gateway> gateways;
  std::vector<gateway_view> views;

  void add(std::string_view name, std::string_view region, std::uint32_t peers, bool live = true,
           bool draining = false) {
    gateway one{};
    one.name = *gateway_name::parse(name);
    one.region = *region_name::parse(region);
    one.capacity = 100;
    one.draining = draining;
    gateways.push_back(one);
    views.push_back({nullptr, live, peers});
  }
  std::string placed(placement_wish wish = {}) {
    for (std::size_t i = 0; i < gateways.size(); ++i) views[i].what = &gateways[i];
    const auto found = place(views, wish);
    return found ? (*found)->name.text()
                 : std::string(name_of(found.error().code)) + ":" + found.error().field;
  }
};

TEST_F(placement, takes_the_emptiest_live_open_one) {
  add("full", "fra", 100);
  add("busy", "fra", 60);
  add("down", "fra", 0, false);
  add("draining", "fra", 1, true, true);
  add("best", "iad", 20);
  EXPECT_EQ(placed(), "best");
  EXPECT_EQ(placed({.region = *region_name::parse("fra"), .gateway = {}}), "busy");
  EXPECT_EQ(placed({.region = {}, .gateway = *gateway_name::parse("busy")}), "busy");
}

TEST_F(placement, counts_room_by_share_of_capacity) {
  add("small", "fra", 10);
  add("large", "fra", 50);
  gateways[1].capacity = 1'000'000;
  EXPECT_EQ(placed(), "large");
}

TEST_F(placement, a_capacity_beyond_what_a_device_holds_draws_no_peers) {
  add("honest", "fra", 10);
  add("greedy", "fra", 20);
  gateways[0].capacity = 1'048'576;
  gateways[1].capacity = 0xffffffff;
  for (gateway& each : gateways) each.device = "kernel";
  EXPECT_EQ(placed(), "honest");
}

TEST_F(placement, says_what_is_not_there) {
  add("a", "fra", 0);
  EXPECT_EQ(placed({.region = {}, .gateway = *gateway_name::parse("b")}), "not_found:gateway");
  EXPECT_EQ(placed({.region = *region_name::parse("iad"), .gateway = {}}), "not_found:region");
  EXPECT_EQ(placed({.region = *region_name::parse("iad"), .gateway = *gateway_name::parse("a")}),
            "not_found:region");
}

TEST_F(placement, never_takes_one_that_is_down_draining_or_full) {
  EXPECT_EQ(placed(), "unavailable:");
  add("down", "fra", 0, false);
  EXPECT_EQ(placed(), "unavailable:");
  add("draining", "fra", 0, true, true);
  EXPECT_EQ(placed(), "unavailable:");
  add("full", "fra", 100);
  EXPECT_EQ(placed(), "unavailable:");
}

TEST_F(placement, says_where_nothing_fits) {
  add("down", "fra", 0, false);
  const auto why = [this](const placement_wish& wish) {
    views[0].what = &gateways[0];
    return place(views, wish).error().message;
  };
  EXPECT_EQ(why({}), "no gateway is live: no heartbeat in 6 s");
  const auto fra = *region_name::parse("fra");
  EXPECT_EQ(why({.region = fra, .gateway = {}}),
            "no gateway in region fra is live: no heartbeat in 6 s");
  EXPECT_EQ(why({.region = fra, .gateway = *gateway_name::parse("down")}),
            "gateway down in region fra is not live: no heartbeat in 6 s");
}

TEST_F(placement, keeps_the_first_of_two_as_empty) {
  add("first", "fra", 10);
  add("second", "fra", 10);
  EXPECT_EQ(placed(), "first");
}

}  // namespace
}  // namespace peerage
