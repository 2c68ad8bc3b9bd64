// A creation at rest in a fleet, against what it can't do without: one Consul transaction of the
// same operations, one NATS request and reply, one device add and one empty HTTP round trip, each
// alone over kept connections, interleaved in random order, at several numbers of peers; and how
// many creations a second one caller and 64 callers get confirmed. Needs root.
#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <stdexcept>

#include "bench/arguments.h"
#include "bench/fleet_parts.h"
#include "bench/load.h"
#include "bench/place.h"
#include "bench/report.h"

namespace peerage::bench {
namespace {

constexpr const char* help =
    R"(bench_fleet measures how long one creation takes in a fleet at rest, and its parts.

Usage: bench_fleet --bin-dir DIR --consul PROGRAM [OPTION…]   (as root)
       ./dev bench fleet [OPTION…]

  --peers LIST    how many peers the gateway has already, 100,50000 where absent
  --rounds N      how often each thing is measured, 1000 where absent
  --quick         150 rounds
  --json FILE     write every value as a line {"name", "value", "unit"}
  --check         exit with 1 when a creation's p50 is over 1.5 times the sum of its parts, or with
                  the most peers over 1.2 times that with the fewest, or when 64 callers get less
                  than 3 times the creations of one
)";

constexpr double most_times_the_parts = 1.5;
constexpr double most_times_the_fewest = 1.2;
constexpr double least_times_one_caller = 3.0;
constexpr unsigned many_callers = 64;

constexpr std::array<const char*, 5> labels{"create, from request to answer",
                                            "one Consul transaction", "one NATS request and reply",
                                            "one device add", "one empty HTTP round trip"};
constexpr std::array<const char*, stage_names.size()> stage_labels{
    "  of it in the store", "  of it to the gateway and back", "  of it in the device",
    "  of it in the API, all"};

struct place_to_measure : fleet_place {
  using fleet_place::fleet_place;
  double one_caller = 0, all_callers = 0;  // confirmed creations a second
};

void print(const place_to_measure& at) {
  std::printf("\nWith %s peers, %s rounds, in milliseconds\n%-36s%9s%9s%9s\n",
              with_commas(at.stand.peers()).c_str(), with_commas(at.values[0].size()).c_str(), "",
              "p50", "p90", "p99");
  const auto row = [](const char* label, const series& values) {
    std::printf("  %-34s%9.3f%9.3f%9.3f\n", label, percentile(values, 50), percentile(values, 90),
                percentile(values, 99));
  };
  row(labels[0], at.values[0]);
  for (std::size_t i = 0; i < stage_labels.size(); ++i) row(stage_labels[i], at.stages[i]);
  for (std::size_t i = 1; i < labels.size(); ++i) row(labels[i], at.values[i]);
  std::printf("  %-34s%9.3f\n", "sum of the four parts", sum_of_parts(at));
  std::printf("  %-34s%9.3f times\n", "create / sum of the parts",
              percentile_of(at, fleet_part::create, 50) / sum_of_parts(at));
  if (at.one_caller == 0) return;
  std::printf("  %-34s%9.0f a second\n", "one caller", at.one_caller);
  std::printf("  %-34s%9.0f a second\n", "64 callers", at.all_callers);
  std::printf("  %-34s%9.2f times\n", "64 callers / one", at.all_callers / at.one_caller);
}

void print_json(const std::string& file,
                const std::vector<std::unique_ptr<place_to_measure>>& all) {
  std::FILE* to = std::fopen(file.c_str(), "we");
  if (to == nullptr) give_up(file);
  for (const auto& each : all) {
    const auto line = [&](const std::string& what, double value, const char* unit) {
      std::fprintf(to, "{\"name\": \"fleet.%u.%s\", \"value\": %.6g, \"unit\": \"%s\"}\n",
                   each->stand.peers(), what.c_str(), value, unit);
    };
    for (std::size_t i = 0; i < fleet_part_names.size(); ++i) {
      for (const int percent : {50, 90, 99}) {
        line(std::string(fleet_part_names[i]) + ".p" + std::to_string(percent),
             percentile(each->values[i], percent), "ms");
      }
    }
    for (std::size_t i = 0; i < stage_names.size(); ++i) {
      line("create." + std::string(stage_names[i]) + ".p50", percentile(each->stages[i], 50), "ms");
    }
    line("create_to_sum_of_parts",
         percentile_of(*each, fleet_part::create, 50) / sum_of_parts(*each), "ratio");
    if (each->one_caller == 0) continue;
    line("one_caller", each->one_caller, "1/s");
    line("callers_64", each->all_callers, "1/s");
  }
  if (std::fclose(to) != 0) give_up(file);
}

task<> measure(asio::any_io_executor loop, const arguments& wanted, std::string folder,
               std::vector<std::unique_ptr<place_to_measure>>& all) {
  const servers where;
  std::string consul = wanted.consul, home = folder;
  co_await start_servers(loop, where, std::move(consul), std::move(home));
  for (const std::uint32_t peers : wanted.peers) {
    const auto number = static_cast<unsigned>(all.size());
    const fleet_options one{
        wanted.bin_dir, folder + "/" + std::to_string(number), number, peers, where, 0};
    all.push_back(std::make_unique<place_to_measure>(loop, one));
    co_await all.back()->prepare();
  }
  std::vector<std::pair<place_to_measure*, fleet_part>> round;
  for (const auto& each : all) {
    for (std::size_t i = 0; i < fleet_part_names.size(); ++i) {
      round.emplace_back(each.get(), static_cast<fleet_part>(i));
    }
  }
  std::mt19937_64 random(std::random_device{}());
  const std::uint64_t rounds = wanted.rounds != 0 ? wanted.rounds : wanted.quick ? 150 : 1'000;
  const std::uint64_t warm_up = std::max<std::uint64_t>(rounds / 10, 20);
  progress said("measuring, rounds", warm_up + rounds);
  for (std::uint64_t done = 0; done < warm_up + rounds; ++done) {
    std::shuffle(round.begin(), round.end(), random);
    for (const auto& [at, which] : round) co_await at->once(which, done >= warm_up);
    said.at(done);
  }
  place_to_measure& first = *all.front();
  const std::chrono::seconds how_long{wanted.quick ? 2 : 5};
  first.one_caller = (co_await run_load(loop, first.stand, {1, how_long})).a_second;
  first.all_callers = (co_await run_load(loop, first.stand, {many_callers, how_long})).a_second;
}

int run(const arguments& wanted, const std::string& folder) {
  asio::io_context loop{1};
  std::vector<std::unique_ptr<place_to_measure>> all;
  asio::co_spawn(loop, measure(loop.get_executor(), wanted, folder, all),
                 [](std::exception_ptr thrown) {
                   if (thrown) std::rethrow_exception(thrown);
                 });
  loop.run();
  double worst = 0;
  for (const auto& each : all) {
    print(*each);
    worst = std::max(worst, percentile_of(*each, fleet_part::create, 50) / sum_of_parts(*each));
  }
  const double flat = percentile_of(*all.back(), fleet_part::create, 50) /
                      percentile_of(*all.front(), fleet_part::create, 50);
  if (all.size() > 1) std::printf("\n  %-34s%9.3f times\n", "create, most / fewest peers", flat);
  if (!wanted.json.empty()) print_json(wanted.json, all);
  if (!wanted.check) return 0;
  const bool kept = worst <= most_times_the_parts && flat <= most_times_the_fewest &&
                    all.front()->all_callers >= least_times_one_caller * all.front()->one_caller;
  std::printf(
      "\n%s: at most %.1f times the parts, %.1f times the fewest peers' time, and with 64 "
      "callers %.0f times the creations\n",
      kept ? "Kept" : "MISSED", most_times_the_parts, most_times_the_fewest,
      least_times_one_caller);
  return kept ? 0 : 1;
}

}  // namespace
}  // namespace peerage::bench

int main(int argc, char** argv) {
  using namespace peerage::bench;
  auto wanted = parse_arguments(argc, argv, help);
  if (!wanted) return 2;
  if (wanted->peers.empty()) wanted->peers = {100, 50'000};
  try {
    return in_own_place(wanted->bin_dir,
                        [&](const std::string& folder) { return run(*wanted, folder); });
  } catch (const std::exception& why) {
    std::fprintf(stderr, "bench: %s\n", why.what());
    return 1;
  }
}
