#include "plan/expiry.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "base/time.h"

namespace peerage {
namespace {

struct item {
  wall_time expires_at;
  std::uint32_t place = 0;
};

TEST(expiry_heap, is_in_order_whatever_is_put_moved_and_taken_out) {
  std::mt19937 random(7);
  std::vector<item> all(200);
  expiry_heap<item> heap;
  std::multimap<wall_time, item*> model;
  const auto forget = [&](item& one) {
    std::erase_if(model, [&](const auto& each) { return each.second == &one; });
  };
  for (int i = 0; i < 20'000; ++i) {
    item& one = all[random() % all.size()];
    forget(one);
    if (random() % 3 == 0) {
      heap.erase(one);
      EXPECT_EQ(one.place, 0U);
    } else {
      one.expires_at = wall_time(milliseconds{random() % 50});
      heap.put(one);
      model.emplace(one.expires_at, &one);
    }
    ASSERT_EQ(heap.size(), model.size());
    if (model.empty()) {
      ASSERT_EQ(heap.next(), nullptr);
    } else {
      ASSERT_EQ(heap.next()->expires_at, model.begin()->first);
    }
  }
}

}  // namespace
}  // namespace peerage
