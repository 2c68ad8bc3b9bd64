// Request targets (RFC 3986, RFC 9112 section 3.2) and the table of routes. Pure functions and a
// table that is filled once at start and then only read: anybody may call them from anywhere.
// Failures are errc::invalid, with a message that is fit for the person who sent the request.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"

namespace peerage::http {

/// Both still percent-encoded.
struct target {
  std::string path;   // begins with "/"
  std::string query;  // without the "?"
};

/// Origin form ("/a?b") or absolute form ("http://host/a?b"); "*" and "host:port" are refused.
result<target> split_target(std::string_view text);

/// Refuses bad escapes, NUL, and what is not UTF-8. A "+" is a "+".
result<std::string> percent_decode(std::string_view text);

/// Everything but letters, digits and "-._~" is escaped: for one segment or one value.
std::string percent_encode(std::string_view text);

/// "/v1/a%2Fb" is "v1" and "a/b"; "/" is one empty segment. Each is decoded.
result<std::vector<std::string>> split_path(std::string_view path);

using query_parameters = std::vector<std::pair<std::string, std::string>>;

/// "a=1&b=": decoded, in order. A name without "=" has the value "". A second parameter of one
/// name is an error, with the name in error::field.
result<query_parameters> parse_query(std::string_view query);

/// What a path and a method lead to.
struct route_found {
  std::size_t route = 0;              // as it was given to add()
  std::vector<std::string> captured;  // the segments in braces, decoded, in order
};
struct route_not_found {};
struct method_not_allowed {
  std::string allowed;  // for the Allow header: "GET, HEAD, PUT"
};
using route_match = std::variant<route_found, route_not_found, method_not_allowed>;

class route_table {
 public:
  /// `pattern` is like "/v1/networks/{network}/peers/{name}"; `route` is the caller's own number
  /// for it. A literal segment goes before one in braces. Throws std::logic_error for a pattern
  /// that is no pattern, or that is there already with this method: a bug.
  void add(std::string_view method, std::string_view pattern, std::size_t route);

  /// HEAD finds the route of GET. errc::invalid when the path can't be decoded.
  result<route_match> find(std::string_view method, std::string_view path) const;

 private:
  struct node {
    std::map<std::string, std::unique_ptr<node>, std::less<>> literals;
    std::unique_ptr<node> capture;
    std::map<std::string, std::size_t, std::less<>> methods;
  };
  struct search;
  static void walk(const node& at, std::size_t depth, search& state);

  node root_;
};

}  // namespace peerage::http
