// The query strings of the API's calls.
#include "api/read.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerage;
  const auto query = fuzz::text_of(data, size);
  if (const auto list = read_list_query(query)) {
    fuzz::hold(list->limit >= 1 && list->limit <= 1'000, "a page has a size");
    fuzz::hold(list->cursor.empty() || is_label(list->cursor), "a cursor is one");
    fuzz::hold(!list->stale || *list->stale >= seconds{1}, "stale_s is positive");
  }
  if (const auto network = read_events_query(query); network && *network) {
    fuzz::hold(is_label((*network)->text()), "a network has a name");
  }
  if (read_no_query(query)) {
    fuzz::hold(query.find_first_not_of('&') == query.npos, "no parameter is none");
  }
  return 0;
}
