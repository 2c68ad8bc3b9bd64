// Request targets, percent-encoding, queries, the API's table of routes, and URLs of servers.
#include "api/routes.h"
#include "fuzz/fuzz.h"
#include "http/client.h"
#include "http/target.h"

namespace peerage {
namespace {

void encoding(std::string_view text) {
  const std::string encoded = http::percent_encode(text);
  if (const auto plain = http::percent_decode(encoded)) {
    fuzz::hold(*plain == text, "what was encoded decodes to the same");
  }
  const auto plain = http::percent_decode(text);
  if (!plain) return;
  const auto again = http::percent_decode(http::percent_encode(*plain));
  fuzz::hold(again && *again == *plain, "what was decoded can be encoded");
}

void targets(std::string_view text) {
  const auto split = http::split_target(text);
  if (!split) return;
  fuzz::hold(split->path.starts_with('/'), "a path is one");
  fuzz::hold(split->path.find('?') == std::string::npos, "a path has no query");
  const auto again = http::split_target(split->path + "?" + split->query);
  fuzz::hold(again && again->path == split->path && again->query == split->query,
             "a target in two parts is the same target");
}

void queries(std::string_view text) {
  const auto write = [](const http::query_parameters& from) {
    std::string query;
    for (const auto& [name, value] : from) {
      query += "&" + http::percent_encode(name) + "=" + http::percent_encode(value);
    }
    return query;
  };
  fuzz::settles(text, http::parse_query, write);
}

void routed(std::string_view path) {
  static const http::route_table table = [] {
    http::route_table made;
    for (std::size_t i = 0; i < routes().size(); ++i) {
      made.add(routes()[i].method, routes()[i].pattern, i);
    }
    return made;
  }();
  const auto match = table.find("GET", path);
  const auto* found = match ? std::get_if<http::route_found>(&*match) : nullptr;
  if (found == nullptr) return;
  const std::string_view pattern = routes()[found->route].pattern;
  fuzz::hold(found->captured.size() ==
                 static_cast<std::size_t>(std::count(pattern.begin(), pattern.end(), '{')),
             "every pair of braces caught a segment");
  for (const auto& segment : found->captured) fuzz::hold(!segment.empty(), "and none is empty");
}

void urls(std::string_view text) {
  const auto url = http::parse_base_url(text);
  if (!url) return;
  const auto again = http::parse_base_url(url->text());
  fuzz::hold(again && *again == *url, "a server's URL reads as the same");
}

}  // namespace
}  // namespace peerage

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerage;
  const auto text = fuzz::text_of(data, size);
  encoding(text);
  targets(text);
  queries(text);
  routed(text);
  urls(text);
  return 0;
}
