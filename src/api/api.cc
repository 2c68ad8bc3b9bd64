#include "api/api.h"

#include <algorithm>
#include <array>
#include <exception>
#include <utility>
#include <variant>

#include "api/problem.h"
#include "api/routes.h"
#include "log/log.h"

namespace peerage {
namespace {

/// What a request is counted under when it led to no route.
constexpr std::string_view no_route = "none";
/// So many bytes of an answer count as one more read.
constexpr std::size_t read_unit = 4'096;

constexpr std::array<std::string_view, 5> known_methods = {"GET", "HEAD", "POST", "PUT", "DELETE"};

/// The metrics' label: few, whatever is asked.
std::string_view counted_method(std::string_view method) {
  const auto known = std::find(known_methods.begin(), known_methods.end(), method);
  return known == known_methods.end() ? "other" : *known;
}

/// What a token would have to have, for whoever has another.
std::string missing_scope(const principal& who, action needed) {
  std::string names;
  for (std::size_t i = 0; i < scope_count; ++i) {
    const auto each = static_cast<scope>(i);
    if (!allows(principal{{}, {}, {each}}, needed)) continue;
    names += (names.empty() ? "" : ", ") + std::string(name_of(each));
  }
  const std::string bound = allows(principal{{}, {}, who.scopes}, needed)
                                ? " and is of every network; this one is of one alone"
                                : "";
  return "this call needs a token that has one of the scopes " + names + bound;
}

/// The token's text; empty where the header is missing, there twice or of another kind.
std::string_view bearer(const http::request& request) {
  const auto count =
      std::count_if(request.headers.begin(), request.headers.end(),
                    [](const auto& each) { return http::same_word(each.first, "Authorization"); });
  if (count != 1) return {};
  const std::string_view value = request.header("Authorization");
  const std::size_t space = value.find(' ');
  if (space == std::string_view::npos || !http::same_word(value.substr(0, space), "Bearer")) {
    return {};
  }
  const std::size_t begin = value.find_first_not_of(' ', space);
  return begin == std::string_view::npos ? std::string_view{} : value.substr(begin);
}

/// What each segment in braces names.
struct named_segment {
  std::string_view name;
  std::string audit_entry::* text;
};
constexpr std::array<named_segment, 4> named_segments = {{
    {"network", &audit_entry::network},
    {"name", &audit_entry::peer},
    {"gateway", &audit_entry::gateway},
    {"id", &audit_entry::made_token},
}};

/// What the audit can tell of a call before it is answered.
audit_entry begun(const route& wanted, const http::request& request,
                  const std::vector<std::string>& captured, const principal& who) {
  audit_entry made;
  made.token = who.id;
  made.remote = request.remote;
  made.call = std::string(wanted.method) + " " + std::string(wanted.pattern);
  made.did = wanted.method == "POST"  ? deed::created
             : wanted.method == "PUT" ? deed::changed
                                      : deed::removed;
  std::string_view rest = wanted.pattern;
  for (const std::string& each : captured) {
    rest.remove_prefix(rest.find('{') + 1);
    const std::string_view name = rest.substr(0, rest.find('}'));
    const auto* known = std::find_if(named_segments.begin(), named_segments.end(),
                                     [&](const named_segment& one) { return one.name == name; });
    // Anything but a label is no name of anything.
    if (known != named_segments.end() && is_label(each)) made.*known->text = each;
  }
  return made;
}

}  // namespace

api::api(control& mind, metrics& counts, audit_trail& audit, std::string process,
         host_troubles host)
    : control_(mind),
      metrics_(counts),
      audit_(audit),
      process_(std::move(process)),
      host_(std::move(host)) {
  const auto all = routes();
  for (std::size_t i = 0; i < all.size(); ++i) table_.add(all[i].method, all[i].pattern, i);
}

http::response api::refuse(int status, std::string detail) {
  return problem(status, std::move(detail));
}

task<http::response> api::handle(http::request request) {
  std::string pattern(no_route);
  http::response answer;
  audit_entry noted;
  try {
    answer = co_await call(request, pattern, noted);
  } catch (const std::exception& bug) {
    note(std::move(noted), 500);
    // The server answers 500; what it was is said here, where the call is known.
    log::error("request threw",
               {{"method", request.method}, {"call", pattern}, {"what", bug.what()}});
    throw;
  }
  note(std::move(noted), answer.status);
  answer.set_header("Cache-Control", "no-store");
  metrics_.count_request(counted_method(request.method), pattern, answer.status);
  if (answer.status >= 500) {
    log::warning("request failed", {{"method", request.method},
                                    {"call", pattern},
                                    {"remote", request.remote},
                                    {"status", std::uint64_t(answer.status)},
                                    {"answer", answer.body}});
  }
  co_return answer;
}

api::~api() {
  for (audit_entry& each : refusals_.all()) audit_.note(std::move(each));
}

/// What only looks is not noted, nor is who asked too often; of who is refused in a loop some are:
/// his loop would fill the disk.
void api::note(audit_entry noted, int status) {
  const steady_time now = control_.time().steady();
  for (audit_entry& each : refusals_.over(now)) audit_.note(std::move(each));
  if (noted.call.empty() || noted.call.starts_with("GET ") || status == 429) return;
  noted.status = status;
  if (status >= 400) noted.did = status == 500 || status == 504 ? deed::unknown : deed::refused;
  if (noted.did != deed::refused) return audit_.note(std::move(noted));
  if (auto line = refusals_.fold(std::move(noted), now)) audit_.note(*std::move(line));
}

task<http::response> api::call(const http::request& request, std::string& pattern,
                               audit_entry& noted) {
  if (request.path == "*") co_return server_options();
  const auto match = table_.find(request.method, request.path);
  if (!match) co_return problem(match.error());
  if (const auto* other = std::get_if<http::method_not_allowed>(&*match)) {
    http::response answer = problem(405, "there is " + other->allowed + " for this path");
    answer.set_header("Allow", other->allowed);
    co_return answer;
  }
  const auto* found = std::get_if<http::route_found>(&*match);
  if (found == nullptr) co_return problem(404, "there is no such call; see /v1/openapi.json");
  const route& wanted = routes()[found->route];
  pattern = wanted.pattern;

  principal who;
  if (wanted.needs) {
    const std::string_view secret = bearer(request);
    if (secret.empty()) {
      co_return unauthorized("send the token in one header, `Authorization: Bearer TOKEN`");
    }
    auto known = co_await control_.authenticate(secret);
    if (!known) {
      co_return known.error().code == errc::denied ? unauthorized(known.error().message)
                                                   : problem(known.error());
    }
    who = *std::move(known);
    noted = begun(wanted, request, found->captured, who);
    noted.at = control_.time().now();
    noted.process = process_;
    if (!allows(who, *wanted.needs)) {
      co_return problem(403, missing_scope(who, *wanted.needs));
    }
  }
  const bool reads = wanted.needs && wanted.method == "GET";
  if (reads) {
    if (auto may = control_.may_read(who); !may) co_return problem(may.error());
  }
  const peerage::call now{control_, metrics_, audit_, noted, request, found->captured, who, host_};
  http::response answer = co_await wanted.answer(now);
  if (reads) control_.charge_read(who, 1 + answer.body.size() / read_unit);
  co_return answer;
}

}  // namespace peerage
