// What it takes from "create" to "live" in a fleet: at rest at several numbers of peers, beside the
// floor and the old way; by many callers at once; what it costs each process; and without NATS.
// Every answer is held against the device. Needs root.
#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <cstdio>
#include <stdexcept>

#include "base/base64.h"
#include "bench/arguments.h"
#include "bench/fleet_parts.h"
#include "bench/load.h"
#include "bench/old_way.h"
#include "bench/place.h"
#include "bench/usage.h"

namespace peerage::bench {
namespace {

using std::chrono::steady_clock;

constexpr const char* help =
    R"(bench_enrol measures what it takes from "create" to "live" in a fleet, beside the old way.

Usage: bench_enrol --bin-dir DIR --consul PROGRAM [OPTION…]   (as root)
       ./dev bench enrol [OPTION…]

  --peers LIST    how many peers the gateway has already, 100,1000,10000,50000 where absent
  --rounds N      how often each thing is measured at rest, 1000 where absent
  --quick         100 and 10,000 peers, 100 rounds, and short loads
  --json FILE     write every value as a line {"name", "value", "unit"}, after one about the machine
)";

constexpr unsigned most_callers = 256, callers_of_the_cost = 64;
constexpr std::uint64_t rounds_in_a_turn = 10, warm_up_of_a_turn = 2;
constexpr double least_growth = 1.05;    // of a further doubling of the callers
constexpr double share_of_closed = 0.9;  // of what callers got closed, the pace when open

struct value {
  std::string name;
  double number;
  std::string unit;
};

/// What the command line asks for, and what was found.
struct bench_run {
  arguments wanted;
  std::string folder;
  asio::any_io_executor loop;
  servers where = {};
  server_processes running = {};
  std::vector<std::unique_ptr<fleet_place>> places = {};
  std::vector<value> found = {};

  void note(std::string name, double number, std::string unit) {
    std::printf("%-52s%12.3f %s\n", name.c_str(), number, unit.c_str());
    found.push_back({"enrol." + std::move(name), number, std::move(unit)});
  }
  void note(const std::string& name, const series& values) {
    for (const auto& [column, percent] :
         {std::pair{".p50", 50}, {".p90", 90}, {".p99", 99}, {".max", 100}}) {
      note(name + column, percentile(values, percent), "ms");
    }
  }
};

task<> prepare(bench_run& run) {
  std::string consul = run.wanted.consul, home = run.folder;
  run.running = co_await start_servers(run.loop, run.where, std::move(consul), std::move(home));
  for (const std::uint32_t peers : run.wanted.peers) {
    const auto number = static_cast<unsigned>(run.places.size());
    const fleet_options one{
        run.wanted.bin_dir, run.folder + "/" + std::to_string(number), number, peers, run.where, 0};
    run.places.push_back(std::make_unique<fleet_place>(run.loop, one));
    co_await run.places.back()->prepare();
  }
}

/// Creations and the floor's parts, in random order; the numbers of peers take turns, each long
/// enough to find its processes warm: where each round is another's, theirs are cold and the
/// floor's are not.
task<> measure_at_rest(bench_run& run) {
  std::array<fleet_part, fleet_part_names.size()> parts{};
  for (std::size_t i = 0; i < parts.size(); ++i) parts[i] = static_cast<fleet_part>(i);
  std::vector<fleet_place*> places;
  for (const auto& each : run.places) places.push_back(each.get());
  std::mt19937_64 random(std::random_device{}());
  const std::uint64_t wanted = run.wanted.rounds;
  const std::uint64_t rounds = wanted != 0 ? wanted : run.wanted.quick ? 100 : 1'000;
  const std::uint64_t turns = std::max<std::uint64_t>(rounds / rounds_in_a_turn, 1);
  progress said("measuring, rounds", turns * rounds_in_a_turn);
  for (std::uint64_t turn = 0; turn <= turns; ++turn) {  // the first one warms up
    std::shuffle(places.begin(), places.end(), random);
    for (fleet_place* const at : places) {
      for (std::uint64_t i = 0; i < warm_up_of_a_turn + rounds_in_a_turn; ++i) {
        const bool keep = turn > 0 && i >= warm_up_of_a_turn;
        std::shuffle(parts.begin(), parts.end(), random);
        for (const fleet_part which : parts) co_await at->once(which, keep);
      }
    }
    said.at(turn * rounds_in_a_turn);
  }
  for (const auto& each : run.places) {
    co_await each->settle();
    const std::string peers = std::to_string(each->stand.peers()) + ".";
    for (std::size_t i = 0; i < fleet_part_names.size(); ++i) {
      run.note(peers + fleet_part_names[i], each->values[i]);
    }
    for (std::size_t i = 0; i < stage_names.size(); ++i) {
      run.note(peers + "stage_" + std::string(stage_names[i]), each->stages[i]);
    }
    for (const int percent : {50, 99}) {
      const double sum = sum_of_parts(*each, percent);
      const std::string end = ".p" + std::to_string(percent);
      run.note(peers + "sum_of_parts" + end, sum, "ms");
      run.note(peers + "create_to_sum_of_parts" + end,
               percentile_of(*each, fleet_part::create, percent) / sum, "ratio");
    }
    run.note(peers + "checked", static_cast<double>(each->checked), "answers");
  }
  run.note("create_most_to_fewest_peers",
           percentile_of(*run.places.back(), fleet_part::create, 50) /
               percentile_of(*run.places.front(), fleet_part::create, 50),
           "ratio");
}

task<> measure_old_way(bench_run& run) {
  for (const auto& place : run.places) {
    const std::uint32_t peers = place->stand.peers();
    const auto number = static_cast<unsigned>(&place - run.places.data());
    old_way_options options{run.wanted.consul, run.folder + "/old" + std::to_string(number), number,
                            peers, run.where};
    old_way old(run.loop, std::move(options));
    co_await old.prepare();
    const int rounds = (peers > 20'000 ? 6 : 20) / (run.wanted.quick ? 4 : 1);
    series took;
    for (int i = 0; i < rounds; ++i) {
      const std::chrono::duration<double, std::milli> one = co_await old.create();
      took.push_back(one.count());
    }
    const std::string name = std::to_string(peers) + ".old_way";
    run.note(name, took);
    run.note(name + "_to_create",
             percentile(took, 50) / percentile_of(*place, fleet_part::create, 50), "ratio");
  }
}

/// Callers twice as many each time: what they get when each asks again at once, and how long it
/// takes when creations are meant to begin at nine tenths of that pace.
task<> measure_callers(bench_run& run) {
  fleet_stand& stand = run.places.front()->stand;
  const std::chrono::milliseconds how_long{run.wanted.quick ? 500 : 1'500};
  double before = 0, one = 0, one_p50 = 0;
  for (unsigned callers = 1; callers <= most_callers; callers *= 2) {
    const load_result closed = co_await run_load(run.loop, stand, {callers, how_long});
    const load_plan plan{callers, how_long, share_of_closed * closed.a_second};
    const load_result open = co_await run_load(run.loop, stand, plan);
    const std::string name = "callers_" + std::to_string(callers);
    run.note(name + ".confirmed", closed.a_second, "1/s");
    run.note(name + ".open_confirmed", open.a_second, "1/s");
    run.note(name + ".open", open.latencies);
    for (std::size_t i = 0; i < stage_names.size(); ++i) {
      run.note(name + ".open_stage_" + std::string(stage_names[i]), open.stages[i]);
    }
    run.note(name + ".closed", closed.latencies);
    if (callers == 1) {
      one = closed.a_second;
      one_p50 = percentile(closed.latencies, 50);
    }
    if (callers == callers_of_the_cost) {
      run.note("callers_64_to_one", closed.a_second / one, "ratio");
      run.note("callers_64_p99_to_one_p50", percentile(open.latencies, 99) / one_p50, "ratio");
    }
    if (callers > callers_of_the_cost && closed.a_second < least_growth * before) break;
    before = closed.a_second;
  }
}

/// CPU and memory of each process for so many creations by 64 callers, at every number of peers.
task<> measure_cost(bench_run& run) {
  const std::uint64_t creations = run.wanted.quick ? 2'000 : 10'000;
  for (const auto& place : run.places) {
    fleet_stand& stand = place->stand;
    const std::vector<std::pair<std::string, pid_t>> all{
        {"api", stand.api_process()},
        {"agent", stand.gateway_process()},
        {"wireguard_go", process_with("wireguard-go", stand.interface())},
        {"consul", run.running.consul},
        {"nats", run.running.nats}};
    std::vector<usage> before;
    for (const auto& each : all) before.push_back(usage_of(each.second));
    load_plan plan{callers_of_the_cost};
    plan.most = creations;
    load_result made = co_await apply_load(run.loop, stand, plan);
    const std::string peers = std::to_string(stand.peers()) + ".cost_";
    for (std::size_t i = 0; i < all.size(); ++i) {
      const usage after = usage_of(all[i].second);
      const double seconds = after.cpu_s - before[i].cpu_s;
      run.note(peers + all[i].first + ".cpu", 1'000 * seconds / static_cast<double>(made.made),
               "ms/creation");
      run.note(peers + all[i].first + ".memory", after.memory_mb, "MB");
    }
    run.note(peers + "creations", static_cast<double>(made.made), "creations");
    co_await undo_load(run.loop, stand, made);
  }
}

/// NATS is stopped, for good. From when the API had it stored until the key is on the device, which
/// is read again and again: so with the fewest peers.
task<> measure_without_nats(bench_run& run) {
  ::kill(run.running.nats, SIGKILL);
  (void)wait_for(run.running.nats);
  fleet_stand& stand = run.places.front()->stand;
  http::client api = stand.connect();
  series took;
  for (int i = 0; i < (run.wanted.quick ? 20 : 100); ++i) {
    const auto begun = steady_clock::now();
    const auto made = co_await stand.create_pending(api);
    const std::string key = hex_encode(made.key.bytes());
    while (!keys_on_device(stand.interface()).contains(key)) {
      if (steady_clock::now() - begun > std::chrono::seconds(30)) {
        throw std::runtime_error(made.name + " does not come to the device without NATS");
      }
    }
    const std::chrono::duration<double, std::milli> all = steady_clock::now() - begun;
    took.push_back(std::max(all.count() - made.stages[0], 0.0));
    std::string name = made.name;
    co_await stand.remove(api, std::move(name), 202);
    // The next one finds the gateway waiting for changes, not reading this one.
    asio::steady_timer rest(run.loop, std::chrono::milliseconds(100));
    co_await rest.async_wait(asio::use_awaitable);
  }
  run.note("without_nats.commit_to_device", took);
}

std::string about(const bench_run& run) {
  const std::string log = run.folder + "/version.log";
  std::string processor = text_of_file("/proc/cpuinfo");
  processor.erase(0, processor.find("model name"));
  processor = processor.substr(0, processor.find('\n'));
  processor.erase(0, processor.find(": ") + 2);
  json::object made{{"processor", processor}};
  made["processors"] = first_line_of({"nproc"}, log);
  made["kernel"] = first_line_of({"uname", "-sr"}, log);
  made["consul"] = first_line_of({run.wanted.consul, "version"}, log);
  made["nats"] = first_line_of({"nats-server", "--version"}, log);
  made["wireguard_go"] = first_line_of({"dpkg-query", "-Wf${Version}", "wireguard-go"}, log);
  made["disk"] = first_line_of({"findmnt", "-no", "FSTYPE", "-T", run.folder}, log);
  made["commit"] = first_line_of({"git", "-c", "safe.directory=*", "-C", PEERAGE_SOURCE_DIR,
                                  "describe", "--always", "--dirty", "--abbrev=12"},
                                 log);
  made["command"] = std::string("./dev bench enrol") + (run.wanted.quick ? " --quick" : "");
  json::object line{{"about", std::move(made)}};
  return json::serialize(line);
}

task<> measure(bench_run& run) {
  co_await prepare(run);
  co_await measure_at_rest(run);
  co_await measure_callers(run);
  co_await measure_cost(run);
  co_await measure_old_way(run);
  co_await measure_without_nats(run);
}

int run_all(const arguments& wanted, const std::string& folder) {
  asio::io_context loop{1};
  bench_run run{wanted, folder, loop.get_executor()};
  asio::co_spawn(loop, measure(run), [&](std::exception_ptr thrown) {
    loop.stop();
    if (thrown) std::rethrow_exception(thrown);
  });
  loop.run();
  if (wanted.json.empty()) return 0;
  std::FILE* to = std::fopen(wanted.json.c_str(), "we");
  if (to == nullptr) give_up(wanted.json);
  std::fprintf(to, "%s\n", about(run).c_str());
  for (const value& each : run.found) {
    std::fprintf(to, "{\"name\": \"%s\", \"value\": %.6g, \"unit\": \"%s\"}\n", each.name.c_str(),
                 each.number, each.unit.c_str());
  }
  if (std::fclose(to) != 0) give_up(wanted.json);
  return 0;
}

}  // namespace
}  // namespace peerage::bench

int main(int argc, char** argv) {
  using namespace peerage::bench;
  auto wanted = parse_arguments(argc, argv, help);
  if (!wanted) return 2;
  if (wanted->peers.empty() && wanted->quick) wanted->peers = {100, 10'000};
  if (wanted->peers.empty()) wanted->peers = {100, 1'000, 10'000, 50'000};
  try {
    return in_own_place(wanted->bin_dir,
                        [&](const std::string& folder) { return run_all(*wanted, folder); });
  } catch (const std::exception& why) {
    std::fprintf(stderr, "bench: %s\n", why.what());
    return 1;
  }
}
