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

std::string advice_for(const http::response& said, const std::string& field, const attempt& tried,
                       const std::string& token_note) {
  switch (said.status) {
    case 401: return token_note;  // where none was sent; else the server has said what is wrong
    case 403: return "use a token that may do this";
    case 404: return tried.if_missing;
    case 409:
      if (!field.empty() && !tried.taken_field.empty() && tried.taken_field != field) return {};
      return tried.if_taken;
    case 429: return try_again(said);
    case 503: return try_again(said) + "; `peerage gateways` shows which are live";
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
  const std::string field = body ? text_of(*body, "field") : "";
  // Only a value that breaks its rule needs its name; any other detail is a sentence of its own.
  if (said.status == 400 && !field.empty() && detail.find(field) == std::string::npos) {
    detail = field + ": " + detail;
  }
  refused.message = terminal_safe(
      with_advice(tried.what + ": " + detail, advice_for(said, field, tried, token_note)));
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
