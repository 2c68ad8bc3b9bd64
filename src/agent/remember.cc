// What the device forgets when it is made anew: when each peer was last heard of.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "agent/agent.h"
#include "log/log.h"

namespace peerage {
namespace {

constexpr std::size_t rows_at_once = 500;

}  // namespace

void agent::recollect() {
  remembers_since_ = with_.time.now();
  if (with_.seen == nullptr) return;
  remembers_since_ = with_.seen->since();
  auto loaded = with_.seen->load();
  if (!loaded) {
    log::error("sightings can't be read; peers count as stale from now on only",
               {{"error", loaded.error().message}});
    remembers_since_ = with_.time.now();
    return;
  }
  for (sighting& each : *loaded) {
    book_.remember(each.public_key, each.last_handshake_at, std::move(each.endpoint));
  }
}

task<> agent::remember_loop() {
  for (;;) {
    co_await remember_now_.wait();
    const auto saved = co_await save_sightings();
    if (!saved && sightings_trouble_.empty()) {
      log::error("sightings can't be written", {{"error", saved.error().message}});
    }
    sightings_trouble_ = saved ? std::string() : saved.error().message;
  }
}

/// What fails is tried again after the next look.
task<result<>> agent::save_sightings() {
  if (with_.seen == nullptr) co_return result<>{};
  std::vector<public_key> keys = book_.take_unsaved_sightings();
  for (std::size_t at = 0; at < keys.size(); at += rows_at_once) {
    std::vector<sighting> set;
    std::vector<public_key> erase;
    for (std::size_t i = at; i < std::min(keys.size(), at + rows_at_once); ++i) {
      const ledger::entry* entry = book_.find(keys[i]);
      if (entry != nullptr && entry->status && entry->status->last_handshake_at) {
        set.push_back({keys[i], *entry->status->last_handshake_at, entry->status->endpoint});
      } else {
        erase.push_back(keys[i]);
      }
    }
    if (auto saved = with_.seen->save(set, erase); !saved) {
      keys.erase(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(at));
      book_.give_back_sightings(keys);
      co_return saved;
    }
    if (at + rows_at_once < keys.size()) co_await asio::post(loop_, asio::use_awaitable);
  }
  co_return result<>{};
}

}  // namespace peerage
