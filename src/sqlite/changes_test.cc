#include "sqlite/changes.h"

#include <gtest/gtest.h>

#include "testing/samples.h"

namespace peerage::sqlite {
namespace {

using fakes::sample_key;

const auto here = *gateway_name::parse("gw-1");
const auto elsewhere = *gateway_name::parse("gw-2");

using keys = std::vector<public_key>;

TEST(recent_changes, tells_each_key_of_the_gateway_once_behind_a_revision) {
  recent_changes all(revision{5});
  all.note(revision{6}, {{here, sample_key(1)}, {elsewhere, sample_key(2)}});
  all.note(revision{7}, {});
  all.note(revision{8}, {{here, sample_key(3)}});
  all.note(revision{9}, {{here, sample_key(1)}});
  EXPECT_EQ(all.known(), revision{9});
  EXPECT_EQ(all.unread(), 4U);
  EXPECT_EQ(all.read(revision{5}, here), (keys{sample_key(1), sample_key(3)}));
  EXPECT_EQ(all.unread(), 0U);
  EXPECT_EQ(all.read(revision{5}, elsewhere), keys{sample_key(2)});
  EXPECT_EQ(all.read(revision{8}, here), keys{sample_key(1)});
  EXPECT_EQ(all.read(revision{9}, here), keys{});
  EXPECT_EQ(all.read(revision{10}, here), keys{}) << "a listing may be ahead of what is noted";
}

TEST(recent_changes, does_not_tell_what_was_before_it) {
  recent_changes all(revision{5});
  EXPECT_FALSE(all.read(revision{4}, here));
  EXPECT_TRUE(all.read(revision{5}, here));
}

TEST(recent_changes, forgets_the_oldest_and_says_so) {
  recent_changes all(revision{0});
  for (std::uint32_t n = 1; n <= 16'385; ++n) all.note(revision{n}, {{here, sample_key(n)}});
  EXPECT_FALSE(all.read(revision{0}, here));
  const auto kept = all.read(revision{1}, here);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->size(), 16'384U);
}

TEST(recent_changes, behind_a_commit_that_nobody_knows_of_only_a_listing_tells) {
  recent_changes all(revision{5});
  all.doubt();
  EXPECT_FALSE(all.read(revision{5}, here)) << "it may have happened";
  EXPECT_EQ(all.read(revision{6}, here), keys{}) << "a listing that had it";
  all.note(revision{7}, {{here, sample_key(1)}});
  EXPECT_EQ(all.read(revision{6}, here), keys{sample_key(1)});
}

}  // namespace
}  // namespace peerage::sqlite
