#include "consul/keys.h"

#include <gtest/gtest.h>

#include "testing/samples.h"

namespace peerage::consul {
namespace {

const key_space keys{"p/"};
const peer_id id{*network_name::parse("acme"), *peer_name::parse("ci-1")};
const gateway_name gw = *gateway_name::parse("gw-1");

TEST(keys, are_those_of_the_protocol) {
  EXPECT_EQ(keys.of(record_key{id.network}), "p/networks/acme");
  EXPECT_EQ(keys.of(record_key{gw}), "p/gateways/gw-1");
  EXPECT_EQ(keys.of(record_key{id}), "p/peers/acme/ci-1");
  EXPECT_EQ(keys.of(record_key{*token_id::parse("t1")}), "p/tokens/t1");
  EXPECT_EQ(keys.of(record_key{mark_name{"bootstrap"}}), "p/marks/bootstrap");
  EXPECT_EQ(keys.peers_of(id.network), "p/peers/acme/");
  EXPECT_EQ(keys.number(7), "p/numbers/00007");
  EXPECT_EQ(keys.address(*ip_address::parse("10.9.0.2")), "p/addresses/0a090002");
  EXPECT_EQ(keys.placed(gw, id), "p/placed/gw-1/acme/ci-1");
  EXPECT_EQ(keys.ring("gw-1", "api-1"), "p/rings/gw-1/api-1");
  EXPECT_EQ(keys.owner(gw), "p/rings/gw-1/~owner");
  EXPECT_EQ(keys.challenge(gw), "p/rings/gw-1/~claim");
  EXPECT_EQ(keys.epoch(), "p/epoch");
  EXPECT_EQ(keys.nothing(), "p/none");
  EXPECT_EQ(keys.at_all(gw), "p/at/gw-1/");
  EXPECT_TRUE(keys.at(gw, fakes::sample_key(1)).starts_with(keys.at_all(gw, "01")));
}

TEST(keys, of_expiries_are_in_order_of_time) {
  const wall_time time{milliseconds{60'007}};
  EXPECT_EQ(keys.expiry(time, id), "p/expiry/0000000001/00007/acme/ci-1");
  EXPECT_TRUE(keys.expiry(time, id).starts_with(keys.expiry_moment(time)));
  EXPECT_TRUE(keys.expiry_moment(time).starts_with(keys.expiry_minute(time)));
  EXPECT_LT(keys.expiry_moment(time), keys.expiry_moment(time + milliseconds{3}));
  EXPECT_LT(keys.expiry_moment(time), keys.expiry_moment(time + seconds{60}));
  EXPECT_EQ(keys.expiry_minute(wall_time{seconds{60} * 99'999'999'999}), "p/expiry/99999999999/")
      << "longer than the padding";
}

TEST(keys, end_with_an_id_or_do_not) {
  EXPECT_EQ(key_space::id_at_end(keys.placed(gw, id)), id);
  for (const char* text : {"", "a", "/a", "a/b", "/a/", "x/A/b", "x/a/B", "x//b"}) {
    EXPECT_FALSE(key_space::id_at_end(text)) << text;
  }
}

}  // namespace
}  // namespace peerage::consul
