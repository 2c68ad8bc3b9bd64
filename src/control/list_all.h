// Every item of a listing that is short: networks, gateways, tokens.
#pragma once

#include <utility>
#include <vector>

#include "ports/store.h"

namespace peerage {

/// Page by page, in the listing's order. Errors as store::list().
template <class T>
task<result<std::vector<stored<T>>>> list_all(store& from, listing what) {
  std::vector<stored<T>> all;
  page_query query{std::move(what), {}, 1'000};
  for (bool more = true; more;) {
    auto got = co_await from.list(query);
    if (!got) co_return std::unexpected(got.error());
    more = got->more;
    if (more) query.after = position(query.what, got->items.back().value);
    for (auto& each : got->items) {
      all.push_back({std::get<T>(std::move(each.value)), each.revision});
    }
  }
  co_return all;
}

}  // namespace peerage
