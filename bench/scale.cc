// How a gateway carries more and more peers: one creation on top of them, loading them, coming back
// to a device that has them, a tenth of them expiring at once, and the daemon's memory. Beside it a
// bare loop of full messages and `wg syncconf` with as many peers. On the kernel's WireGuard where
// this one has it, else in userspace. Needs root.
#include <signal.h>
#include <sys/wait.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <stdexcept>

#include "bench/arguments.h"
#include "bench/bulk.h"
#include "bench/place.h"
#include "bench/stand.h"
#include "bench/usage.h"

namespace peerage::bench {
namespace {

using std::chrono::steady_clock;

constexpr const char* help =
    R"(bench_scale measures a gateway with more and more peers.

Usage: bench_scale --bin-dir DIR [OPTION…]     (as root)
       ./dev bench scale [--userspace] [OPTION…]

  --peers LIST    how many peers, 1000,10000,100000 where absent; with more than 200,000 nothing is
                  measured beside the daemon, and nothing expires
  --rounds N      how many creations are measured at each, 300 where absent
  --quick         100 rounds, and at most 10,000 peers
  --json FILE     write every value as a line {"name", "value", "unit"}; - prints them
  --check         exit with 1 when the daemon's share of a creation's p50 is with the most peers
                  over 1.2 times that with the fewest, the two in turn, a restart rewrote a peer,
                  or one whose time was over may pass packets 2 s later; with 100,000 peers and
                  more, when loading is over 1.2 times the bare loop, or a creation's p99 while a
                  tenth expire over that at rest and two removals
)";

constexpr double most_times_the_fewest = 1.2;
constexpr double most_times_the_loop = 1.2;
// Beyond this nothing is measured beside it and nothing expires: in an emulated machine that takes
// hours.
constexpr std::uint32_t most_with_everything = 200'000;
constexpr std::uint64_t warming_up = 30;
constexpr std::uint64_t in_a_turn = 10;
constexpr std::size_t store_stage = 0, device_stage = 2;
constexpr auto strip_limit = std::chrono::seconds(2);
constexpr auto drop_limit = std::chrono::minutes(10);

struct scaled {
  std::uint32_t peers = 0;
  double load_s = 0, loop_s = 0, syncconf_s = 0;
  double restart_s = 0;
  bool rewritten = false;        // by the restart
  double memory = 0;             // bytes a peer
  series total, device, daemon;  // of a creation, in ms
  series store;                  // the part of the daemon's share until it is committed
  series fewest;                 // the daemon's share where there are fewest, in turn with these
  double cpu_ms = 0;             // of the daemon, for each creation and its removal
  series while_expiring;
  series removal;                // one, as a caller sees it
  double drop_ms = 0;            // the device's part of it
  std::uint64_t unstripped = 0;  // expired 2 s ago, and packets may pass
  double gone_s = 0;             // from their time until the device had none of them
};

task<> rest(asio::any_io_executor loop, steady_clock::duration how_long) {
  asio::steady_timer timer(loop, how_long);
  co_await timer.async_wait(asio::use_awaitable);
}

double in_seconds(steady_clock::duration took) {
  return std::chrono::duration<double>(took).count();
}

/// Resident bytes of the daemon.
double memory_of(const stand& at) {
  return 1e6 * usage_of(at.daemon()).memory_mb;
}

/// The values of `all` without those of `before`.
measured since(measured all, const measured& before) {
  const auto leave = [](series& each, const series& earlier) {
    each.erase(each.begin(), each.begin() + static_cast<std::ptrdiff_t>(earlier.size()));
  };
  for (std::size_t i = 0; i < all.parts.size(); ++i) leave(all.parts[i], before.parts[i]);
  for (std::size_t i = 0; i < all.stages.size(); ++i) leave(all.stages[i], before.stages[i]);
  leave(all.removals, before.removals);
  return all;
}

/// Creations and the values of these alone.
task<measured> create(stand& at, std::uint64_t rounds) {
  const auto before = at.values();
  for (std::uint64_t i = 0; i < rounds; ++i) co_await at.once(part::create, true);
  co_return since(at.values(), before);
}

const series& creations(const measured& all) {
  return all.parts[static_cast<std::size_t>(part::create)];
}

/// The part of each creation that is not the device's.
series daemons(const measured& all) {
  series made = creations(all);
  for (std::size_t i = 0; i < made.size(); ++i) made[i] -= all.stages[device_stage][i];
  return made;
}

/// With `fewest` the two take turns, each long enough to find its process warm: what the machine
/// does to one it does to the other.
task<> create_at_rest(stand& at, stand* fewest, std::uint64_t rounds, scaled& into) {
  (void)co_await create(at, warming_up);
  if (fewest) (void)co_await create(*fewest, warming_up);
  const measured before = at.values();
  const measured fewest_before = fewest ? fewest->values() : measured{};
  for (std::uint64_t done = 0; done < rounds; done += in_a_turn) {
    co_await at.once(part::create, false);
    const double used = usage_of(at.daemon()).cpu_s;
    for (std::uint64_t i = 0; i < in_a_turn; ++i) co_await at.once(part::create, true);
    into.cpu_ms += 1'000 * (usage_of(at.daemon()).cpu_s - used) / static_cast<double>(rounds);
    if (!fewest) continue;
    co_await fewest->once(part::create, false);
    for (std::uint64_t i = 0; i < in_a_turn; ++i) co_await fewest->once(part::create, true);
  }
  measured made = since(at.values(), before);
  into.total = creations(made);
  into.daemon = daemons(made);
  into.store = std::move(made.stages[store_stage]);
  into.device = std::move(made.stages[device_stage]);
  into.removal = std::move(made.removals);
  if (fewest) into.fewest = daemons(since(fewest->values(), fewest_before));
}

task<> restart(stand& at, scaled& into) {
  const std::size_t said = text_of_file(at.log()).size();
  into.restart_s = in_seconds(co_await at.start_daemon());
  into.rewritten = text_of_file(at.log()).substr(said).contains(" device differs");
}

/// With the daemon stopped for that long: a device that changes can't be counted.
task<peer_count> count_at_rest(asio::any_io_executor loop, const stand& at) {
  // It may be in the middle of a call of the kernel's first.
  int status = 0;
  if (::kill(at.daemon(), SIGSTOP) != 0) give_up("stopping peeraged");
  if (::waitpid(at.daemon(), &status, WUNTRACED) < 0) give_up("waiting until peeraged has stopped");
  if (!WIFSTOPPED(status))
    throw std::runtime_error("peeraged has ended:\n" + text_of_file(at.log()));
  const peer_count now = co_await count_peers(loop, at.interface());
  if (::kill(at.daemon(), SIGCONT) != 0) give_up("letting peeraged go on");
  co_return now;
}

/// A tenth of the peers expire while others are created.
task<> expire_a_tenth(asio::any_io_executor loop, stand& at, scaled& into) {
  const std::uint32_t tenth = into.peers / 10;
  const auto lead = std::chrono::milliseconds(static_cast<int>(3'000 * into.load_s) + 5'000);
  const wall_time when = std::chrono::floor<milliseconds>(std::chrono::system_clock::now()) + lead;
  at.let_expire(tenth, when);
  co_await restart(at, into);
  // Created again, once the machine has come to rest; warm, as those at rest were.
  co_await rest(loop, std::chrono::milliseconds(500));
  (void)co_await create(at, warming_up);
  const auto left = [&] { return when - std::chrono::system_clock::now(); };
  if (left() < std::chrono::milliseconds(0)) throw std::runtime_error("the restart took too long");
  co_await rest(loop, std::chrono::duration_cast<steady_clock::duration>(left()));
  const auto begun = steady_clock::now();
  while (steady_clock::now() - begun < strip_limit) {
    into.while_expiring.push_back(creations(co_await create(at, 1)).front());
  }
  const auto after = co_await count_at_rest(loop, at);
  into.unstripped = after.with_allowed_ips - (into.peers - tenth);
  for (std::uint64_t there = after.all; there > into.peers - tenth;) {
    if (steady_clock::now() - begun > drop_limit) throw std::runtime_error("they did not go");
    co_await rest(loop, std::chrono::seconds(2));
    there = (co_await count_at_rest(loop, at)).all;
  }
  into.gone_s = in_seconds(steady_clock::now() - begun);
}

/// What all sizes are measured with.
struct setting {
  asio::any_io_executor loop;
  const arguments& wanted;
  std::string folder;
  std::uint64_t rounds = 0;
  double empty = 0;               // the memory of a daemon without peers
  std::unique_ptr<stand> fewest;  // its daemon is stopped
};

std::unique_ptr<stand> make_stand(const setting& in, const std::string& name, unsigned number,
                                  std::uint32_t peers) {
  return std::make_unique<stand>(
      in.loop, stand_options{in.wanted.bin_dir, in.folder + "/" + name, number, peers, true});
}

task<scaled> measure_one(const setting& in, unsigned number, std::uint32_t peers) {
  scaled made;
  made.peers = peers;
  const bool everything = peers <= most_with_everything;
  if (everything) {
    const bulk_times beside = co_await load_beside(in.loop, in.folder, number, peers);
    made.loop_s = in_seconds(beside.loop);
    made.syncconf_s = in_seconds(beside.syncconf);
    made.drop_ms = 1'000 * in_seconds(beside.drop);
  }
  const auto own = make_stand(in, std::to_string(number), number, peers);
  stand& at = *own;
  co_await at.prepare();
  made.load_s = in_seconds(co_await at.start_daemon());
  made.memory = (memory_of(at) - in.empty) / peers;
  std::fprintf(stderr, "bench: %s peers: creations\n", with_commas(peers).c_str());
  stand* const fewest = number == 0 ? nullptr : in.fewest.get();
  if (fewest) (void)co_await fewest->start_daemon();
  co_await create_at_rest(at, fewest, in.rounds, made);
  if (fewest) co_await fewest->stop_daemon();
  co_await at.stop_daemon();
  if (everything) {
    co_await expire_a_tenth(in.loop, at, made);
  } else {
    co_await restart(at, made);
  }
  std::fprintf(stderr, "bench: %s peers: done\n", with_commas(peers).c_str());
  // Its interface goes with the namespace: a kernel may take milliseconds for each peer.
  co_await at.stop_daemon();
  co_return made;
}

task<double> memory_of_none(const setting& in) {
  const auto none = make_stand(in, "none", 99, 0);
  co_await none->prepare();
  (void)co_await none->start_daemon();
  co_await none->once(part::create, false);
  const double size = memory_of(*none);
  co_await none->stop_daemon();
  co_return size;
}

void print(const std::vector<scaled>& all) {
  std::printf("\n%-40s", "peers");
  for (const auto& each : all) std::printf("%12s", with_commas(each.peers).c_str());
  const auto row = [&](const char* what, auto value, const char* format = "%12.3f") {
    std::printf("\n%-40s", what);
    for (const auto& each : all) std::printf(format, value(each));
  };
  row("a creation, ms: p50", [](const auto& each) { return percentile(each.total, 50); });
  row("  p99", [](const auto& each) { return percentile(each.total, 99); });
  row("  p50 of the daemon's share", [](const auto& each) { return percentile(each.daemon, 50); });
  row("    of it the store's", [](const auto& each) { return percentile(each.store, 50); });
  row("    of those with fewest, in turn",
      [](const auto& each) { return percentile(each.fewest, 50); });
  row("  p50 of the device's", [](const auto& each) { return percentile(each.device, 50); });
  row("  the daemon's CPU, with its removal", [](const auto& each) { return each.cpu_ms; });
  row("loading them, s", [](const auto& each) { return each.load_s; });
  row("  a bare loop of full messages", [](const auto& each) { return each.loop_s; });
  row("  wg syncconf", [](const auto& each) { return each.syncconf_s; });
  row("a restart until ready, s", [](const auto& each) { return each.restart_s; });
  row("memory, bytes a peer", [](const auto& each) { return each.memory; }, "%12.0f");
  row("a tenth expires: creations meanwhile, p99",
      [](const auto& each) { return percentile(each.while_expiring, 99); });
  row("  one removal at rest, p50", [](const auto& each) { return percentile(each.removal, 50); });
  row("  the device's part of it", [](const auto& each) { return each.drop_ms; });
  row(
      "  may pass packets after 2 s", [](const auto& each) { return double(each.unstripped); },
      "%12.0f");
  row("  the last is gone after, s", [](const auto& each) { return each.gone_s; });
  std::printf("\n");
}

void print_json(std::FILE* to, const std::vector<scaled>& all) {
  for (const auto& each : all) {
    const auto line = [&](const char* what, double value, const char* unit) {
      std::fprintf(to, "{\"name\": \"scale.%u.%s\", \"value\": %.6g, \"unit\": \"%s\"}\n",
                   each.peers, what, value, unit);
    };
    for (const int percent : {50, 99}) {
      const std::string p = ".p" + std::to_string(percent);
      line(("create" + p).c_str(), percentile(each.total, percent), "ms");
      line(("create.daemon" + p).c_str(), percentile(each.daemon, percent), "ms");
      line(("create.fewest" + p).c_str(), percentile(each.fewest, percent), "ms");
      line(("create.store" + p).c_str(), percentile(each.store, percent), "ms");
      line(("create.device" + p).c_str(), percentile(each.device, percent), "ms");
      line(("create.while_expiring" + p).c_str(), percentile(each.while_expiring, percent), "ms");
    }
    line("create.cpu", each.cpu_ms, "ms");
    line("load", each.load_s, "s");
    line("load.loop", each.loop_s, "s");
    line("load.syncconf", each.syncconf_s, "s");
    line("restart", each.restart_s, "s");
    line("memory", each.memory, "bytes/peer");
    line("removal.p50", percentile(each.removal, 50), "ms");
    line("drop", each.drop_ms, "ms");
    line("expired.passing_after_2s", double(each.unstripped), "peers");
    line("expired.gone", each.gone_s, "s");
  }
}

bool kept(const std::vector<scaled>& all) {
  const scaled& most = all.back();
  const double flat =
      most.fewest.empty() ? 1 : percentile(most.daemon, 50) / percentile(most.fewest, 50);
  bool fine = flat <= most_times_the_fewest;
  std::printf("\n  the daemon's share, most / fewest peers in turn%9.3f\n", flat);
  for (const scaled& each : all) {
    fine = fine && !each.rewritten && each.unstripped == 0;
    // What is loaded in a moment is a start, not a load.
    if (each.peers < 100'000) continue;
    fine = fine && each.load_s <= most_times_the_loop * each.loop_s;
    fine = fine && percentile(each.while_expiring, 99) <=
                       percentile(each.total, 99) + 2 * percentile(each.removal, 50);
  }
  return fine;
}

task<> measure_all(setting& in, std::vector<scaled>& all) {
  in.empty = co_await memory_of_none(in);
  in.fewest = make_stand(in, "fewest", 98, in.wanted.peers.front());
  co_await in.fewest->prepare();
  unsigned number = 0;
  for (const std::uint32_t peers : in.wanted.peers) {
    if (in.wanted.quick && peers > 10'000) continue;
    all.push_back(co_await measure_one(in, number++, peers));
    print({all.back()});
  }
}

int run(const arguments& wanted, const std::string& folder) {
  asio::io_context loop{1};
  std::vector<scaled> all;
  setting in{loop.get_executor(), wanted, folder, 0, 0, {}};
  const std::uint64_t rounds = wanted.rounds != 0 ? wanted.rounds : wanted.quick ? 100 : 300;
  in.rounds = (rounds + in_a_turn - 1) / in_a_turn * in_a_turn;
  asio::co_spawn(loop, measure_all(in, all), [&](std::exception_ptr thrown) {
    loop.stop();
    if (thrown) std::rethrow_exception(thrown);
  });
  loop.run();
  print(all);
  if (wanted.json == "-") print_json(stdout, all);
  if (!wanted.json.empty() && wanted.json != "-") {
    std::FILE* file = std::fopen(wanted.json.c_str(), "we");
    if (file == nullptr) give_up(wanted.json);
    print_json(file, all);
    if (std::fclose(file) != 0) give_up(wanted.json);
  }
  if (!wanted.check) return 0;
  const bool fine = kept(all);
  std::printf(
      "%s: at most %.1f times the fewest peers' time, %.1f times the bare loop, none "
      "rewritten, none passing packets 2 s after its time, no creation behind more than two "
      "removals\n",
      fine ? "Kept" : "MISSED", most_times_the_fewest, most_times_the_loop);
  return fine ? 0 : 1;
}

}  // namespace
}  // namespace peerage::bench

int main(int argc, char** argv) {
  using namespace peerage::bench;
  constexpr argument_rules rules{1'048'000, false};
  auto wanted = parse_arguments(argc, argv, help, rules);
  if (!wanted) return 2;
  if (wanted->peers.empty()) wanted->peers = {1'000, 10'000, 100'000};
  try {
    return in_own_place(wanted->bin_dir,
                        [&](const std::string& folder) { return run(*wanted, folder); });
  } catch (const std::exception& why) {
    std::fprintf(stderr, "bench: %s\n", why.what());
    return 1;
  }
}
