#include <utility>

#include "api/calls.h"
#include "api/problem.h"
#include "api/read.h"
#include "api/write.h"
#include "log/log.h"

namespace peerage {

task<http::response> get_audit(const call& now) {
  auto query = read_audit_query(now.request.query);
  if (!query) co_return problem(query.error());
  const auto found = co_await now.audit.read(std::move(query->cursor), query->limit);
  if (!found) {
    if (found.error().code == errc::io) {
      log::error("the audit can't be read", {{"why", found.error().message}});
    }
    co_return problem(found.error());
  }
  json::array items;
  for (const audit_entry& each : found->items) items.emplace_back(written(each));
  json::object answer = written_list(std::move(items), found->next);
  answer["process"] = now.noted.process;
  answer["lost"] = now.audit.lost();
  co_return json_answer(200, answer);
}

}  // namespace peerage
