#include "api/api.h"
#include "api/calls.h"
#include "api/problem.h"

namespace peerage {

task<http::response> get_health(const call&) {
  json::object body{{"status", "ok"}};
  co_return json_answer(200, body);
}

task<http::response> get_ready(const call& now) {
  if (!now.mind.ready()) co_return problem(503, "starting: gateways are asked if they are there");
  const auto away = now.mind.away();
  json::array names;
  bool store = true;
  for (const std::string& each : away) {
    names.emplace_back(each);
    store = store && each != "store";
  }
  if (now.host_troubles) {
    for (const std::string& each : now.host_troubles()) names.emplace_back(each);
  }
  if (!store) co_return problem(503, "the store can't be read");
  json::object body{{"status", names.empty() ? "ok" : "degraded"}, {"away", std::move(names)}};
  co_return json_answer(200, body);
}

task<http::response> get_metrics(const call& now) {
  std::vector<gateway_count> gateways;
  for (const gateway_info& each : now.mind.known_gateways()) {
    gateways.push_back({each.what.name.text(), each.live, each.peers, each.left_out});
  }
  now.counts.set_gateways(gateways);
  http::response answer;
  answer.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  answer.body = now.counts.text();
  co_return answer;
}

task<http::response> get_openapi(const call&) {
  http::response answer;
  answer.set_header("Content-Type", "application/json");
  answer.body = openapi_document();
  co_return answer;
}

}  // namespace peerage
