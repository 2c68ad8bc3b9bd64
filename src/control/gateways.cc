#include <utility>

#include "control/control.h"

namespace peerage {
namespace {

constexpr seconds accept_wait{5};

std::unexpected<error> no_gateway(const gateway_name& name) {
  return fail(errc::not_found, "there is no gateway " + name.text(), "gateway");
}

/// Whether it is no longer what was read a moment ago.
bool moved_on(const error& from) {
  return from.field != "peers" && (from.code == errc::conflict || from.code == errc::not_found);
}

}  // namespace

task<result<std::vector<gateway_info>>> control::list_gateways() {
  if (auto read = co_await read_gateways(); !read) co_return std::unexpected(read.error());
  co_return known_gateways();
}

std::vector<gateway_info> control::known_gateways() const {
  std::vector<gateway_info> all;
  for (const gateway_view& each : board_.views(clock_.steady(), bus_.connected())) {
    all.push_back({*each.what, each.live, each.peers, board_.left_out(each.what->name)});
  }
  return all;
}

task<result<gateway_info>> control::show_gateway(gateway_name name) {
  auto found = co_await get_as<gateway>(store_, name);
  if (!found) co_return std::unexpected(found.error());
  if (!*found) co_return no_gateway(name);
  board_.put(**found);
  const bool live = board_.live(name, clock_.steady(), bus_.connected());
  co_return gateway_info{std::move((*found)->value), live, board_.peers(name),
                         board_.left_out(name)};
}

task<result<gateway_info>> control::drain_gateway(gateway_name name, bool drain) {
  for (;;) {
    auto found = co_await get_as<gateway>(store_, name);
    if (!found) co_return std::unexpected(found.error());
    if (!*found) co_return no_gateway(name);
    if ((*found)->value.draining == drain) break;
    gateway changed = (*found)->value;
    changed.draining = drain;
    transaction writes;
    writes.push_back(peerage::put{std::move(changed), (*found)->revision});
    const auto stored = co_await store_.commit(std::move(writes));
    if (stored) break;
    // The gateway registered again or was removed meanwhile: look again.
    if (!moved_on(stored.error())) co_return std::unexpected(stored.error());
  }
  co_return co_await show_gateway(std::move(name));
}

task<result<>> control::remove_gateway(gateway_name name) {
  for (;;) {
    auto found = co_await get_as<gateway>(store_, name);
    if (!found) co_return std::unexpected(found.error());
    if (!*found) co_return no_gateway(name);
    if (!(*found)->value.draining) {
      co_return fail(errc::conflict,
                     "gateway " + name.text() + " takes new peers; drain it first, then remove it",
                     "gateway");
    }
    transaction writes;
    writes.push_back(removal{name, (*found)->revision});
    const auto stored = co_await store_.commit(std::move(writes));
    if (stored) break;
    if (stored.error().field == "peers") {
      co_return fail(errc::conflict,
                     "gateway " + name.text() + " still has peers; move or remove them first",
                     "gateway");
    }
    if (!moved_on(stored.error())) co_return std::unexpected(stored.error());
  }
  board_.remove(name);
  co_return result<>{};
}

task<result<std::uint32_t>> control::accept_removals(gateway_name name) {
  auto found = co_await get_as<gateway>(store_, name);
  if (!found) co_return std::unexpected(found.error());
  if (!*found) co_return no_gateway(name);
  const auto deadline = clock_.steady() + accept_wait;
  const auto reply = co_await bus_.accept_removals(name, deadline);
  if (!reply) {
    co_return fail(errc::unavailable, called(name) + " did not answer; it has let go of nothing");
  }
  co_return reply->released;
}

}  // namespace peerage
