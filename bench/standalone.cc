// A creation at rest, standalone: one daemon with its store in SQLite, its bus in the process and
// its own WireGuard device. Measures a creation against the three things that it can't do without,
// interleaved with them in random order, at several numbers of peers. Needs root.
#include <getopt.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <charconv>
#include <cstdio>
#include <exception>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

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

constexpr std::uint64_t most_peers = 60'000;  // a userspace device holds 65,536
constexpr std::uint64_t most_rounds = 1'000'000;
constexpr std::size_t most_stands = 8;

struct options {
  std::string bin_dir;
  std::string json;
  std::vector<std::uint32_t> peers{100, 50'000};
  std::uint64_t rounds = 2'000;
  bool check = false;
};

std::optional<std::uint64_t> whole(std::string_view text, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || value == 0 || value > most) {
    return {};
  }
  return value;
}

std::optional<std::vector<std::uint32_t>> numbers(std::string_view text) {
  std::vector<std::uint32_t> all;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const auto one = whole(text.substr(0, comma), most_peers);
    if (!one) return {};
    all.push_back(static_cast<std::uint32_t>(*one));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  if (all.empty() || all.size() > most_stands) return {};
  return all;
}

/// Nothing, after having said why, where the arguments are not such.
std::optional<options> parse(int argc, char** argv) {
  static const option all[] = {{"bin-dir", required_argument, nullptr, 'b'},
                               {"json", required_argument, nullptr, 'j'},
                               {"peers", required_argument, nullptr, 'p'},
                               {"rounds", required_argument, nullptr, 'r'},
                               {"quick", no_argument, nullptr, 'q'},
                               {"check", no_argument, nullptr, 'c'},
                               {nullptr, 0, nullptr, 0}};
  options made;
  bool good = true;
  for (int flag = 0; (flag = getopt_long(argc, argv, "", all, nullptr)) != -1;) {
    const std::string value = optarg == nullptr ? "" : optarg;
    switch (flag) {
      case 'b': made.bin_dir = value; break;
      case 'j': made.json = value; break;
      case 'q': made.rounds = 200; break;
      case 'c': made.check = true; break;
      case 'r':
        good = good && whole(value, most_rounds);
        made.rounds = whole(value, most_rounds).value_or(0);
        break;
      case 'p':
        good = good && numbers(value);
        made.peers = numbers(value).value_or(std::vector<std::uint32_t>{});
        break;
      default: good = false;
    }
  }
  if (good && optind == argc && !made.bin_dir.empty()) return made;
  std::fputs(help, stderr);
  return {};
}

void print_machine(const options& wanted, const std::string& folder, const stand& any) {
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

task<> measure(asio::any_io_executor loop, const options& wanted, std::string folder,
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

int report(const options& wanted, const std::vector<measured>& all) {
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

int run(const options& wanted, const std::string& folder) {
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
  const auto wanted = parse(argc, argv);
  if (!wanted) return 2;
  try {
    return in_own_place(wanted->bin_dir,
                        [&](const std::string& folder) { return run(*wanted, folder); });
  } catch (const std::exception& why) {
    std::fprintf(stderr, "bench: %s\n", why.what());
    return 1;
  }
}
