// An HTTP request and its answer, as plain values: what the server hands to its handler and what
// the client sends. Anybody may make them; nothing here does I/O and nothing fails.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/task.h"

namespace peerage::http {

using header_list = std::vector<std::pair<std::string, std::string>>;

/// The first header of that name, in any case of letters; "" where there is none.
std::string_view find_header(const header_list& headers, std::string_view name);

/// Letters A to Z and a to z are the same; everything else is compared as bytes.
bool same_word(std::string_view a, std::string_view b);

struct request {
  std::string method;
  std::string path;   // as it was sent, still percent-encoded: "/v1/networks/acme"
  std::string query;  // as it was sent, without the "?"
  header_list headers;
  std::string body;
  std::string remote;  // the address of the other side, without its port; "" in a client's request

  std::string_view header(std::string_view name) const { return find_header(headers, name); }
};

/// A body that comes piece by piece, for as long as its reader stays.
struct body_source {
  virtual ~body_source() = default;
  /// The next piece; an empty one is the end. Cancelled when the reader goes or the server stops.
  virtual task<std::string> next() = 0;
};

/// Content-Length and Connection are the server's own business: it writes them, and leaves out
/// what `headers` says of them.
struct response {
  int status = 200;
  header_list headers;
  std::string body;
  // In place of a body. The connection is closed at its end.
  std::shared_ptr<body_source> stream = {};

  std::string_view header(std::string_view name) const { return find_header(headers, name); }
  /// In place of every header of that name.
  void set_header(std::string_view name, std::string value);
};

}  // namespace peerage::http
