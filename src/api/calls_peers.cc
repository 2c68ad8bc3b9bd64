#include <utility>

#include "api/calls.h"
#include "api/problem.h"
#include "api/read.h"
#include "api/write.h"

namespace peerage {
namespace {

constexpr milliseconds removal_wait{5'000};

result<peer_id> peer_in_path(const call& now) {
  auto network = name_in_path<network_name>(now.captured[0], "network");
  if (!network) return std::unexpected(network.error());
  auto name = name_in_path<peer_name>(now.captured[1], "name");
  if (!name) return std::unexpected(name.error());
  return peer_id{*std::move(network), *std::move(name)};
}

http::response enrolled(const call& now, const enrolment& made) {
  const bool live = made.view.state == peer_state::live;
  now.counts.count_enrolment(live ? "live" : "pending");
  now.counts.observe_stage("store", made.took.store);
  now.counts.observe_stage("gateway", made.took.gateway);
  now.counts.observe_stage("device", made.took.device);
  now.counts.observe_stage("total", made.took.total);
  const peer& one = made.view.what.value;
  now.noted.did = made.created ? deed::created : made.rekeyed ? deed::rekeyed : deed::changed;
  now.noted.peer = one.id.name.text();
  now.noted.gateway = one.gateway.text();
  now.noted.public_key = one.public_key.text();
  const int status = !live ? 202 : made.created ? 201 : 200;
  http::response answer = json_answer(status, written(made));
  answer.set_header("Server-Timing", server_timing(made.took));
  if (made.created) {
    answer.set_header("Location",
                      "/v1/networks/" + one.id.network.text() + "/peers/" + one.id.name.text());
  }
  return answer;
}

}  // namespace

task<http::response> post_peer(const call& now) {
  auto network = name_in_path<network_name>(now.captured[0], "network");
  if (!network) co_return problem(network.error());
  if (auto none = read_no_query(now.request.query); !none) co_return problem(none.error());
  auto body = read_body(now.request);
  if (!body) co_return problem(body.error());
  auto wanted = read_enrol(*body, nullptr);
  if (!wanted) co_return problem(wanted.error());
  auto made = co_await now.mind.enrol(now.who, *std::move(network), *std::move(wanted));
  if (!made) co_return problem(made.error());
  co_return enrolled(now, *made);
}

task<http::response> put_peer(const call& now) {
  auto id = peer_in_path(now);
  if (!id) co_return problem(id.error());
  if (auto none = read_no_query(now.request.query); !none) co_return problem(none.error());
  auto body = read_body(now.request);
  if (!body) co_return problem(body.error());
  auto wanted = read_enrol(*body, &id->name);
  if (!wanted) co_return problem(wanted.error());
  auto made = co_await now.mind.put(now.who, *std::move(id), *std::move(wanted));
  if (!made) co_return problem(made.error());
  co_return enrolled(now, *made);
}

task<http::response> get_peer(const call& now) {
  auto id = peer_in_path(now);
  if (!id) co_return problem(id.error());
  if (auto none = read_no_query(now.request.query); !none) co_return problem(none.error());
  const auto found = co_await now.mind.show_peer(now.who, *std::move(id));
  if (!found) co_return problem(found.error());
  co_return json_answer(200, written(*found, true));
}

task<http::response> get_peers(const call& now) {
  auto network = name_in_path<network_name>(now.captured[0], "network");
  if (!network) co_return problem(network.error());
  auto query = read_list_query(now.request.query);
  if (!query) co_return problem(query.error());
  const auto found = co_await now.mind.list_peers(
      now.who, *std::move(network), std::move(query->cursor), query->limit, query->stale);
  if (!found) co_return problem(found.error());
  json::array items;
  for (const peer_view& each : found->items) items.emplace_back(written(each, false));
  co_return json_answer(200, written_list(std::move(items), found->next));
}

task<http::response> delete_peer(const call& now) {
  auto id = peer_in_path(now);
  if (!id) co_return problem(id.error());
  if (auto none = read_no_query(now.request.query); !none) co_return problem(none.error());
  const auto gone = co_await now.mind.remove_peer(now.who, *id, removal_wait);
  if (!gone) co_return problem(gone.error());
  now.noted.gateway = gone->gateway;
  if (gone->gone) {
    http::response answer;
    answer.status = 204;
    co_return answer;
  }
  json::object body{{"name", id->name.text()},
                    {"network", id->network.text()},
                    {"state", "pending"},
                    {"reason", gone->reason}};
  co_return json_answer(202, body);
}

}  // namespace peerage
