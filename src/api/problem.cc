#include "api/problem.h"

#include <array>
#include <utility>

namespace peerage {
namespace {

struct meaning {
  errc code;
  int status;
};

constexpr std::array<meaning, 12> meanings = {{
    {errc::unavailable, 503},
    {errc::full, 503},
    {errc::throttled, 429},
    {errc::outcome_unknown, 504},
    {errc::timeout, 504},
    {errc::conflict, 409},
    {errc::not_found, 404},
    {errc::invalid, 400},
    {errc::unsupported, 400},
    {errc::denied, 403},
    {errc::corrupt, 500},
    {errc::io, 500},
}};

struct kind {
  int status;
  std::string_view type;
  std::string_view title;
};

constexpr std::array<kind, 18> kinds = {{
    {400, "bad-request", "The request breaks a rule"},
    {401, "unauthorized", "A valid token is needed"},
    {403, "forbidden", "The token does not allow this"},
    {404, "not-found", "There is no such thing"},
    {405, "method-not-allowed", "That can't be done with this"},
    {408, "request-timeout", "The request did not come in time"},
    {409, "conflict", "Something else has it"},
    {411, "length-required", "The request's length is missing"},
    {413, "too-large", "The request is too large"},
    {415, "unsupported-media-type", "The request must be plain JSON"},
    {417, "expectation-failed", "The request expects what is not offered"},
    {429, "too-many-requests", "Too many requests"},
    {431, "headers-too-large", "The request's headers are too large"},
    {500, "internal", "The server failed"},
    {501, "not-implemented", "The server does not know that"},
    {503, "unavailable", "It can't be done now, and nothing was done"},
    {504, "outcome-unknown", "It is not known whether it was done"},
    {505, "http-version", "The server speaks HTTP/1.1"},
}};

int status_of(errc code) {
  for (const meaning& each : meanings)
    if (each.code == code) return each.status;
  return 500;
}

}  // namespace

http::response json_answer(int status, const json::value& body) {
  http::response answer;
  answer.status = status;
  answer.set_header("Content-Type", "application/json");
  answer.body = json::serialize(body);
  return answer;
}

http::response problem(int status, std::string detail, const std::string& field) {
  const kind* found = &kinds[13];
  for (const kind& each : kinds)
    if (each.status == status) found = &each;
  json::object body;
  body["type"] = "urn:peerage:" + std::string(found->type);
  body["title"] = std::string(found->title);
  body["status"] = status;
  // What breaks a rule is said of its field; the other sentences name what they are about.
  body["detail"] = status == 400 && !field.empty() ? field + ": " + detail : std::move(detail);
  if (!field.empty()) body["field"] = field;
  http::response answer = json_answer(status, body);
  answer.set_header("Content-Type", "application/problem+json");
  if (status == 503 || status == 429) answer.set_header("Retry-After", "1");
  return answer;
}

http::response problem(const error& from) {
  // What this host or its disk can't do is not about the caller; the log has the rest.
  const bool inner = from.code == errc::corrupt || from.code == errc::io ||
                     (from.code == errc::unsupported && from.field.empty());
  if (inner) return problem(503, "the server can't do it now; its log says why");
  // What is unsupported here is a body of another media type, or an encoded one.
  if (from.field == "Content-Type") return problem(415, from.message);
  if (from.field == "Content-Encoding") {
    http::response answer = problem(415, from.message);
    answer.set_header("Accept-Encoding", "identity");  // RFC 9110, section 12.5.3
    return answer;
  }
  return problem(status_of(from.code), from.message, from.field);
}

http::response server_options() {
  http::response answer;
  answer.status = 204;
  answer.set_header("Allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS");
  return answer;
}

http::response unauthorized(std::string detail) {
  http::response answer = problem(401, std::move(detail));
  answer.set_header("WWW-Authenticate", "Bearer realm=\"peerage\"");
  return answer;
}

}  // namespace peerage
