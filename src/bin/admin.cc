#include "bin/admin.h"

#include <utility>

#include "api/api.h"
#include "api/problem.h"
#include "json/json.h"

namespace peerage {
namespace {

http::response with_line_end(http::response made) {
  made.body += "\n";
  return made;
}

/// 503 until the device has had all that the store or the mirror says: from then on the gateway
/// serves its peers, whatever is away.
http::response readiness(const agent* mind, const std::vector<std::string>& host) {
  const agent::health now = mind ? mind->how() : agent::health{};
  json::array away;
  for (const std::string& each : now.troubles) away.emplace_back(each);
  for (const std::string& each : host) away.emplace_back(each);
  if (!now.settled) away.emplace_back("device: not filled yet");
  json::object body{{"status", away.empty() ? "ok" : "degraded"}, {"away", std::move(away)}};
  return with_line_end(json_answer(now.settled ? 200 : 503, body));
}

}  // namespace

http::response answer_admin(const http::request& request, const agent* mind,
                            const std::vector<std::string>& host, metrics& counts) {
  if (request.path == "*") return server_options();
  const bool known =
      request.path == "/healthz" || request.path == "/readyz" || request.path == "/metrics";
  if (!known) return api::refuse(404, "a gateway has /healthz, /readyz and /metrics alone");
  if (request.method != "GET") {
    http::response refused = api::refuse(405, request.path + " is only read");
    refused.set_header("Allow", "GET, HEAD");
    return refused;
  }
  if (request.path == "/healthz")
    return with_line_end(json_answer(200, json::object{{"status", "ok"}}));
  if (request.path == "/readyz") return readiness(mind, host);
  if (mind != nullptr) {
    counts.set_gateways(
        {{mind->self().name.text(), mind->how().settled, static_cast<std::uint32_t>(mind->peers()),
          static_cast<std::uint32_t>(mind->left_out())}});
    counts.set_gateway_revision(mind->self().name.text(), mind->applied().number);
  }
  http::response text;
  text.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
  text.body = counts.text();
  return text;
}

}  // namespace peerage
