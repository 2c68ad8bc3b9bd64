// The slow path that makes it right: the store, the ledger and the device held against each other.
#include <algorithm>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <utility>

#include "agent/agent.h"
#include "log/log.h"

namespace peerage {
namespace {

using namespace asio::experimental::awaitable_operators;

constexpr std::size_t page_size = 1'000;
constexpr std::size_t keys_in_one_write = 256;
constexpr milliseconds shortest_pause{100};

}  // namespace

task<> agent::compare_loop() {
  milliseconds retry{shortest_pause};
  for (;;) {
    const steady_time begun = clock_.steady();
    auto compared = co_await compare();
    const auto took = clock_.steady() - begun;
    if (compared) {
      retry = shortest_pause;
      if (!settled_) {
        log::info("gateway settled",
                  {{"peers", std::uint64_t{book_.peers()}}, {"revision", applied_.number}});
      }
      settled_ = true;
      trouble_.clear();
      // A comparison costs by the peer, so a large gateway makes fewer.
      const auto pause = std::max<steady_duration>(options_.reconcile, 20 * took);
      co_await (clock_.wait_until(clock_.steady() + pause) || compare_now_.wait());
      co_await clock_.wait_until(begun + shortest_pause);
    } else {
      trouble_ = compared.error().message;
      log::warning("comparison failed, and is tried again",
                   {{"error", compared.error().message}, {"in_ms", std::uint64_t(retry.count())}});
      co_await clock_.wait_until(clock_.steady() + retry);
      retry = std::min<milliseconds>(retry * 2, options_.reconcile);
    }
  }
}

task<result<>> agent::compare() {
  if (!ready_) {
    const auto mine = submit({});
    while (!mine->ended) co_await mine->done.wait();
    if (!mine->outcome) co_return mine->outcome;
  }
  revision as_of;
  auto all = co_await read_store(as_of);
  if (!all) co_return std::unexpected(all.error());
  std::vector<public_key> keys = book_.observe(*all, as_of);
  all->clear();

  const std::uint64_t since = book_.words();
  auto there = co_await dump();
  if (!there) {
    if (there.error().code == errc::unavailable) ready_ = false;
    co_return std::unexpected(there.error());
  }
  // What observe() changed is in `since`, so the comparison names it again.
  keys = book_.compare(*there, since, clock_.now());
  if (!keys.empty()) {
    log::info("device differs from the store",
              {{"interface", link_.name()}, {"keys", std::uint64_t{keys.size()}}});
  }
  for (std::size_t at = 0; at < keys.size(); at += keys_in_one_write) {
    const auto first = keys.begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = std::min(keys_in_one_write, keys.size() - at);
    const auto mine =
        submit(std::vector<public_key>(first, first + static_cast<std::ptrdiff_t>(count)));
    while (!mine->ended) co_await mine->done.wait();
    if (!mine->outcome) co_return mine->outcome;
  }
  // Exactly what is needed now: the networks that went are taken off the interface.
  link_plan plan = networks_plan();
  const std::uint64_t at = book_.network_changes();
  if (auto arranged = link_.arrange(plan); !arranged) co_return arranged;
  arranged_ = std::move(plan);
  arranged_at_ = at;
  applied_ = as_of;
  co_return result<>{};
}

task<result<std::vector<stored_assignment>>> agent::read_store(revision& as_of) {
  std::vector<stored<peer>> peers;
  page_query query{peers_on_gateway{options_.name}, {}, page_size};
  for (bool first = true, more = true; more; first = false) {
    auto got = co_await store_.list(query);
    if (!got) co_return std::unexpected(got.error());
    // The first page's view: what came after it is newer, and says so itself.
    if (first) as_of = got->as_of;
    more = got->more;
    if (more) query.after = position(query.what, got->items.back().value);
    for (auto& each : got->items) {
      peers.push_back({std::get<peer>(std::move(each.value)), each.revision});
    }
    // A store in this process answers without a pause; others want the loop too.
    co_await asio::post(loop_, asio::use_awaitable);
  }
  std::map<network_name, std::optional<prefix>> ranges;
  page_query networks{all_networks{}, {}, page_size};
  for (bool more = true; more;) {
    auto got = co_await store_.list(networks);
    if (!got) co_return std::unexpected(got.error());
    more = got->more;
    if (more) networks.after = position(networks.what, got->items.back().value);
    for (const auto& each : got->items) {
      const auto& one = std::get<network>(each.value);
      ranges[one.name] = one.ipv4;
    }
  }
  std::vector<stored_assignment> all;
  all.reserve(peers.size());
  for (const auto& each : peers) {
    const auto range = ranges.find(each.value.id.network);
    all.push_back({assignment_of(each.value, range == ranges.end() ? std::nullopt : range->second),
                   each.revision});
  }
  co_return all;
}

}  // namespace peerage
