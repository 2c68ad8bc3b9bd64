#include "cli/problem.h"

#include <algorithm>

#include "cli/answers.h"
#include "cli/output.h"
#include "http/tls.h"

namespace peerage::cli {
namespace {

std::string with_advice(std::string message, const std::string& advice) {
  while (!message.empty() && (message.back() == '.' || message.back() == ' ')) message.pop_back();
  return advice.empty() ? message : message + "; " + advice;
}

std::string try_again(const http::response& said) {
  const std::string_view after = said.header("Retry-After");
  const bool number =
      !after.empty() && after.size() < 6 &&
      std::all_of(after.begin(), after.end(), [](char c) { return c >= '0' && c <= '9'; });
  return number ? "try again in " + std::string(after) + " s" : "try again in a moment";
}

/// The server speaks of its API: this command has its own ways.
std::string without_api_advice(std::string detail) {
  const auto at = detail.find("; `PUT`");
  if (at != std::string::npos) detail.erase(at);
  return detail;
}

/// What is not there by its field: the name of something that the command was told to use.
std::string advice_for_missing(const std::string& field, const attempt& tried) {
  if (field == "region" || field == "gateway") return "`peerage gateways` shows which there are";
  if (field == "network") return "`peerage networks` shows which there are";
  return tried.if_missing;
}

std::string advice_for_unavailable(const http::response& said, const std::string& detail) {
  if (detail.contains("disk is full")) return "free space there: a restart is not needed";
  if (detail.contains("draining")) {
    return "`peerage gateways undrain NAME` lets one take new peers again";
  }
  if (detail.contains("has room") || detail.contains("it can hold")) {
    return "remove peers, or start another gateway";
  }
  const bool of_gateways = detail.contains("no heartbeat") || detail.contains("no gateway");
  return try_again(said) + (of_gateways ? "; `peerage gateways` shows which are live" : "");
}

std::string advice_for(const http::response& said, const std::string& field,
                       const std::string& detail, const attempt& tried,
                       const std::string& token_note) {
  for (const auto& [about, advice] : tried.if_said) {
    if (detail.contains(about)) return advice;
  }
  switch (said.status) {
    case 401: return token_note;  // where none was sent; else the server has said what is wrong
    case 403: return "use a token that may do this";
    case 404: return advice_for_missing(field, tried);
    case 409:
      if (!field.empty() && !tried.taken_field.empty() && tried.taken_field != field) return {};
      return tried.if_taken;
    case 429: return try_again(said);
    case 503: return advice_for_unavailable(said, detail);
    case 504: return tried.if_unknown;
    default: return {};
  }
}

}  // namespace

failure refused_by_server(const http::response& said, const attempt& tried,
                          const std::string& token_note) {
  failure refused;
  refused.http_status = said.status;
  if (said.status == 503 || said.status == 429) refused.status = exit_status::unavailable;
  auto body = json::parse(said.body);
  std::string detail = body ? text_of(*body, "detail") : "";
  if (detail.empty() && body) detail = text_of(*body, "title");
  if (detail.empty()) {
    detail = "the server answered " + std::to_string(said.status) +
             " and did not say why; is it a peerage server?";
  }
  detail = without_api_advice(std::move(detail));
  const std::string field = body ? text_of(*body, "field") : "";
  // Only a value that breaks its rule needs its name; any other detail is a sentence of its own.
  if (said.status == 400 && !field.empty() && detail.find(field) == std::string::npos) {
    detail = field + ": " + detail;
  }
  refused.message = terminal_safe(
      with_advice(tried.what + ": " + detail, advice_for(said, field, detail, tried, token_note)));
  if (body && body->is_object()) refused.problem = std::move(*body);
  return refused;
}

failure lost_on_the_way(const error& lost, const attempt& tried, const std::string& server) {
  failure failed;
  std::string advice = tried.if_unknown;
  switch (lost.code) {
    case errc::unavailable:
      failed.status = exit_status::unreachable;
      advice.clear();
      // What is wrong with a certificate comes with what to do; somebody is there.
      if (lost.field != http::certificate_field)
        advice = "is peeraged running there? --server or PEERAGE_SERVER says where";
      break;
    case errc::outcome_unknown:
    case errc::timeout: break;
    default: advice = "is " + server + " a peerage server?";
  }
  failed.message = terminal_safe(with_advice(tried.what + ": " + lost.message, advice));
  return failed;
}

}  // namespace peerage::cli
