// Once an hour one API process looks for keys of the store that disagree with the records they
// belong to, and repairs what is certain.
#include <utility>

#include "control/control.h"
#include "control/sweep_mark.h"
#include "log/log.h"

namespace peerage {
namespace {

constexpr std::chrono::minutes turn_every{1};
constexpr std::chrono::hours sweep_every{1};

}  // namespace

/// Whether the sweep is due and this process's to make. Of several that find it due, one is.
task<result<bool>> control::take_sweep() {
  auto last = co_await get_as<mark>(store_, sweep_mark);
  if (!last) co_return std::unexpected(std::move(last.error()));
  const wall_time now = clock_.now();
  const auto begun = *last ? from_rfc3339((*last)->value.value) : std::nullopt;
  // One that is said to begin far in the future was begun by a wrong clock.
  if (begun && *begun + sweep_every > now && *begun < now + sweep_every) co_return false;
  const expectation as_seen = *last ? expectation((*last)->revision) : expectation(absent{});
  transaction writes;
  writes.push_back(peerage::put{mark{sweep_mark.text, to_rfc3339(now)}, as_seen});
  const auto taken = co_await store_.commit(std::move(writes));
  if (!taken && taken.error().code == errc::conflict) co_return false;
  if (!taken) co_return std::unexpected(taken.error());
  co_return true;
}

task<> control::records_loop() {
  for (;;) {
    co_await clock_.wait_until(clock_.steady() + turn_every);
    auto mine = co_await take_sweep();
    if (!mine || !*mine) continue;  // a store that is away is reported by others
    const auto found = co_await store_.sweep(true);
    if (!found) {
      log::warning("the sweep of the store ended early", {{"error", found.error().message}});
      continue;
    }
    for (const std::string& each : found->examples) {
      log::warning("a key of the store disagreed with its record", {{"key", each}});
    }
    if (found->wrong > 0) {
      log::warning(
          "the sweep of the store found keys that disagree with their records",
          {{"records", found->records}, {"wrong", found->wrong}, {"repaired", found->repaired}});
    }
  }
}

}  // namespace peerage
