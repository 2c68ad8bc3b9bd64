// What went wrong between here and the server, for a person: what happened, to what, and what to do
// next. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cli/failure.h"
#include "http/message.h"

namespace peerage::cli {

/// What was tried, and what helps when it did not work. Whole phrases, without a final stop.
struct attempt {
  std::string what;           // "can't enrol ci-1 in acme on gw-fra-1 (region fra)"
  std::string if_missing{};   // 404
  std::string if_taken{};     // 409
  std::string taken_field{};  // of a 409 that `if_taken` is for; empty: of any
  /// Instead of the others, where the server's words have the first of a pair in them.
  std::vector<std::pair<std::string, std::string>> if_said{};
  std::string if_unknown{};  // nobody knows whether it was done
};

/// For an answer that is not 2xx. `token_note` helps with a 401.
failure refused_by_server(const http::response& said, const attempt& tried,
                          const std::string& token_note);

/// For an answer that never came, or that is none.
failure lost_on_the_way(const error& lost, const attempt& tried, const std::string& server);

}  // namespace peerage::cli
