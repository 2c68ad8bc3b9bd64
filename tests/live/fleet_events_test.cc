// GET /v1/events in a fleet: what one API process does is seen at every other.
#include <gtest/gtest.h>

#include "tests/live/event_stream.h"
#include "tests/live/fleet.h"

namespace peerage::live {
namespace {

const std::string peers = "/v1/networks/acme/peers";

TEST(fleet, events_come_from_every_api_process_to_every_other) {
  fleet all;
  all.start_usual();
  event_stream first(all.api(0), all.token()), second(all.api(1), all.token());
  caller api = all.call(0);
  const json::value wish = json::object{{"name", "a"}, {"public_key", new_public_key()}};
  ASSERT_EQ(api.call("POST", peers, wish).status, 201);
  EXPECT_TRUE(first.await("peer-live", "a")) << first.text();
  EXPECT_TRUE(second.await("peer-live", "a")) << second.text();
  ASSERT_EQ(all.call(1).call("DELETE", peers + "/a").status, 204);
  EXPECT_TRUE(first.await("peer-removed", "a")) << first.text();
  EXPECT_TRUE(second.await("peer-removed", "a")) << second.text();
}

TEST(fleet, an_expiry_is_told_of_whoever_noticed_it) {
  fleet all;
  all.start_usual();
  event_stream first(all.api(0), all.token()), second(all.api(1), all.token());
  const json::value wish =
      json::object{{"name", "b"}, {"public_key", new_public_key()}, {"ttl_s", 1}};
  ASSERT_EQ(all.call(0).call("POST", peers, wish).status, 201);
  EXPECT_TRUE(first.await("peer-expired", "b")) << first.text();
  EXPECT_TRUE(second.await("peer-expired", "b")) << second.text();
}

}  // namespace
}  // namespace peerage::live
