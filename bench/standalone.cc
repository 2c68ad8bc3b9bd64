// A creation at rest, standalone: one daemon with its store in SQLite, its bus in the process and
// its own WireGuard device. Measures a creation against the three things that it can't do without,
// interleaved with them in random order, at several numbers of peers. Needs root.
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <exception>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "bench/arguments.h"
#include "bench/place.h"
#include "bench/stand.h"

namespace peerage::bench {
namespace {

constexpr const char* help =
    R"(bench_standalone measures how long one creation takes at rest, and its parts.

Usage: bench_standalone --bin-dir DIR [OPTION…]     (as root; or: ./dev bench standalone [OPTION…])

  --bin-dir DIR   where peeraged is; databases are put on the same disk, for as long as it runs
  --peers LIST    how many peers there are already, 100,50000 where absent
  --rounds N      how often each thing is measured, 2000 where absent
  --quick         200 rounds
  --json FILE     write every value as a line {"name", "value", "unit"}
  --check         exit with 1 when a creation's p50 is over 1.5 times the sum of its parts, or with
                  the most peers over 1.2 times that with the fewest
)";

// What the standalone daemon promises.
constexpr double most_times_the_parts = 1.5;
constexpr double most_times_the_fewest = 1.2;

constexpr argument_rules rules{.needs_consul = false, .most_stands = 8};

void print_machine(const arguments& wanted, const std::string& folder, const stand& any) {
  utsname host{};
  (void)::uname(&host);
  const std::string log = folder + "/version";
  const std::string daemon = first_line_of({wanted.bin_dir + "/peeraged", "--version"}, log);
  std::string device = any.device_kind() + " device";
  if (any.device_kind() == "userspace") {
    device += " (" + first_line_of({"wireguard-go", "--version"}, log) + ")";
  }
  std::printf("%s, SQLite %s, %s\n", daemon.c_str(), plain_database::version().c_str(),
              device.c_str());
  std::printf("%u cores, %s %s %s\n", std::thread::hardware_concurrency(), host.sysname,
              host.release, host.machine);
}

struct task_of_round {
  stand* where;
  part which;
};

task<> measure(asio::any_io_executor loop, const arguments& wanted, std::string folder,
               std::vector<std::unique_ptr<stand>>& stands) {
  std::vector<task_of_round> round;
  for (const std::uint32_t peers : wanted.peers) {
    const auto number = static_cast<unsigned>(stands.size());
    stand_options one{wanted.bin_dir, folder + "/" + std::to_string(number), number, peers};
    stands.push_back(std::make_unique<stand>(loop, std::move(one)));
    co_await stands.back()->prepare();
    for (const part which : all_parts) round.push_back({stands.back().get(), which});
  }
  std::mt19937_64 random(std::random_device{}());
  const std::uint64_t warm_up = std::max<std::uint64_t>(wanted.rounds / 10, 20);
  progress said("measuring, rounds", warm_up + wanted.rounds);
  for (std::uint64_t done = 0; done < warm_up + wanted.rounds; ++done) {
    std::shuffle(round.begin(), round.end(), random);
    for (const task_of_round& each : round) {
      co_await each.where->once(each.which, done >= warm_up);
    }
    said.at(done);
  }
}

int report(const arguments& wanted, const std::vector<measured>& all) {
  print_table(stdout, all);
  if (!wanted.json.empty()) {
    std::FILE* file = std::fopen(wanted.json.c_str(), "we");
    if (file == nullptr) give_up(wanted.json);
    print_json(file, all);
    if (std::fclose(file) != 0) give_up(wanted.json);
  }
  if (!wanted.check) return 0;
  const ratios now = ratios_of(all);
  const bool kept =
      now.whole_to_parts <= most_times_the_parts && now.most_to_fewest <= most_times_the_fewest;
  std::printf("\n%s: at most %.1f times the parts, and %.1f times the fewest peers' time\n",
              kept ? "Kept" : "MISSED", most_times_the_parts, most_times_the_fewest);
  return kept ? 0 : 1;
}

int run(const arguments& wanted, const std::string& folder) {
  asio::io_context loop{1};
  std::vector<std::unique_ptr<stand>> stands;
  asio::co_spawn(loop, measure(loop.get_executor(), wanted, folder, stands),
                 [](std::exception_ptr thrown) {
                   if (thrown) std::rethrow_exception(thrown);
                 });
  loop.run();
  print_machine(wanted, folder, *stands.front());
  std::vector<measured> all;
  for (const auto& each : stands) all.push_back(each->values());
  return report(wanted, all);
}

}  // namespace
}  // namespace peerage::bench

int main(int argc, char** argv) {
  using namespace peerage::bench;
  auto wanted = parse_arguments(argc, argv, help, rules);
  if (!wanted) return 2;
  if (wanted->peers.empty()) wanted->peers = {100, 50'000};
  if (wanted->rounds == 0) wanted->rounds = wanted->quick ? 200 : 2'000;
  try {
    return in_own_place(wanted->bin_dir,
                        [&](const std::string& folder) { return run(*wanted, folder); });
  } catch (const std::exception& why) {
    std::fprintf(stderr, "bench: %s\n", why.what());
    return 1;
  }
}
