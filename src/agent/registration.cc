#include "agent/registration.h"

#include <set>
#include <utility>

namespace peerage {
namespace {

constexpr int attempts = 16;
constexpr std::size_t most_refused = 1'000;
constexpr unsigned last_number = 65'535;

}  // namespace

task<result<stored<gateway>>> register_gateway(store& desired, clock& time, gateway wanted) {
  std::set<unsigned> refused;  // numbers that the store keeps for somebody who is not in its list
  for (int attempt = 0; attempt < attempts;) {
    auto known = co_await get_as<gateway>(desired, wanted.name);
    // What can't be read is registered anew, with another number.
    const bool unreadable = !known && known.error().code == errc::corrupt;
    if (!known && !unreadable) co_return std::unexpected(known.error());
    expectation expected = absent{};
    if (unreadable) expected = anything{};
    if (!unreadable && *known) {
      wanted.number = (*known)->value.number;
      wanted.draining = (*known)->value.draining;
      expected = (*known)->revision;
    } else {
      std::set<unsigned> taken = refused;
      page_query query{all_gateways{}, {}, 1'000};
      for (bool more = true; more;) {
        auto got = co_await desired.list(query);
        if (!got) co_return std::unexpected(got.error());
        more = got->more;
        if (more) query.after = position(query.what, got->items.back().value);
        for (const auto& each : got->items) taken.insert(std::get<gateway>(each.value).number);
      }
      unsigned free = 1;
      while (taken.contains(free)) ++free;
      if (free > last_number) co_return fail(errc::full, "every gateway number is taken");
      wanted.number = static_cast<std::uint16_t>(free);
    }
    wanted.registered_at = time.now();
    transaction writes;
    writes.push_back(put{wanted, expected});
    const auto done = co_await desired.commit(std::move(writes));
    if (done) co_return stored<gateway>{std::move(wanted), *done};
    // Another gateway was as quick with the number, or somebody wrote it who has no right to it.
    if (done.error().code != errc::conflict) co_return std::unexpected(done.error());
    const bool next = done.error().field == "number" && refused.size() < most_refused;
    if (next) refused.insert(wanted.number);
    if (!next) ++attempt;
  }
  co_return fail(errc::unavailable, "too many gateways register at once; try again");
}

}  // namespace peerage
