// The device in memory against a real one, wireguard-go or the kernel's: the same random changes to
// both, one after the other, and the same answers and dumps. The kernel's part needs a kernel that
// has WireGuard: ./dev test kernel.
#include <gtest/gtest.h>

#include "tests/conformance/device_model.h"

namespace peerage::conformance {
namespace {

struct real_device {
  const char* name;
  bool userspace;
  std::unique_ptr<device_side> (*make)();
  friend void PrintTo(const real_device& one, std::ostream* to) { *to << one.name; }
};

void compare(device_side& fake, device_side& real,
             std::vector<device_step> (*some_steps)(chance& by)) {
  std::uint64_t steps = 0;
  const auto sequences = for_each_seed([&](std::uint64_t seed) {
    chance by(seed);
    auto all = some_steps(by);
    steps += all.size();
    const std::string first = difference(fake, real, all);
    if (first.empty()) return true;
    all = shorten<device_step>(
        all, [&](const auto& some) { return !difference(fake, real, some).empty(); });
    std::string text;
    for (const device_step& each : all) text += "  " + text_of(each) + "\n";
    ADD_FAILURE() << "seed " << seed << ":\n"
                  << text << difference(fake, real, all) << "\nat first, " << first;
    return false;
  });
  EXPECT_GT(sequences, 0U);
  std::printf("%llu sequences, %llu steps\n", static_cast<unsigned long long>(sequences),
              static_cast<unsigned long long>(steps));
}

struct device_conformance : testing::TestWithParam<real_device> {};

TEST_P(device_conformance, the_device_in_memory_answers_as_the_real_one) {
  const auto fake = make_fake_device_side(GetParam().userspace);
  const auto real = GetParam().make();
  compare(*fake, *real, some_device_steps);
}

// The kernel's limit, 2^20 peers, would take too long to reach.
TEST(full_device_conformance, a_full_device_in_memory_answers_as_a_full_wireguard_go) {
  const auto fake = make_full_fake_side();
  const auto real = make_full_userspace_side();
  compare(*fake, *real, some_changes_of_a_full_device);
}

std::string name_of(const testing::TestParamInfo<real_device>& one) {
  return one.param.name;
}

INSTANTIATE_TEST_SUITE_P(userspace, device_conformance,
                         testing::Values(real_device{"wireguard_go", true, make_userspace_side}),
                         name_of);
INSTANTIATE_TEST_SUITE_P(kernel, device_conformance,
                         testing::Values(real_device{"netlink", false, make_kernel_side}), name_of);

}  // namespace
}  // namespace peerage::conformance
