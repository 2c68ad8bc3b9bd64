// The simulation as a program: runs seeds, prints those that break an invariant, with what they
// did, shortened. ./dev sim says more.
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "log/log.h"
#include "tests/sim/shrink.h"

namespace peerage::sim {
namespace {

constexpr std::chrono::milliseconds shrink_within{20'000};

struct arguments {
  std::uint64_t first = 1;
  std::uint64_t seeds = 100;
  std::size_t steps = 500;
  unsigned jobs = 1;
  std::size_t most_failures = 1;
  bool one = false;    // a single seed
  bool trace = false;  // the whole trace, as it is
  bool brief = false;  // only which invariant
};

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

std::string text_of(const script& what) {
  std::string text = "seed " + std::to_string(what.seed) + ", " +
                     std::to_string(what.steps - what.without.size()) + " steps";
  for (const std::string& each : what.never) text += ", no " + each;
  return text;
}

void report(const script& what, const outcome& failed, const arguments& how) {
  const violation& broken = *failed.broken;
  std::string text = "seed " + std::to_string(what.seed) + " breaks " + broken.invariant + " at " +
                     std::to_string(failed.steps) + " steps: " + broken.what + "\n";
  if (how.brief) return print(text);
  const script few = shrink(what, broken.invariant, shrink_within);
  text += "shortened to " + text_of(few) + "; without the others:\n" + run(few, true).trace;
  print(text + "again: ./dev sim --seed " + std::to_string(what.seed) + " --steps " +
        std::to_string(what.steps) + "\n");
}

/// Every `jobs`th seed from `offset` on. How many failed.
std::size_t run_some(const arguments& how, unsigned offset) {
  std::size_t failed = 0;
  for (std::uint64_t n = offset; n < how.seeds && failed < how.most_failures; n += how.jobs) {
    script what;
    what.seed = how.first + n;
    what.steps = how.steps;
    const auto done = run(what, how.trace);
    if (how.trace) print(done.trace);
    if (!done.broken) continue;
    ++failed;
    report(what, done, how);
  }
  return failed;
}

/// Seeds know nothing of each other, so each core has its own.
int run_all(const arguments& how) {
  const auto begun = std::chrono::steady_clock::now();
  std::vector<pid_t> others;
  for (unsigned i = 1; i < how.jobs; ++i) {
    const pid_t child = fork();
    if (child == 0) _exit(run_some(how, i) == 0 ? 0 : 1);
    if (child > 0) others.push_back(child);
  }
  bool well = others.size() + 1 == how.jobs && run_some(how, 0) == 0;
  for (const pid_t child : others) {
    int status = 0;
    well = waitpid(child, &status, 0) == child && status == 0 && well;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  char text[160];
  std::snprintf(text, sizeof text, "%llu seeds of %zu steps in %.1f s: %s\n",
                static_cast<unsigned long long>(how.seeds), how.steps, took.count(),
                well ? "every invariant held" : "an invariant was broken");
  print(text);
  return well ? 0 : 1;
}

bool number(std::string_view text, auto& into) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), into);
  return failure == std::errc{} && end == text.data() + text.size();
}

/// False for what is none of ours.
bool parse(int argc, char** argv, arguments& into) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--trace") {
      into.trace = true;
    } else if (flag == "--brief") {
      into.brief = true;
    } else {
      if (++i == argc) return false;
      const std::string_view value = argv[i];
      bool well = false;
      if (flag == "--seeds") well = number(value, into.seeds);
      if (flag == "--from") well = number(value, into.first);
      if (flag == "--steps") well = number(value, into.steps);
      if (flag == "--jobs") well = number(value, into.jobs) && into.jobs > 0;
      if (flag == "--failures") well = number(value, into.most_failures);
      if (flag == "--seed") {
        well = number(value, into.first);
        into.one = true;
      }
      if (!well) return false;
    }
  }
  if (into.one) into.seeds = into.jobs = 1;
  return true;
}

}  // namespace
}  // namespace peerage::sim

int main(int argc, char** argv) {
  peerage::log::set_level(peerage::log::level::off);
  peerage::seed_key_hashes(1);
  peerage::sim::arguments wanted;
  if (!peerage::sim::parse(argc, argv, wanted)) {
    std::fputs(
        "usage: sim [--seeds N] [--from S] [--seed S] [--steps K] [--jobs J]\n"
        "           [--failures N] [--trace] [--brief]\n",
        stderr);
    return 2;
  }
  return peerage::sim::run_all(wanted);
}
