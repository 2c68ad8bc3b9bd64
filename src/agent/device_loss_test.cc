#include "agent/fixture.h"

namespace peerage {
namespace {

TEST_F(agent_test, nothing_is_live_while_the_device_is_known_to_be_lost) {
  start();
  const peer one = sample_peer("acme", "a", 1);
  const revision at = store_peer(one);
  ASSERT_EQ(put_peer(one, at), change_state::live);
  broken = true;
  tunnel.vanish();
  settle();
  EXPECT_EQ(put_peer(one, at), change_state::refused);
}

}  // namespace
}  // namespace peerage
