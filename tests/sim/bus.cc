#include "tests/sim/bus.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <type_traits>
#include <utility>

namespace peerage::sim {
namespace {

using namespace asio::experimental::awaitable_operators;

template <class Reply>
struct asked {
  explicit asked(const asio::any_io_executor& loop) : woken(loop) {}
  void end(result<Reply> with) {
    if (answer) return;
    answer = std::move(with);
    woken.notify();
  }
  std::optional<result<Reply>> answer;
  signal woken;
};

/// What the gateway has of these keys is asked in the same moment, since nothing is looked at.
task<apply_reply> serve_one(bus_world* in, gateway_name to, gateway_service* service,
                            apply_request request) {
  apply_reply reply = co_await service->apply(request);
  status_request keys{{}, false};
  for (const peer_change& each : request.changes) keys.public_keys.push_back(key_of(each));
  const status_reply now = co_await service->status(std::move(keys));
  in->on_applied(to, request, reply, now);
  co_return reply;
}
task<status_reply> serve_one(bus_world* in, gateway_name to, gateway_service* service,
                             status_request request) {
  status_reply reply = co_await service->status(std::move(request));
  in->on_status(to, reply);
  co_return reply;
}
task<accept_removals_reply> serve_one(bus_world*, gateway_name, gateway_service* service,
                                      accept_removals_request request) {
  return service->accept_removals(request);
}

/// The request arrives: the gateway works at it, and its reply goes on the bus.
template <class Reply, class Request>
void arrive(bus_world& in, const gateway_name& to, const Request& request,
            std::weak_ptr<asked<Reply>> asker, const std::string& text) {
  const auto found = in.serving.find(to);
  if (found == in.serving.end()) return;  // it is gone meanwhile
  const reachable at = found->second.at;
  asio::co_spawn(at.loop, serve_one(&in, to, found->second.service, request),
                 [&in, asker, text](std::exception_ptr thrown, Reply made) {
                   if (thrown) std::rethrow_exception(thrown);
                   if (!in.connected) return;
                   in.under_way.push_back({"reply to " + text, [asker, made] {
                                             if (const auto mine = asker.lock()) mine->end(made);
                                           }});
                 });
}

}  // namespace

void bus_world::go_away() {
  connected = false;
  under_way.clear();
  for (const auto& each : std::exchange(cut, {})) each();
}

void bus_world::forget_dead() {
  std::erase_if(serving, [](const auto& each) { return each.second.at.alive.expired(); });
  std::erase_if(beats, [](const auto& each) { return each.at.alive.expired(); });
  std::erase_if(events, [](const auto& each) { return each.at.alive.expired(); });
}

template <class Reply, class Request>
task<result<Reply>> sim_bus::ask(gateway_name to, Request request, steady_time deadline,
                                 std::string text) {
  if (!in_.connected) co_return fail(errc::unavailable, "there is no connection");
  if (!in_.serving.contains(to) && !in_.chance.chance(in_.mischief)) {
    co_return fail(errc::unavailable, "nobody listens");
  }
  if (in_.unheard > 0) {
    --in_.unheard;
    co_return fail(errc::unavailable, "nobody listens yet");
  }
  const auto mine = std::make_shared<asked<Reply>>(self_.loop);
  const std::weak_ptr<asked<Reply>> asker = mine;
  in_.under_way.push_back({text, [&in = in_, to, request, asker, text] {
                             arrive<Reply, Request>(in, to, request, asker, text);
                           }});
  if (in_.cut.size() > 1'000) in_.cut.erase(in_.cut.begin(), in_.cut.begin() + 500);
  in_.cut.push_back([asker] {
    if (const auto waiting = asker.lock()) {
      waiting->end(fail(errc::timeout, "the connection was lost before the answer came"));
    }
  });
  while (!mine->answer) {
    if (time_.steady() >= deadline) co_return fail(errc::timeout, "no answer in time");
    co_await (mine->woken.wait() || time_.wait_until(deadline));
  }
  co_return *std::move(mine->answer);
}

task<result<apply_reply>> sim_bus::apply(gateway_name to, apply_request request,
                                         steady_time deadline) {
  std::string text =
      "apply@" + std::to_string(request.revision.number) + " " + process_ + " to " + to.text();
  return ask<apply_reply>(std::move(to), std::move(request), deadline, std::move(text));
}

task<result<status_reply>> sim_bus::status(gateway_name to, status_request request,
                                           steady_time deadline) {
  std::string text = "status " + process_ + " to " + to.text();
  return ask<status_reply>(std::move(to), std::move(request), deadline, std::move(text));
}

task<result<accept_removals_reply>> sim_bus::accept_removals(gateway_name to,
                                                             steady_time deadline) {
  std::string text = "accept-removals " + process_ + " to " + to.text();
  accept_removals_request request;
  return ask<accept_removals_reply>(std::move(to), request, deadline, std::move(text));
}

result<> sim_bus::serve(gateway_name name, gateway_service& service) {
  if (!in_.serving.emplace(name, bus_world::server{self_, &service}).second) {
    return fail(errc::conflict, "served already");
  }
  in_.keys.insert_or_assign(std::move(name), self_.alive);
  return {};
}

bool sim_bus::is_mine(const std::weak_ptr<bool>& alive) const {
  return !alive.owner_before(self_.alive) && !self_.alive.owner_before(alive);
}

/// Most hints arrive at once; some are late, and some are lost. Without a connection an event stays
/// in its process.
template <class What>
void sim_bus::tell(std::vector<bus_world::listener<What>>& all, const What& what,
                   std::string text) {
  constexpr bool stays = std::is_same_v<What, event>;
  if (!in_.connected && !stays) return;
  for (const auto& each : all) {
    if (!in_.connected && !is_mine(each.at.alive)) continue;
    if (each.at.alive.expired() || in_.chance.chance(in_.mischief)) continue;
    auto deliver = [at = each.at, hear = each.hear, what] {
      if (at.alive.expired()) return;
      asio::post(at.loop, [hear, what] { hear(what); });
    };
    if (in_.connected && in_.chance.chance(in_.mischief)) {
      in_.under_way.push_back({text, std::move(deliver), true});
    } else {
      deliver();
    }
  }
}

void sim_bus::publish(const heartbeat& beat) {
  in_.on_beat(beat);
  const auto key = in_.keys.find(beat.name);
  if (key == in_.keys.end() || !is_mine(key->second)) return;  // nobody believes it
  tell(in_.beats, beat,
       "heartbeat of " + beat.name.text() + " applied " + std::to_string(beat.applied.number));
}

void sim_bus::publish(const event& what) {
  tell(in_.events, what, "event " + std::string(name_of(what.what)));
}

}  // namespace peerage::sim
