// How a command ends: an exit status, and where it failed, what is said to the person. A value type
// of this room; nothing here fails.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <utility>

#include "json/json.h"

namespace peerage::cli {

/// The process's exit status; scripts hold on to the numbers.
enum class exit_status {
  done = 0,
  failed = 1,       // refused, or failed
  usage = 2,        // the command line, the environment or a config file is wrong
  pending = 3,      // stored, and not yet live (or not yet gone); of `status`: not live
  unreachable = 4,  // no server there
  unavailable = 5,  // the server is there and can't do it now; it was tried for 20 s
};

struct failure {
  exit_status status = exit_status::failed;
  std::string message;                   // one line: what happened, where, what to do next
  int http_status = 0;                   // where the server said it; else 0
  std::optional<json::value> problem{};  // the server's problem document
};

template <class T>
using answer = std::expected<T, failure>;

inline std::unexpected<failure> give_up(exit_status status, std::string message) {
  return std::unexpected(failure{status, std::move(message)});
}

inline std::unexpected<failure> wrong_usage(std::string message) {
  return give_up(exit_status::usage, std::move(message));
}

}  // namespace peerage::cli
