// Where a peer's earlier keys may still be: a gateway that was away when the peer moved, got a new
// key or was removed passes their packets on until it is back, and nobody is told otherwise.
#include <algorithm>
#include <map>
#include <utility>

#include "control/control.h"
#include "log/log.h"

namespace peerage {
namespace {

const mark_name leavings_mark{"leaving"};
constexpr seconds again_every{5};
constexpr seconds answer_within{2};
constexpr unsigned most_attempts = 32;

}  // namespace

task<result<>> control::read_leavings() {
  auto found = co_await get_as<mark>(store_, leavings_mark);
  if (!found) co_return std::unexpected(std::move(found.error()));
  leavings_ = *found ? parse_leavings((*found)->value.value) : std::vector<leaving>{};
  change_leavings(leavings_, to_note_, to_erase_);
  co_return result<>{};
}

std::vector<leaving> control::leavings_of(const peer_id& id) const {
  std::vector<leaving> all;
  for (const leaving& each : leavings_)
    if (each.who == id) all.push_back(each);
  return all;
}

/// What can't be stored now is kept here, and counts, until it can.
task<> control::note_leavings(std::vector<leaving> add, std::vector<leaving> erase) {
  change_leavings(to_note_, add, erase);
  change_leavings(to_erase_, erase, add);
  for (unsigned attempt = 0; attempt < most_attempts; ++attempt) {
    if (to_note_.empty() && to_erase_.empty()) co_return;
    auto found = co_await get_as<mark>(store_, leavings_mark);
    if (!found) {
      log::warning("a key that a gateway may still have could not be noted, and will be",
                   {{"error", found.error().message}});
      co_return;
    }
    // Others add to these while the store answers.
    const std::vector<leaving> noting = to_note_, erasing = to_erase_;
    std::vector<leaving> all;
    if (*found) all = parse_leavings((*found)->value.value);
    const std::string before = format_leavings(all);
    change_leavings(all, noting, erasing);
    mark wanted{leavings_mark.text, format_leavings(all)};
    leavings_ = std::move(all);
    if (wanted.value != before) {
      expectation expected = absent{};
      if (*found) expected = (*found)->revision;
      transaction writes;
      writes.push_back(peerage::put{std::move(wanted), expected});
      const auto stored = co_await store_.commit(std::move(writes));
      if (!stored && stored.error().code == errc::unavailable) break;
      // Another process has changed it meanwhile, or may have: look again.
      if (!stored) continue;
    }
    change_leavings(to_note_, {}, noting);
    change_leavings(to_erase_, {}, erasing);
  }
  if (to_note_.empty() && to_erase_.empty()) co_return;
  log::warning("a key that a gateway may still have could not be noted, and will be", {});
}

/// Asks the gateways of `earlier` once more, and notes who has confirmed and who, `fresh` among
/// them, has not. The reason why the peer is pending; empty: every key is gone.
task<std::string> control::see_off(std::vector<leaving> earlier, std::vector<leaving> fresh,
                                   std::optional<peer> now, steady_time deadline) {
  std::vector<leaving> gone;
  std::string reason;
  for (const leaving& each : earlier) {
    const bool back = now && now->gateway == each.gateway && now->public_key == each.public_key;
    const bool known = board_.find(each.gateway) != nullptr && each.of == epoch_;
    bool over = back || !known;
    if (!over) {
      std::vector<peer_change> changes{remove_peer_change{each.public_key}};
      stamp then{each.of, each.at};
      const applied left =
          co_await announce(each.gateway, std::move(then), std::move(changes), deadline);
      over = left.confirmed;
      if (!over) reason = "an earlier key of it may still be in use: " + left.reason;
    }
    if (over) gone.push_back(each);
  }
  co_await note_leavings(std::move(fresh), std::move(gone));
  co_return reason;
}

/// A gateway that is back has read the store, and confirms at once.
task<> control::leavings_loop() {
  for (;;) {
    co_await clock_.wait_until(clock_.steady() + again_every);
    co_await note_leavings({}, {});
    if (!co_await read_leavings() || leavings_.empty()) continue;
    std::vector<leaving> some;
    for (const leaving& each : leavings_) {
      const bool away = board_.find(each.gateway) != nullptr &&
                        !board_.live(each.gateway, clock_.steady(), bus_.connected());
      if (!away && bus_.connected()) some.push_back(each);
    }
    const auto deadline = clock_.steady() + answer_within;
    (void)co_await see_off(std::move(some), {}, std::nullopt, deadline);
  }
}

}  // namespace peerage
