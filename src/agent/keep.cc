// The mirror: what this gateway knows of the store, kept on its own disk.
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "agent/agent.h"
#include "log/log.h"

namespace peerage {

using namespace asio::experimental::awaitable_operators;

namespace {

constexpr std::size_t rows_at_once = 128;
constexpr milliseconds keep_pause{100};
constexpr seconds keep_retry{5};

}  // namespace

/// Takes over what the last start knew.
result<> agent::recall() {
  if (with_.copy == nullptr) return {};
  auto loaded = with_.copy->load();
  if (!loaded) return std::unexpected(std::move(loaded.error()));
  if (!*loaded || (*loaded)->head.self.name != options_.self.name) return {};
  kept_ = std::move((*loaded)->head);
  options_.self.number = kept_.self.number;
  epoch_ = kept_.of;
  position_ = kept_.position;
  assigned known;
  known.whole = true;
  known.as_of = kept_.as_of;
  known.peers = std::move((*loaded)->peers);
  book_.expire(time_.at(with_.time.now(), with_.time.steady()));
  const ledger::observation seen = book_.observe(known);
  contested_.insert(seen.contested.begin(), seen.contested.end());
  log::info("mirror read", {{"peers", std::uint64_t{book_.peers()}},
                            {"revision", std::uint64_t{kept_.as_of.number}}});
  return {};
}

/// At rest at once, behind the answer; of many changes, those of a pause together.
task<> agent::keep_loop() {
  for (steady_time next{};;) {
    co_await keep_now_.wait();
    co_await with_.time.wait_until(next);
    const steady_time patience = with_.time.steady() + keep_pause;
    while (!asked_.empty() && with_.time.steady() < patience) {
      co_await (answered_.wait() || with_.time.wait_until(patience));
    }
    const auto kept = co_await keep();
    next = with_.time.steady() + keep_pause;
    if (kept) {
      mirror_trouble_.clear();
      continue;
    }
    if (mirror_trouble_.empty()) {
      log::error("mirror can't be written", {{"error", kept.error().message}});
    }
    mirror_trouble_ = kept.error().message;
    co_await with_.time.wait_until(with_.time.steady() + keep_retry);
    keep_now_.notify();
  }
}

/// Whether the mirror may have this peer in another form, or with another end of its time.
bool agent::outdates(const assignment& next) const {
  const ledger::entry* now = book_.find(next.public_key);
  if (now == nullptr || !now->wanted) return false;
  return unsaved_.contains(next.public_key) || now->peer() != next;
}

/// Without moving the head on. Where there is no mirror yet, there is nothing in it to correct.
result<> agent::save_rows(const std::vector<public_key>& set,
                          const std::vector<public_key>& erase) {
  if (with_.copy == nullptr || kept_.of.id.empty() || (set.empty() && erase.empty())) return {};
  std::vector<stored_assignment> rows;
  for (const public_key& key : set) {
    const ledger::entry* now = book_.find(key);
    if (now != nullptr && now->wanted) rows.push_back({now->peer(), now->heard});
  }
  return with_.copy->save(kept_, rows, erase);
}

/// What is said to be gone must not come back from the mirror, and what is said to be live must not
/// go back to what the mirror has of it, should this process die now.
void agent::save_confirmed(std::vector<change_result>& results,
                           const std::unordered_set<public_key>& outdated) {
  std::vector<public_key> live, erase;
  bool corrects = false;  // what the mirror has
  for (const change_result& each : results) {
    const ledger::entry* now = book_.find(each.public_key);
    const bool gone = each.state == change_state::removed && (now == nullptr || !now->wanted);
    if (gone) erase.push_back(each.public_key);
    const bool is_live = each.state == change_state::live;
    if (is_live) live.push_back(each.public_key);
    corrects = corrects || gone || (is_live && outdated.contains(each.public_key));
  }
  // Where a key goes, the one that takes its place is kept with it.
  if (!corrects) return;
  const auto saved = save_rows(live, erase);
  if (saved) return;
  for (change_result& each : results) {
    const bool removed = each.state == change_state::removed;
    if (!removed && !outdated.contains(each.public_key)) continue;
    each.state = change_state::refused;
    each.reason = (removed ? "it is gone, but may be back after a restart: "
                           : "it may be as it was before after a restart: ") +
                  saved.error().message;
  }
}

/// The head moves on with the last rows of it, so that a mirror never claims more than it has.
/// While peers are held the head stays: the next start has to find out again that the store lacks
/// them.
task<result<>> agent::keep() {
  if (with_.copy == nullptr || !spoken_) co_return result<>{};
  mirror_head now{options_.self, epoch_, position_, book_.as_of()};
  if (book_.held() > 0) now = kept_;
  now.self = options_.self;
  kept_.self = options_.self;
  if (kept_.of.id.empty()) kept_.of = epoch_;
  std::unordered_set<public_key> changed = std::exchange(unsaved_, {});
  auto left_out = std::exchange(left_out_rows_, {});
  std::vector<public_key> keys(changed.begin(), changed.end());
  for (std::size_t at = 0; at < keys.size() || at == 0; at += rows_at_once) {
    const std::size_t end = std::min(keys.size(), at + rows_at_once);
    std::vector<stored_assignment> set;
    std::vector<public_key> erase;
    for (std::size_t i = at; i < end; ++i) {
      const ledger::entry* entry = book_.find(keys[i]);
      const auto row = left_out.find(keys[i]);
      const bool kept = !book_.why_left_out(keys[i]).empty();  // the store has it
      if (entry != nullptr && entry->wanted) {
        set.push_back({entry->peer(), entry->heard});
      } else if (kept && row != left_out.end()) {
        set.push_back(row->second);
      } else if (!kept) {
        erase.push_back(keys[i]);
      }
    }
    const bool last = end == keys.size();
    if (auto saved = with_.copy->save(last ? now : kept_, set, erase); !saved) {
      unsaved_.insert(keys.begin() + static_cast<std::ptrdiff_t>(at), keys.end());
      left_out_rows_.merge(left_out);
      co_return saved;
    }
    if (!last) co_await asio::post(loop_, asio::use_awaitable);
  }
  kept_ = std::move(now);
  co_return result<>{};
}

}  // namespace peerage
