#include "bench/load.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <optional>
#include <stdexcept>

#include "base/base64.h"
#include "bench/place.h"

namespace peerage::bench {
namespace {

using std::chrono::steady_clock;

constexpr unsigned undoing_callers = 32;

struct crowd {
  asio::any_io_executor loop;
  fleet_stand& stand;
  load_plan plan;
  load_result& result;
  steady_clock::time_point begun = steady_clock::now();
  std::uint64_t started = 0;
  bool over = false;  // somebody failed
};

/// When the next creation is meant to begin; nothing once there is no next.
std::optional<steady_clock::time_point> next_start(crowd& all) {
  if (all.over || all.started == all.plan.most) return {};
  auto due = steady_clock::now();
  if (all.plan.a_second > 0) {
    const std::chrono::duration<double> later(static_cast<double>(all.started) / all.plan.a_second);
    due = all.begun + std::chrono::duration_cast<steady_clock::duration>(later);
  }
  if (due - all.begun >= all.plan.how_long) return {};
  ++all.started;
  return due;
}

task<> work_for(crowd& all, http::client over) {
  asio::steady_timer timer(all.loop);
  while (const auto due = next_start(all)) {
    if (*due > steady_clock::now()) {
      timer.expires_at(*due);
      co_await timer.async_wait(asio::use_awaitable);
    }
    auto one = co_await all.stand.create(over);
    const std::chrono::duration<double, std::milli> took = steady_clock::now() - *due;
    all.result.latencies.push_back(took.count());
    for (std::size_t i = 0; i < one.stages.size(); ++i) {
      all.result.stages[i].push_back(one.stages[i]);
    }
    all.result.creations.push_back(std::move(one));
  }
}

task<> remove_for(crowd& all, http::client over) {
  while (!all.over && all.started < all.result.creations.size()) {
    std::string name = all.result.creations[all.started++].name;
    co_await all.stand.remove(over, std::move(name));
  }
}

/// So many at once, each over a connection of its own, until all have ended.
task<> work_together(crowd& all, unsigned callers, task<> (*work)(crowd&, http::client)) {
  asio::steady_timer done(all.loop, steady_clock::time_point::max());
  std::exception_ptr failed;
  unsigned working = callers;
  for (unsigned i = 0; i < callers; ++i) {
    asio::co_spawn(all.loop, work(all, all.stand.connect()), [&](std::exception_ptr thrown) {
      if (thrown) failed = thrown;
      all.over = all.over || thrown != nullptr;
      if (--working == 0) done.cancel();
    });
  }
  boost::system::error_code cancelled;
  co_await done.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  if (failed) std::rethrow_exception(failed);
}

}  // namespace

task<load_result> apply_load(asio::any_io_executor loop, fleet_stand& stand, load_plan plan) {
  load_result made;
  crowd all{loop, stand, plan, made};
  co_await work_together(all, plan.callers, work_for);
  const std::chrono::duration<double> took = steady_clock::now() - all.begun;
  made.made = made.creations.size();
  made.a_second = static_cast<double>(made.made) / took.count();
  co_return made;
}

task<> undo_load(asio::any_io_executor loop, fleet_stand& stand, load_result& done) {
  expect_on_device(stand.interface(), done.creations);
  crowd all{loop, stand, {}, done};
  co_await work_together(all, undoing_callers, remove_for);
  done.creations.clear();
}

task<load_result> run_load(asio::any_io_executor loop, fleet_stand& stand, load_plan plan) {
  load_result made = co_await apply_load(loop, stand, plan);
  co_await undo_load(loop, stand, made);
  co_return made;
}

std::set<std::string> keys_on_device(const std::string& interface) {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  const std::string path = "/var/run/wireguard/" + interface + ".sock";
  path.copy(to.sun_path, sizeof to.sun_path - 1);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) give_up(path);
  constexpr std::string_view question = "get=1\n\n";
  if (::send(socket, question.data(), question.size(), MSG_NOSIGNAL) < 0) give_up(path);
  std::string text;
  std::vector<char> bytes(256 * 1024);
  while (!text.ends_with("\n\n")) {
    const auto got = ::recv(socket, bytes.data(), bytes.size(), 0);
    if (got <= 0) give_up(path);
    text.append(bytes.data(), static_cast<std::size_t>(got));
  }
  ::close(socket);
  std::set<std::string> keys;
  constexpr std::string_view word = "\npublic_key=";
  for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos;) {
    at += word.size();
    keys.insert(text.substr(at, 2 * key_size));
  }
  return keys;
}

void expect_on_device(const std::string& interface,
                      const std::vector<fleet_stand::created>& creations) {
  if (creations.empty()) return;
  const auto keys = keys_on_device(interface);
  for (const fleet_stand::created& each : creations) {
    if (!keys.contains(hex_encode(each.key.bytes()))) {
      throw std::runtime_error(each.name + " was answered live and is not on the device");
    }
  }
}

}  // namespace peerage::bench
