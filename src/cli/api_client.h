// Calls of the API: JSON out, JSON back, with the token, over connections that are kept. Owned by
// the session, used from the program's one thread; every call blocks until its answer or its
// deadline. What fails is a failure ready to be printed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/failure.h"
#include "cli/problem.h"
#include "cli/settings.h"
#include "json/json.h"

namespace peerage::cli {

struct api_call {
  std::string method;
  std::string path;     // encoded
  std::string query{};  // encoded, without the "?"
  std::optional<json::object> body{};
  attempt tried;
};

/// 2xx alone.
struct api_answer {
  int status = 0;
  json::value body{};  // null where there is none
};

class api_client {
 public:
  /// Reads the CA file; wrong usage where that is of no use.
  /// A call takes `patience` at most. Within that, what a server can't do now (503, or 429, with
  /// Retry-After: nothing was done) is asked again.
  static answer<std::unique_ptr<api_client>> open(const settings& from, milliseconds patience);
  ~api_client();

  answer<api_answer> call(api_call wanted);

  /// Each call's answer, in the same order; up to 16 are under way at once. After one that could
  /// not reach the server no new one is begun: those have the same failure.
  std::vector<answer<api_answer>> call_each(std::vector<api_call> wanted);

 private:
  struct core;
  explicit api_client(std::unique_ptr<core> made);
  std::unique_ptr<core> core_;
};

}  // namespace peerage::cli
