// A creation at rest in a fleet, against what it can't do without: one Consul transaction of the
// same operations, one NATS request and reply, one device add and one empty HTTP round trip, each
// alone over kept connections, interleaved in random order, at several numbers of peers; and how
// many creations a second one caller and 64 callers get confirmed. Needs root.
#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <stdexcept>

#include "bench/arguments.h"
#include "bench/fleet_floor.h"
#include "bench/fleet_stand.h"
#include "bench/floor.h"
#include "bench/place.h"
#include "bench/report.h"
#include "crypto/random.h"

namespace peerage::bench {
namespace {

using std::chrono::steady_clock;

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

enum class fleet_part : std::uint8_t { create, consul, nats, device, http };
constexpr std::array<const char*, 5> labels{"create, from request to answer",
                                            "one Consul transaction", "one NATS request and reply",
                                            "one device add", "one empty HTTP round trip"};
constexpr std::array<const char*, stage_names.size()> stage_labels{
    "  of it in the store", "  of it to the gateway and back", "  of it in the device",
    "  of it in the API, all"};
constexpr std::array<const char*, 5> names{"create", "consul", "nats", "device", "http"};

/// One number of peers, and what is measured there.
struct place_to_measure {
  place_to_measure(asio::any_io_executor loop, const fleet_options& options)
      : stand(loop, options),
        consul(loop, options.where.consul, "floor" + std::to_string(options.number) + "/"),
        nats(options.where.nats, "floor" + std::to_string(options.number)) {}
  fleet_stand stand;
  plain_consul consul;
  plain_nats nats;
  plain_device device;
  std::optional<http::client> api;
  std::array<series, names.size()> values;
  std::array<series, stage_names.size()> stages;  // of the creations
  double one_caller = 0, all_callers = 0;         // confirmed creations a second
};

task<> prepare(asio::any_io_executor loop, place_to_measure& at, const fleet_options& options) {
  co_await at.stand.prepare();
  at.api.emplace(at.stand.connect());
  co_await at.consul.prepare();
  const std::string interface = "wgfloor" + std::to_string(options.number);
  const auto port = static_cast<std::uint16_t>(22'820 + options.number);
  const std::string log = options.folder + "/floor.log";
  at.device = co_await make_plain_device(loop, "userspace", interface, port, log);
  std::mt19937_64 random(7);
  for (std::uint32_t done = 0; done < options.peers;) {
    std::vector<device_change> some;
    for (; done < options.peers && some.size() < 256; ++done) {
      std::array<std::uint8_t, key_size> key{};
      for (auto& byte : key) byte = static_cast<std::uint8_t>(random());
      char address[64];
      std::snprintf(address, sizeof address, "fd5c::%x:%x/128", done / 65'536 + 1, done % 65'536);
      some.push_back(set_peer{{public_key(key), {}, {*prefix::parse(address)}}});
    }
    const auto added = co_await at.device.peers->apply(std::move(some));
    if (!added) throw std::runtime_error(added.error().message);
  }
}

task<steady_clock::duration> add_to_device(place_to_measure& at) {
  std::array<std::uint8_t, key_size> key{};
  fill_random(key);
  const public_key one(key);
  std::vector<device_change> adding{set_peer{{one, {}, {*prefix::parse("fd5d::1/128")}}}};
  const auto begun = steady_clock::now();
  const auto added = co_await at.device.peers->apply(std::move(adding));
  const auto took = steady_clock::now() - begun;
  if (!added) throw std::runtime_error(added.error().message);
  std::vector<device_change> dropping{drop_peer{one}};
  (void)co_await at.device.peers->apply(std::move(dropping));
  co_return took;
}

task<> once(place_to_measure& at, fleet_part which, bool keep) {
  steady_clock::duration took{};
  switch (which) {
    case fleet_part::create: {
      const auto made = co_await at.stand.create(*at.api);
      took = made.took;
      for (std::size_t i = 0; keep && i < stage_names.size(); ++i) {
        at.stages[i].push_back(made.stages[i]);
      }
      std::string name = made.name;
      co_await at.stand.remove(*at.api, std::move(name));
      break;
    }
    case fleet_part::consul: took = co_await at.consul.once(); break;
    case fleet_part::nats: {
      const auto begun = steady_clock::now();
      at.nats.round_trip();
      took = steady_clock::now() - begun;
      break;
    }
    case fleet_part::device: took = co_await add_to_device(at); break;
    case fleet_part::http: took = co_await at.stand.call_nothing(*at.api); break;
  }
  const std::chrono::duration<double, std::milli> ms = took;
  if (keep) at.values[static_cast<std::size_t>(which)].push_back(ms.count());
}

struct crowd {
  fleet_stand& stand;
  steady_clock::time_point until;
  std::uint64_t made = 0;
  unsigned working = 0;
  std::exception_ptr failed;
  std::vector<std::string> names;
};

task<> work_for(crowd& all, http::client over) {
  while (steady_clock::now() < all.until) {
    auto one = co_await all.stand.create(over);
    ++all.made;
    all.names.push_back(std::move(one.name));
  }
}

/// Confirmed creations a second of so many callers, each over a connection of its own.
task<double> throughput(asio::any_io_executor loop, fleet_stand& stand, unsigned callers,
                        std::chrono::seconds how_long) {
  crowd all{stand, steady_clock::now() + how_long, 0, callers, {}, {}};
  const auto begun = steady_clock::now();
  asio::steady_timer done(loop, steady_clock::time_point::max());
  for (unsigned i = 0; i < callers; ++i) {
    asio::co_spawn(loop, work_for(all, stand.connect()), [&](std::exception_ptr thrown) {
      if (thrown) all.failed = thrown;
      if (--all.working == 0) done.cancel();
    });
  }
  boost::system::error_code cancelled;
  co_await done.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  if (all.failed) std::rethrow_exception(all.failed);
  const std::chrono::duration<double> took = steady_clock::now() - begun;
  http::client over = stand.connect();
  for (std::string& name : all.names) co_await stand.remove(over, std::move(name));
  co_return static_cast<double>(all.made) / took.count();
}

double p50(const place_to_measure& at, fleet_part which) {
  return percentile(at.values[static_cast<std::size_t>(which)], 50);
}
double sum_of_parts(const place_to_measure& at) {
  double sum = 0;
  for (const auto part :
       {fleet_part::consul, fleet_part::nats, fleet_part::device, fleet_part::http})
    sum += p50(at, part);
  return sum;
}

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
              p50(at, fleet_part::create) / sum_of_parts(at));
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
    for (std::size_t i = 0; i < names.size(); ++i) {
      for (const int percent : {50, 90, 99}) {
        line(std::string(names[i]) + ".p" + std::to_string(percent),
             percentile(each->values[i], percent), "ms");
      }
    }
    for (std::size_t i = 0; i < stage_names.size(); ++i) {
      line("create." + std::string(stage_names[i]) + ".p50", percentile(each->stages[i], 50), "ms");
    }
    line("create_to_sum_of_parts", p50(*each, fleet_part::create) / sum_of_parts(*each), "ratio");
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
    co_await prepare(loop, *all.back(), one);
  }
  std::vector<std::pair<place_to_measure*, fleet_part>> round;
  for (const auto& each : all) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      round.emplace_back(each.get(), static_cast<fleet_part>(i));
    }
  }
  std::mt19937_64 random(std::random_device{}());
  const std::uint64_t rounds = wanted.rounds != 0 ? wanted.rounds : wanted.quick ? 150 : 1'000;
  const std::uint64_t warm_up = std::max<std::uint64_t>(rounds / 10, 20);
  progress said("measuring, rounds", warm_up + rounds);
  for (std::uint64_t done = 0; done < warm_up + rounds; ++done) {
    std::shuffle(round.begin(), round.end(), random);
    for (const auto& [at, which] : round) co_await once(*at, which, done >= warm_up);
    said.at(done);
  }
  place_to_measure& first = *all.front();
  const std::chrono::seconds how_long{wanted.quick ? 2 : 5};
  first.one_caller = co_await throughput(loop, first.stand, 1, how_long);
  first.all_callers = co_await throughput(loop, first.stand, many_callers, how_long);
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
    worst = std::max(worst, p50(*each, fleet_part::create) / sum_of_parts(*each));
  }
  const double flat = p50(*all.back(), fleet_part::create) / p50(*all.front(), fleet_part::create);
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
