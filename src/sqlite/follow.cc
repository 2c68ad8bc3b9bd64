#include "sqlite/follow.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <map>
#include <utility>

namespace peerage::sqlite {
namespace {

using namespace asio::experimental::awaitable_operators;

constexpr std::size_t page_size = 1'000;
constexpr std::size_t keys_at_once = 64;
constexpr std::size_t many_changes = 8'192;  // half of what recent_changes keeps

std::optional<std::uint64_t> read_position(const std::string& text) {
  std::uint64_t number = 0;
  const char* last = text.data() + text.size();
  const auto [end, failure] = std::from_chars(text.data(), last, number);
  if (failure != std::errc{} || end != last) return {};
  return number;
}

using ranges = std::map<network_name, network_part>;

result<stored_assignment> assign(followed_store& of, ranges& known, const stored<record>& from) {
  const peer& one = std::get<peer>(from.value);
  auto at = known.find(one.id.network);
  if (at == known.end()) {
    auto part = of.part_of(one.id.network);
    if (!part) return std::unexpected(std::move(part.error()));
    at = known.emplace(one.id.network, *std::move(part)).first;
  }
  return stored_assignment{assignment_of(one, at->second.ipv4, at->second.routes), from.revision};
}

/// Adds a page to `into`, and moves `query` on. The answer: whether there is more.
task<result<bool>> read_page(followed_store& of, asio::any_io_executor loop, page_query& query,
                             ranges& known, assigned& into) {
  auto got = co_await of.list(query);
  if (!got) co_return std::unexpected(std::move(got.error()));
  // What came after the first page is newer, and says so itself.
  if (query.after.empty()) into.as_of = got->as_of;
  if (got->more) query.after = position(query.what, got->items.back().value);
  for (const auto& each : got->items) {
    auto one = assign(of, known, each);
    if (!one) co_return std::unexpected(std::move(one.error()));
    into.peers.push_back(std::move(*one));
  }
  // The store answers without a pause; others want the loop too.
  co_await asio::post(loop, asio::use_awaitable);
  co_return got->more;
}

task<result<revision>> now_of(store& of) {
  page_query any{all_gateways{}, {}, 1};
  auto got = co_await of.list(any);
  if (!got) co_return std::unexpected(std::move(got.error()));
  co_return got->as_of;
}

/// What the gateway should have of them; a newer commit may be in it already.
task<result<assigned>> changed(followed_store& of, asio::any_io_executor loop, gateway_name gateway,
                               std::vector<public_key> keys) {
  assigned made;
  for (std::size_t at = 0; at < keys.size(); at += keys_at_once) {
    const auto first = keys.begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = std::min(keys_at_once, keys.size() - at);
    std::vector<public_key> some(first, first + static_cast<std::ptrdiff_t>(count));
    gateway_name name = gateway;
    auto told = co_await of.assignments(std::move(name), std::move(some));
    if (!told) co_return std::unexpected(std::move(told.error()));
    for (auto& each : told->peers) made.peers.push_back(std::move(each));
    made.unreadable.insert(made.unreadable.end(), told->unreadable.begin(), told->unreadable.end());
    // The store answers without a pause; others want the loop too.
    co_await asio::post(loop, asio::use_awaitable);
  }
  made.keys = std::move(keys);
  co_return made;
}

}  // namespace

void news::note(revision at, const std::vector<touched>& keys) {
  changes.note(at, keys);
  if (changes.unread() >= many_changes) many.notify();
}

task<result<followed>> follow(followed_store& of, std::shared_ptr<news> from,
                              asio::any_io_executor loop, gateway_name gateway,
                              std::string position, steady_duration wait) {
  const auto since = read_position(position);
  auto id = co_await of.identity();
  if (!id) co_return std::unexpected(std::move(id.error()));
  followed made;
  made.of = std::move(*id);
  if (since) {
    asio::steady_timer timer(loop, wait);
    co_await (timer.async_wait(asio::use_awaitable) || from->many.wait());
    const revision now{std::max(*since, from->changes.known().number)};
    if (auto keys = from->changes.read(revision{*since}, gateway)) {
      auto told = co_await changed(of, loop, std::move(gateway), *std::move(keys));
      if (!told) co_return std::unexpected(std::move(told.error()));
      made.what = *std::move(told);
      made.what.as_of = now;
      made.position = std::to_string(now.number);
      co_return made;
    }
  }
  made.what.whole = true;
  page_query query{peers_on_gateway{std::move(gateway)}, {}, page_size};
  ranges known;
  (void)of.take_unreadable();
  for (bool more = true; more;) {
    const auto read = co_await read_page(of, loop, query, known, made.what);
    if (!read) co_return std::unexpected(read.error());
    more = *read;
  }
  made.what.unreadable = of.take_unreadable();
  const std::uint64_t now = made.what.as_of.number;
  made.position = std::to_string(now);
  if (since && now > *since) made.what.recorded = (now - *since) * of.most_removals();
  co_return made;
}

task<result<assigned>> assignments(followed_store& of, gateway_name gateway,
                                   std::vector<public_key> keys) {
  assigned made;
  const auto now = co_await now_of(of);
  if (!now) co_return std::unexpected(now.error());
  made.as_of = *now;
  ranges known;
  for (const public_key& key : keys) {
    auto found = co_await of.find_peer(gateway, key);
    if (!found && found.error().code == errc::corrupt) {
      made.unreadable.push_back(key);
      continue;
    }
    if (!found) co_return std::unexpected(std::move(found.error()));
    if (!*found) continue;
    auto one = assign(of, known, **found);
    if (!one) co_return std::unexpected(std::move(one.error()));
    made.peers.push_back(std::move(*one));
  }
  made.keys = std::move(keys);
  co_return made;
}

}  // namespace peerage::sqlite
