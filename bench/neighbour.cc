// What a careless neighbour costs: one network's creations at rest, and while a script creates
// peers in another network as fast as it can, over many connections. Standalone; needs root.
#include <getopt.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "bench/place.h"
#include "bench/report.h"
#include "crypto/random.h"
#include "crypto/x25519.h"
#include "http/client.h"
#include "json/json.h"

namespace peerage::bench {
namespace {

using std::chrono::steady_clock;

constexpr const char* help =
    R"(bench_neighbour measures one network's creations beside another network's loop.

Usage: bench_neighbour --bin-dir DIR [OPTION…]     (as root; or: ./dev bench neighbour [OPTION…])

  --bin-dir DIR       where peeraged is; its database is put on the same disk
  --seconds N         how long each half takes, 30 where absent
  --connections N     of the loop, 64 where absent
  --check             exit with 1 when the p99 beside the loop is over twice that at rest
)";

constexpr double most_times_at_rest = 2;
constexpr auto every = milliseconds{20};  // the quiet network's creations
constexpr auto answer_limit = seconds{30};
const std::string address = "127.0.0.1:7420";

struct options {
  std::string bin_dir;
  int span_s = 30;
  int connections = 64;
  bool check = false;
};

std::optional<options> parse(int argc, char** argv) {
  static const option all[] = {{"bin-dir", required_argument, nullptr, 'b'},
                               {"seconds", required_argument, nullptr, 's'},
                               {"connections", required_argument, nullptr, 'n'},
                               {"check", no_argument, nullptr, 'c'},
                               {"help", no_argument, nullptr, 'h'},
                               {nullptr, 0, nullptr, 0}};
  options made;
  bool good = true;
  for (int flag = 0; (flag = getopt_long(argc, argv, "", all, nullptr)) != -1;) {
    switch (flag) {
      case 'b': made.bin_dir = optarg; break;
      case 's': made.span_s = std::atoi(optarg); break;
      case 'n': made.connections = std::atoi(optarg); break;
      case 'c': made.check = true; break;
      case 'h': std::fputs(help, stdout); std::exit(0);
      default: good = false;
    }
  }
  good = good && made.span_s > 0 && made.connections > 0 && made.connections <= 1'000;
  if (good && optind == argc && !made.bin_dir.empty()) return made;
  std::fputs(help, stderr);
  return {};
}

/// One connection with a token.
class caller {
 public:
  caller(const asio::any_io_executor& loop, std::string token)
      : token_(std::move(token)), client_(http::client::to(loop, "http://" + address).value()) {}

  task<http::response> call(std::string method, std::string path, json::value body = nullptr) {
    http::request wanted;
    wanted.method = std::move(method);
    wanted.path = std::move(path);
    wanted.headers.emplace_back("Authorization", "Bearer " + token_);
    if (!body.is_null()) {
      wanted.headers.emplace_back("Content-Type", "application/json");
      wanted.body = json::serialize(body);
    }
    auto answer = co_await client_.send(std::move(wanted), answer_limit);
    if (!answer) throw std::runtime_error(answer.error().message);
    co_return *std::move(answer);
  }

  task<http::response> create(std::string network) {
    json::value body = json::object{{"name", "p-" + random_label(12)},
                                    {"public_key", public_of(make_private_key()).text()}};
    co_return co_await call("POST", "/v1/networks/" + network + "/peers", std::move(body));
  }

 private:
  std::string token_;
  http::client client_;
};

void start_daemon(const options& wanted, const std::string& folder) {
  if (::mkdir((folder + "/state").c_str(), 0700) != 0) give_up("making the state_dir");
  std::ofstream(folder + "/peeraged.toml")
      << "state_dir = \"" << folder << "/state\"\n[api]\nlisten = \"" << address
      << "\"\n[gateway]\nname = \"gw-bench\"\nregion = \"lab\"\nendpoint = \"127.0.0.1:21820\"\n"
      << "interface = \"wgbench\"\nlisten_port = 21820\n";
  const std::string log = folder + "/peeraged.log";
  const pid_t daemon =
      start({wanted.bin_dir + "/peeraged", "--config", folder + "/peeraged.toml"}, log);
  const auto until = steady_clock::now() + seconds{30};
  while (!text_of_file(log).contains(" gateway settled")) {
    if (ended(daemon) || steady_clock::now() > until) {
      throw std::runtime_error("peeraged did not settle; its log:\n" + text_of_file(log));
    }
    std::this_thread::sleep_for(milliseconds{20});
  }
}

/// Makes the network, and a token for its peers.
task<std::string> token_for(caller& admin, std::string network) {
  json::value one = json::object{{"name", network}};
  co_await admin.call("POST", "/v1/networks", std::move(one));
  json::value two = json::object{{"scopes", json::array{"peers:write"}}, {"network", network}};
  const auto made = co_await admin.call("POST", "/v1/tokens", std::move(two));
  co_return std::string(json::parse(made.body).value().at("token").as_string());
}

/// At an even pace; each peer goes again, unmeasured.
task<> create_evenly(caller& quiet, int span_s, series& into) {
  asio::steady_timer pause(co_await asio::this_coro::executor);
  auto next = steady_clock::now();
  const auto until = next + seconds{span_s};
  while (next < until) {
    pause.expires_at(next += every);
    co_await pause.async_wait(asio::use_awaitable);
    const auto begun = steady_clock::now();
    const auto made = co_await quiet.create("quiet");
    const std::chrono::duration<double, std::milli> took = steady_clock::now() - begun;
    if (made.status != 201) throw std::runtime_error("the quiet network got " + made.body);
    into.push_back(took.count());
    std::string path(made.header("Location"));
    co_await quiet.call("DELETE", std::move(path));
  }
}

struct loop_counts {
  std::atomic<std::uint64_t> created = 0, refused = 0, other = 0;
};

task<> create_without_end(caller& loud, const std::atomic<bool>& stop, loop_counts& counts) {
  while (!stop) {
    const auto got = co_await loud.create("loud");
    ++(got.status == 201 ? counts.created : got.status == 429 ? counts.refused : counts.other);
  }
}

void run_all(asio::io_context& loop, task<> work) {
  asio::co_spawn(loop, std::move(work), [](std::exception_ptr thrown) {
    if (thrown) std::rethrow_exception(thrown);
  });
  loop.run();
  loop.restart();
}

int measure(const options& wanted, const std::string& folder) {
  start_daemon(wanted, folder);
  asio::io_context loop;
  std::string secret = text_of_file(folder + "/state/admin-token");
  while (secret.ends_with('\n')) secret.pop_back();
  caller admin(loop.get_executor(), secret);
  std::string quiet_token, loud_token;
  run_all(loop, [](caller& by, std::string& quiet, std::string& loud) -> task<> {
    quiet = co_await token_for(by, "quiet");
    loud = co_await token_for(by, "loud");
  }(admin, quiet_token, loud_token));
  caller quiet(loop.get_executor(), quiet_token);
  series at_rest, beside;
  run_all(loop, create_evenly(quiet, wanted.span_s, at_rest));

  loop_counts counts;
  std::atomic<bool> stop = false;
  std::thread neighbour([&] {
    asio::io_context own;
    std::vector<std::unique_ptr<caller>> all;
    for (int i = 0; i < wanted.connections; ++i) {
      all.push_back(std::make_unique<caller>(own.get_executor(), loud_token));
      asio::co_spawn(own, create_without_end(*all.back(), stop, counts),
                     [](std::exception_ptr bug) {
                       if (bug) std::rethrow_exception(bug);
                     });
    }
    own.run();
  });
  run_all(loop, create_evenly(quiet, wanted.span_s, beside));
  stop = true;
  neighbour.join();

  const double ratio = percentile(beside, 99) / percentile(at_rest, 99);
  std::printf("%-22s %8s %8s %8s\n", "a creation, ms", "p50", "p99", "max");
  for (const auto& [name, values] :
       {std::pair{"at rest", &at_rest}, {"beside the loop", &beside}}) {
    std::printf("%-22s %8.3f %8.3f %8.3f\n", name, percentile(*values, 50), percentile(*values, 99),
                percentile(*values, 100));
  }
  std::printf("p99 beside the loop over p99 at rest: %.2f\n", ratio);
  std::printf("the loop, %d connections: %s created, %s refused with 429, %s other\n",
              wanted.connections, with_commas(counts.created).c_str(),
              with_commas(counts.refused).c_str(), with_commas(counts.other).c_str());
  return wanted.check && ratio > most_times_at_rest ? 1 : 0;
}

}  // namespace
}  // namespace peerage::bench

int main(int argc, char** argv) {
  using namespace peerage::bench;
  const auto wanted = parse(argc, argv);
  if (!wanted) return 2;
  return in_own_place(wanted->bin_dir, [&](const std::string& folder) {
    try {
      return measure(*wanted, folder);
    } catch (const std::exception& failure) {
      std::fprintf(stderr, "bench_neighbour: %s\n", failure.what());
      return 1;
    }
  });
}
