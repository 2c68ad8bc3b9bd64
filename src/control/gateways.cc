#include <utility>

#include "control/control.h"

namespace peerage {
namespace {

constexpr seconds accept_wait{5};

std::unexpected<error> no_gateway(const gateway_name& name) {
  return fail(errc::not_found, "there is no gateway " + name.text(), "gateway");
}

}  // namespace

task<result<std::vector<gateway_info>>> control::list_gateways() {
  if (auto read = co_await read_gateways(); !read) co_return std::unexpected(read.error());
  co_return known_gateways();
}

std::vector<gateway_info> control::known_gateways() const {
  std::vector<gateway_info> all;
  const steady_time now = clock_.steady();
  for (const gateway_view& each : board_.views(now, bus_.connected())) {
    const gateway_name& name = each.what->name;
    const bool live = each.live && board_.heard(name, now);
    all.push_back({*each.what, live, each.peers, board_.left_out(name), board_.trouble(name, now)});
    if (!bus_.connected() && all.back().trouble.empty()) {
      all.back().trouble = "the bus is away from this API process, so it is not heard";
    }
  }
  return all;
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
