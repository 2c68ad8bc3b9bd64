// ./dev chaos: a real fleet, clients that use it, and everything that goes wrong on hosts and
// networks, for as long as one likes; what the fleet says is held against its devices all the
// while.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <filesystem>
#include <random>
#include <thread>

#include "tests/chaos/client.h"
#include "tests/chaos/faults.h"
#include "tests/chaos/fleet.h"
#include "tests/chaos/report.h"
#include "tests/chaos/rest.h"
#include "tests/live/namespaces.h"

namespace peerage::chaos {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

struct wanted {
  double minutes = 3;
  unsigned seed = 1;
  unsigned clients = 6;
  std::set<std::string> only;
  std::string folder;
};

constexpr auto faults_last = 35s;  // in each round
constexpr auto rights_every = 5s;

class chaos {
 public:
  explicit chaos(const wanted& what)
      : report_(what.folder + "/trace"),
        fleet_(what.folder),
        faults_(fleet_, report_, what.seed, what.only) {
    fleet_.start();
    for (unsigned i = 0; i < what.clients; ++i)
      clients_.push_back(std::make_unique<client>(fleet_, report_, i + 1, what.seed * 1'000 + i));
  }

  /// Faults for a while, then rest, in which everything has to agree.
  void round() {
    stopping_ = false;
    const unsigned restored = fleet_.restored;
    std::vector<std::thread> working;
    for (auto& each : clients_) working.emplace_back([this, &each] { use(*each); });
    const auto until = steady_clock::now() + faults_last;
    while (steady_clock::now() < until) {
      guarded("fault", [&] { faults_.work(); });
      std::this_thread::sleep_for(50ms);
    }
    guarded("fault", [&] { faults_.end_all(); });
    std::this_thread::sleep_for(2s);
    stopping_ = true;
    for (auto& each : working) each.join();
    auto again = steady_clock::now() + rights_every;
    check_at_rest(fleet_, report_, fleet_.restored != restored, [&] {
      faults_.watch_over();
      if (steady_clock::now() < again) return;
      // A deletion that Consul has been asked for may be done when the token was made again.
      again = steady_clock::now() + rights_every;
      (void)fleet_.give_back_rights();
    });
    for (auto& each : clients_) guarded("at rest", [&] { each->check_all(); });
  }

  bool tell(double seconds) const {
    for (const auto& [kind, many] : report_.counts()) std::printf("%8u  %s\n", many, kind.c_str());
    const auto broken = report_.violations();
    std::printf("%.0f s of chaos, %zu promises broken\n", seconds, broken.size());
    return broken.empty();
  }

  std::size_t broken() const { return report_.violations().size(); }

 private:
  void use(client& one) {
    while (!stopping_) {
      guarded("client", [&] { one.work(); });
      std::this_thread::sleep_for(20ms);
    }
  }

  /// What a tool or an answer is that it should never be is a promise broken.
  template <class Work>
  void guarded(const char* who, Work work) {
    try {
      work();
    } catch (const std::exception& failed) {
      report_.broken(who, failed.what());
    }
  }

  report report_;
  fleet fleet_;
  faults faults_;
  std::vector<std::unique_ptr<client>> clients_;
  std::atomic<bool> stopping_ = false;
};

int run(const wanted& what) {
  std::fprintf(stderr, "Chaos with seed %u; the trace and logs are in %s\n", what.seed,
               what.folder.c_str());
  bool fine = false;
  try {
    chaos all(what);
    const auto begun = steady_clock::now();
    const auto lasted = [&] {
      return std::chrono::duration<double>(steady_clock::now() - begun).count();
    };
    do {
      all.round();
      std::fprintf(stderr, "%.0f s, %zu promises broken\n", lasted(), all.broken());
    } while (lasted() + 20 < what.minutes * 60 && all.broken() < 20);
    fine = all.tell(lasted());
  } catch (const std::exception& failed) {
    std::fprintf(stderr, "chaos: %s\n", failed.what());
  }
  if (fine) std::filesystem::remove_all(what.folder);
  return fine ? 0 : 1;
}

}  // namespace
}  // namespace peerage::chaos

int main(int argc, char** argv) {
  peerage::chaos::wanted what;
  CLI::App app("A real fleet in chaos, and whether it keeps its promises");
  std::vector<std::string> only;
  app.add_option("--minutes", what.minutes, "how long it goes on")->check(CLI::PositiveNumber);
  app.add_option("--seed", what.seed, "of what happens");
  app.add_option("--clients", what.clients, "how many use it")->check(CLI::Range(1, 64));
  app.add_option("--only", only, "faults that happen (default: all)")
      ->delimiter(',')
      ->check(CLI::IsMember(peerage::chaos::every_fault()));
  CLI11_PARSE(app, argc, argv);
  what.only = {only.begin(), only.end()};
  std::string folder = (std::filesystem::temp_directory_path() / "chaos-XXXXXX").string();
  what.folder = ::mkdtemp(folder.data());
  return peerage::live::in_own_namespaces([&] { return peerage::chaos::run(what); });
}
