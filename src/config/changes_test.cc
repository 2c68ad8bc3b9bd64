#include <gmock/gmock.h>

#include "config/config.h"

namespace peerage {
namespace {

using testing::ElementsAre;

TEST(changed_keys, are_those_whose_values_differ) {
  const std::string before = "state_dir = \"/a\"\n[api]\nlisten = \"127.0.0.1:1\"\nrequests = 5\n";
  EXPECT_THAT(changed_keys(before, before), ElementsAre());
  EXPECT_THAT(changed_keys(before, "# moved\n" + before + "\n"), ElementsAre());
  EXPECT_THAT(changed_keys(before, "state_dir = \"/b\"\n[api]\nrequests = 6\n[gateway]\n"),
              ElementsAre("api.listen", "api.requests", "gateway", "state_dir"));
  EXPECT_THAT(changed_keys("[gateway]\nopen = [\"udp/53\"]", "[gateway]\nopen = [\"udp/54\"]"),
              ElementsAre("gateway.open"));
  EXPECT_THAT(changed_keys("[gateway]\nopen = [\"a\", \"b\"]", "[gateway]\nopen = [\"a b\"]"),
              ElementsAre("gateway.open"));
  EXPECT_THAT(changed_keys("", before),
              ElementsAre("api.listen", "api.requests", "gateway", "state_dir"));
  EXPECT_THAT(changed_keys("= no TOML", ""), ElementsAre("api", "gateway"));
}

TEST(changed_keys, an_empty_section_says_what_no_section_says) {
  EXPECT_THAT(changed_keys("", "[api]\n[gateway]\n[store]\n[bus]\n"), ElementsAre());
  EXPECT_THAT(changed_keys("[api]\n[gateway]\n", ""), ElementsAre());
}

}  // namespace
}  // namespace peerage
