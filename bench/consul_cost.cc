// What a gateway costs Consul: requests and bytes for one change to one peer, and at rest, at
// several numbers of peers, counted by a proxy between the gateway and a real Consul. Needs root.
#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <stdexcept>

#include "bench/arguments.h"
#include "bench/fleet_stand.h"
#include "bench/place.h"

namespace peerage::bench {
namespace {

using asio::ip::tcp;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

constexpr const char* help =
    R"(bench_consul_cost counts what a gateway asks of Consul and reads from it.

Usage: bench_consul_cost --bin-dir DIR --consul PROGRAM [OPTION…]   (as root)
       ./dev bench consul-cost [OPTION…]

  --peers LIST    how many peers the gateway has, 100,50000 where absent
  --rounds N      changes that are counted, 20 where absent
  --quick         5 changes, and 10 s at rest in place of 70
  --json FILE     write every value as a line {"name", "value", "unit"}
  --check         exit with 1 where a change costs over 3 requests or 16 KiB, or a gateway at rest
                  more than one request a minute, or writes
)";

constexpr std::uint64_t most_requests = 3;
constexpr std::uint64_t most_bytes = 16 * 1024;
constexpr auto settle_time = std::chrono::milliseconds(500);
constexpr std::uint64_t wait_s = 60;  // of a gateway's blocking request

struct counts {
  std::uint64_t requests = 0;
  std::uint64_t writes = 0;  // of these, PUTs that are no transaction of reads
  std::uint64_t bytes = 0;   // read by the gateway
};

/// Everything that comes to it goes to Consul and back, and is counted.
class counting_proxy {
 public:
  counting_proxy(asio::any_io_executor loop, std::uint16_t to)
      : loop_(loop), to_(to), acceptor_(loop, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    asio::co_spawn(loop_, accept(), asio::detached);
  }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  counts seen;

 private:
  struct pair {
    explicit pair(const asio::any_io_executor& loop) : client(loop), server(loop) {}
    tcp::socket client;
    tcp::socket server;
  };

  task<> accept() {
    for (;;) {
      auto made = std::make_shared<pair>(loop_);
      const auto [failed] = co_await acceptor_.async_accept(made->client, as_result);
      if (failed) co_return;
      const tcp::endpoint there(asio::ip::address_v4::loopback(), to_);
      const auto [refused] = co_await made->server.async_connect(there, as_result);
      if (refused) continue;
      made->client.set_option(tcp::no_delay(true));
      made->server.set_option(tcp::no_delay(true));
      asio::co_spawn(loop_, carry(made, made->client, made->server, true), asio::detached);
      asio::co_spawn(loop_, carry(made, made->server, made->client, false), asio::detached);
    }
  }

  task<> carry(std::shared_ptr<pair>, tcp::socket& from, tcp::socket& to, bool asking) {
    std::vector<char> bytes(64 * 1024);
    for (;;) {
      const auto [failed, size] = co_await from.async_read_some(asio::buffer(bytes), as_result);
      if (failed) break;
      if (asking) {
        count({bytes.data(), size});
      } else {
        seen.bytes += size;
      }
      const auto [lost, sent] =
          co_await asio::async_write(to, asio::buffer(bytes, size), as_result);
      if (lost) break;
    }
    boost::system::error_code ignored;
    to.shutdown(tcp::socket::shutdown_both, ignored);
  }

  /// A request's first line comes in one piece: it was written in one.
  void count(std::string_view text) {
    for (const std::string_view verb : {"GET /v1/", "PUT /v1/", "DELETE /v1/"}) {
      if (!text.starts_with(verb)) continue;
      ++seen.requests;
      const std::string_view line = text.substr(0, text.find('\r'));
      if (verb.starts_with("PUT") && !line.contains("consistent")) ++seen.writes;
    }
  }

  asio::any_io_executor loop_;
  std::uint16_t to_;
  tcp::acceptor acceptor_;
};

struct measured_cost {
  std::uint32_t peers = 0;
  counts worst;    // of one change
  counts typical;  // the middle one, by bytes
  counts start;    // from the gateway's start until it was filled
  counts idle;
  std::uint64_t idle_s = 0;
};

task<> rest(asio::any_io_executor loop, std::chrono::steady_clock::duration how_long) {
  asio::steady_timer timer(loop, how_long);
  co_await timer.async_wait(asio::use_awaitable);
}

counts since(const counts& now, const counts& before) {
  return {now.requests - before.requests, now.writes - before.writes, now.bytes - before.bytes};
}

task<measured_cost> measure_one(asio::any_io_executor loop, const arguments& wanted, servers where,
                                std::string folder, unsigned number, std::uint32_t peers) {
  counting_proxy proxy(loop, where.consul);
  fleet_options options{wanted.bin_dir, folder + "/" + std::to_string(number), number, peers, where,
                        proxy.port()};
  fleet_stand stand(loop, options);
  co_await stand.prepare();
  measured_cost made;
  made.peers = peers;
  made.start = proxy.seen;
  http::client api = stand.connect();
  co_await rest(loop, settle_time);
  std::vector<counts> all;
  const std::uint64_t rounds = wanted.rounds != 0 ? wanted.rounds : wanted.quick ? 5 : 20;
  progress said(with_commas(peers) + " peers: changes", 2 * rounds);
  for (std::uint64_t i = 0; i < rounds; ++i) {
    counts before = proxy.seen;
    const auto one = co_await stand.create(api);
    co_await rest(loop, settle_time);
    all.push_back(since(proxy.seen, before));
    before = proxy.seen;
    std::string name = one.name;
    co_await stand.remove(api, std::move(name));
    co_await rest(loop, settle_time);
    all.push_back(since(proxy.seen, before));
    said.at(2 * i);
  }
  for (const counts& each : all) {
    made.worst.requests = std::max(made.worst.requests, each.requests);
    made.worst.bytes = std::max(made.worst.bytes, each.bytes);
    made.worst.writes = std::max(made.worst.writes, each.writes);
  }
  std::ranges::sort(all, {}, &counts::bytes);
  made.typical = all[all.size() / 2];
  made.idle_s = wanted.quick ? 10 : wait_s + 10;
  const counts before = proxy.seen;
  co_await rest(loop, std::chrono::seconds(made.idle_s));
  made.idle = since(proxy.seen, before);
  co_return made;
}

void print(const std::vector<measured_cost>& all) {
  std::printf("\n%-28s", "peers of the gateway");
  for (const auto& each : all) std::printf("%12s", with_commas(each.peers).c_str());
  const auto row = [&](const char* what, auto value) {
    std::printf("\n%-28s", what);
    for (const auto& each : all) std::printf("%12s", with_commas(value(each)).c_str());
  };
  row("one change: requests", [](const auto& each) { return each.typical.requests; });
  row("  the most", [](const auto& each) { return each.worst.requests; });
  row("one change: bytes read", [](const auto& each) { return each.typical.bytes; });
  row("  the most", [](const auto& each) { return each.worst.bytes; });
  row("at rest: seconds", [](const auto& each) { return each.idle_s; });
  row("at rest: requests", [](const auto& each) { return each.idle.requests; });
  row("at rest: writes", [](const auto& each) { return each.idle.writes; });
  row("a cold start: requests", [](const auto& each) { return each.start.requests; });
  row("a cold start: bytes read", [](const auto& each) { return each.start.bytes; });
  std::printf("\n");
}

void print_json(const std::string& file, const std::vector<measured_cost>& all) {
  std::FILE* to = std::fopen(file.c_str(), "we");
  if (to == nullptr) give_up(file);
  for (const auto& each : all) {
    const auto line = [&](const char* what, std::uint64_t value, const char* unit) {
      std::fprintf(to, "{\"name\": \"consul_cost.%u.%s\", \"value\": %llu, \"unit\": \"%s\"}\n",
                   each.peers, what, static_cast<unsigned long long>(value), unit);
    };
    line("change.requests", each.worst.requests, "requests");
    line("change.bytes", each.worst.bytes, "bytes");
    line("rest.requests", each.idle.requests, "requests");
    line("rest.writes", each.idle.writes, "requests");
    line("start.requests", each.start.requests, "requests");
    line("start.bytes", each.start.bytes, "bytes");
  }
  if (std::fclose(to) != 0) give_up(file);
}

int run(const arguments& wanted, const std::string& folder) {
  asio::io_context loop{1};
  std::vector<measured_cost> all;
  const auto work = [&]() -> task<> {
    const servers where;
    std::string home = folder;
    std::string consul = wanted.consul;
    co_await start_servers(loop.get_executor(), where, std::move(consul), std::move(home));
    unsigned number = 0;
    for (const std::uint32_t peers : wanted.peers) {
      std::string own = folder;
      all.push_back(co_await measure_one(loop.get_executor(), wanted, where, std::move(own),
                                         number++, peers));
    }
  };
  asio::co_spawn(loop, work(), [&](std::exception_ptr thrown) {
    loop.stop();
    if (thrown) std::rethrow_exception(thrown);
  });
  loop.run();
  print(all);
  if (!wanted.json.empty()) print_json(wanted.json, all);
  if (!wanted.check) return 0;
  const bool kept = std::ranges::all_of(all, [](const measured_cost& each) {
    const std::uint64_t waits = (each.idle_s + wait_s - 1) / wait_s;
    return each.worst.requests <= most_requests && each.worst.bytes <= most_bytes &&
           each.idle.requests <= waits && each.idle.writes == 0;
  });
  std::printf(
      "\n%s: at most %llu requests and %llu bytes a change; at rest one request a wait, and "
      "no writes\n",
      kept ? "Kept" : "MISSED", static_cast<unsigned long long>(most_requests),
      static_cast<unsigned long long>(most_bytes));
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
