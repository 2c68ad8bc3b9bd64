// The bus in memory against the one on a real nats-server: the same random steps of two API
// processes and two gateway processes on both, and the same answers, events and work at the
// gateways after each step, in any order within it. Where NATS may do more than one thing:
//
//   * A request in the same moment as the gateway begins to serve, or as the server comes back, is
//     answered or finds nobody. The bus in memory is told to do what NATS did, and must be able to.
//   * A heartbeat may be said again as long as it is its gateway's newest and the gateway is
//   served.
//     It must be heard where the processes were connected and its gateway's key was known.
#include <gtest/gtest.h>

#include "log/log.h"
#include "tests/conformance/bus_model.h"

namespace peerage::conformance {
namespace {

struct bus_in_memory {
  const char* name;
  bool whole;
  std::unique_ptr<bus_side> (*make)();
  friend void PrintTo(const bus_in_memory& one, std::ostream* to) { *to << one.name; }
};

struct bus_conformance : testing::TestWithParam<bus_in_memory> {};

TEST_P(bus_conformance, the_bus_in_memory_does_as_the_real_one) {
  log::set_level(log::level::off);
  const auto fake = GetParam().make();
  const auto real = make_nats_side();
  std::uint64_t steps = 0;
  const auto sequences = for_each_seed([&](std::uint64_t seed) {
    chance by(seed);
    auto all = some_bus_steps(by, GetParam().whole);
    steps += all.size();
    const std::string first = difference(*fake, *real, all);
    if (first.empty()) return true;
    all = shorten<bus_step>(
        all, [&](const auto& some) { return !difference(*fake, *real, some).empty(); });
    std::string text;
    for (const bus_step& each : all) text += "  " + text_of(each) + "\n";
    ADD_FAILURE() << "seed " << seed << ":\n"
                  << text << difference(*fake, *real, all) << "\nat first, " << first;
    return false;
  });
  EXPECT_GT(sequences, 1U);
  std::printf("%llu sequences, %llu steps\n", static_cast<unsigned long long>(sequences),
              static_cast<unsigned long long>(steps));
}

INSTANTIATE_TEST_SUITE_P(all, bus_conformance,
                         testing::Values(bus_in_memory{"fake", true, make_fake_bus_side},
                                         bus_in_memory{"simulated", false,
                                                       make_simulated_bus_side}),
                         [](const auto& each) { return std::string(each.param.name); });

}  // namespace
}  // namespace peerage::conformance
