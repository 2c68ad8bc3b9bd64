// The HTTP face of control: routes, tokens, JSON and model, status codes. Made by main, which hands
// handle() and refuse() to an HTTP server.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/refusals.h"
#include "control/control.h"
#include "http/message.h"
#include "http/target.h"
#include "metrics/metrics.h"
#include "ports/audit.h"

namespace peerage {

/// The document at /v1/openapi.json (OpenAPI 3.1).
std::string_view openapi_document();

class api {
 public:
  /// What is wrong with the host, in words for /readyz.
  using host_troubles = std::function<std::vector<std::string>()>;
  /// Everything given outlives it. `process` is what the audit calls this one.
  api(control& mind, metrics& counts, audit_trail& audit, std::string process,
      host_troubles host = {});
  ~api();
  api(const api&) = delete;
  api& operator=(const api&) = delete;

  /// Any request, to its answer.
  task<http::response> handle(http::request request);

  /// The answer to a request that never came to be one.
  static http::response refuse(int status, std::string detail);

 private:
  task<http::response> call(const http::request& request, std::string& pattern, audit_entry& noted);
  void note(audit_entry noted, int status);

  control& control_;
  metrics& metrics_;
  audit_trail& audit_;
  const std::string process_;
  const host_troubles host_;
  http::route_table table_;
  refusals refusals_;
};

}  // namespace peerage
