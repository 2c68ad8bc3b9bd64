// Where a peer's earlier keys may still be: a gateway that was away when the peer moved, got a new
// key or was removed passes their packets on until it is back, and nobody is told otherwise.
#include <algorithm>
#include <utility>

#include "control/control.h"
#include "log/log.h"

namespace peerage {
namespace {

constexpr seconds look_every{5};
constexpr seconds answer_within{2};
constexpr std::size_t looked_at_once = 1'000;
constexpr std::size_t erased_together = 32;
// Of more, the look every 5 s erases what is left.
constexpr std::size_t most_to_erase = 1'000;

}  // namespace

task<result<earlier_keys>> control::earlier_keys_of(peer_id id) {
  mark_name name = earlier_keys_mark(id);
  auto found = co_await get_as<mark>(store_, std::move(name));
  // What somebody has spoilt says nothing, and the next change writes it anew.
  if (!found && found.error().code == errc::corrupt) co_return earlier_keys{{}, anything{}};
  if (!found) co_return std::unexpected(std::move(found.error()));
  co_return *found ? read_earlier_keys(**found) : earlier_keys{};
}

/// Those of the peers of this page of their network.
task<result<control::earlier_by_peer>> control::earlier_keys_of_page(
    const network_name& network, const std::vector<peer_view>& page) {
  earlier_by_peer made;
  if (page.empty()) co_return made;
  const std::string last = earlier_keys_mark(page.back().what.value.id).text;
  page_query query{marks_under{earlier_keys_under(network)}, {}, looked_at_once};
  for (bool more = true; more;) {
    auto got = co_await store_.list(query);
    if (!got) co_return std::unexpected(std::move(got.error()));
    for (const auto& each : got->items) {
      const stored<mark> one{std::get<mark>(each.value), each.revision};
      query.after = one.value.name;
      if (auto id = whose_earlier_keys(one.value.name)) {
        made.emplace(*std::move(id), read_earlier_keys(one));
      }
    }
    more = got->more && query.after < last;
  }
  co_return made;
}

/// Asks the gateways of `some` once more. Those that have confirmed, or can't have the key, are
/// moved to `gone`. The reason why the peer is pending; empty: every key is gone.
task<std::string> control::ask_again(std::vector<earlier_key> some, std::vector<earlier_key>& gone,
                                     steady_time deadline) {
  std::string reason;
  for (earlier_key& each : some) {
    bool over = board_.find(each.gateway) == nullptr || each.of != epoch_;
    if (!over) {
      std::vector<peer_change> changes{remove_peer_change{each.public_key}};
      stamp then{each.of, each.at};
      const applied left =
          co_await announce(each.gateway, std::move(then), std::move(changes), deadline);
      over = left.confirmed;
      if (!over) reason = "an earlier key of it may still be in use: " + left.reason;
    }
    if (over) gone.push_back(std::move(each));
  }
  co_return reason;
}

/// Off the path of the answer: until it is done, whoever asks has the gateway confirm once more.
void control::erase_earlier_keys(peer_id id, earlier_keys now, std::vector<earlier_key> gone) {
  if (gone.empty() || to_erase_.size() >= most_to_erase) return;
  std::vector<earlier_key> left = now.all;
  std::erase_if(
      left, [&](const earlier_key& each) { return std::ranges::find(gone, each) != gone.end(); });
  auto one = write_earlier_keys(id, now, left);
  if (!one) return;
  to_erase_.push_back(*std::move(one));
  erasable_.notify();
}

task<> control::erase_loop() {
  for (;;) {
    while (to_erase_.empty()) co_await erasable_.wait();
    const std::size_t count = std::min(to_erase_.size(), erased_together);
    const auto end = to_erase_.begin() + static_cast<std::ptrdiff_t>(count);
    const transaction some(to_erase_.begin(), end);
    to_erase_.erase(to_erase_.begin(), end);
    transaction together = some;
    const auto erased = co_await store_.commit(std::move(together));
    if (erased || some.size() == 1) continue;
    // One of them has changed meanwhile: each for itself.
    for (const write& each : some) {
      transaction alone;
      alone.push_back(each);
      (void)co_await store_.commit(std::move(alone));
    }
  }
}

/// A gateway that is back has read the store, and confirms at once. A page at each look.
task<> control::earlier_keys_loop() {
  page_query query{marks_under{std::string(all_earlier_keys())}, {}, looked_at_once};
  for (;;) {
    co_await clock_.wait_until(clock_.steady() + look_every);
    const auto got = co_await store_.list(query);
    query.after.clear();
    if (!got) continue;
    const auto deadline = clock_.steady() + answer_within;
    for (const auto& each : got->items) {
      const stored<mark> one{std::get<mark>(each.value), each.revision};
      if (got->more) query.after = one.value.name;
      auto id = whose_earlier_keys(one.value.name);
      if (!id || !bus_.connected()) continue;
      earlier_keys keys = read_earlier_keys(one);
      std::vector<earlier_key> some, gone;
      for (const earlier_key& key : keys.all) {
        const bool away =
            board_.find(key.gateway) != nullptr && !board_.live(key.gateway, clock_.steady(), true);
        if (!away) some.push_back(key);
      }
      (void)co_await ask_again(std::move(some), gone, deadline);
      erase_earlier_keys(*std::move(id), std::move(keys), std::move(gone));
    }
  }
}

}  // namespace peerage
