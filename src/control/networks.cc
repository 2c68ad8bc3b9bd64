#include <utility>

#include "control/control.h"
#include "plan/address.h"

namespace peerage {
namespace {

// The list of networks as one word: whoever adds one says which list it saw, so that two that
// overlap can't be added at once.
const mark_name ledger{"networks"};
constexpr int attempts = 16;

std::unexpected<error> no_network(const network_name& name) {
  return fail(errc::not_found, "there is no network " + name.text(), "network");
}

prefix random_network(const randomness& from) {
  std::array<std::uint8_t, 8> bytes{};
  from(bytes);
  std::uint64_t random = 0;
  for (const std::uint8_t byte : bytes) random = random << 8 | byte;
  return unique_local(random);
}

/// The member whose prefix another network has a part of; empty for none.
std::string overlap(const network& wanted, const std::vector<network>& others) {
  for (const network& other : others) {
    if (wanted.ipv6.overlaps(other.ipv6)) return "ipv6";
    if (wanted.ipv4 && other.ipv4 && wanted.ipv4->overlaps(*other.ipv4)) return "ipv4";
  }
  return {};
}

}  // namespace

task<result<network>> control::network_for(const principal& who, network_name name) {
  if (!sees(who, name)) co_return no_network(name);
  const steady_time asked = clock_.steady();
  if (auto known = networks_.find(name, asked)) co_return *std::move(known);
  auto found = co_await get_as<network>(store_, name);
  if (!found) co_return std::unexpected(found.error());
  if (!*found) co_return no_network(name);
  networks_.keep(name, (*found)->value, asked);
  co_return std::move((*found)->value);
}

task<result<network>> control::show_network(const principal& who, network_name name) {
  co_return co_await network_for(who, std::move(name));
}

task<result<std::vector<network>>> control::list_networks(const principal& who) {
  std::vector<network> all;
  page_query query{all_networks{}, {}, 1'000};
  for (bool more = true; more;) {
    auto got = co_await store_.list(query);
    if (!got) co_return std::unexpected(got.error());
    more = got->more;
    if (more) query.after = position(query.what, got->items.back().value);
    for (auto& each : got->items) {
      auto& one = std::get<network>(each.value);
      if (sees(who, one.name)) all.push_back(std::move(one));
    }
  }
  co_return all;
}

task<result<network>> control::create_network(const principal& who, network_request wanted) {
  if (!sees(who, wanted.name)) {
    co_return fail(errc::denied, "this token is of another network", "name");
  }
  network made;
  made.name = wanted.name;
  made.ipv4 = wanted.ipv4;
  made.dns = wanted.dns;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    auto seen = co_await get_as<mark>(store_, ledger);
    if (!seen) co_return std::unexpected(seen.error());
    const principal everyone{};
    auto others = co_await list_networks(everyone);
    if (!others) co_return std::unexpected(others.error());

    made.ipv6 = wanted.ipv6 ? *wanted.ipv6 : random_network(random_);
    made.created_at = clock_.now();
    made.allowed_ips = wanted.allowed_ips.value_or(std::vector<prefix>{made.ipv6});
    if (!wanted.allowed_ips && made.ipv4) made.allowed_ips.push_back(*made.ipv4);
    for (const network& other : *others) {
      if (other.name == made.name) {
        co_return fail(errc::conflict, "there is a network " + made.name.text() + " already",
                       "name");
      }
    }
    const std::string field = overlap(made, *others);
    if (!field.empty() && (field != "ipv6" || wanted.ipv6)) {
      co_return fail(errc::conflict, "another network has a part of that prefix", field);
    }
    if (!field.empty()) continue;

    transaction writes;
    const expectation as_seen = *seen ? expectation((*seen)->revision) : expectation(absent{});
    writes.push_back(peerage::put{mark{ledger.text, made.name.text()}, as_seen});
    writes.push_back(peerage::put{made, absent{}});
    const auto stored = co_await store_.commit(std::move(writes));
    if (stored) co_return made;
    // Somebody made another network meanwhile: look again.
    if (stored.error().code != errc::conflict) co_return std::unexpected(stored.error());
  }
  co_return fail(errc::unavailable, "too many networks are being made at once; try again");
}

task<result<>> control::remove_network(const principal& who, network_name name) {
  if (!sees(who, name)) co_return no_network(name);
  networks_.forget(name);
  // A network of the same name may be made later, and is another's.
  const principal of_network{{}, name, {}};
  auto tokens = co_await list_tokens(of_network);
  if (!tokens) co_return std::unexpected(tokens.error());
  transaction writes;
  writes.push_back(removal{name, present{}});
  const auto take = [&] {
    for (; !tokens->empty() && writes.size() < store_.most_removals(); tokens->pop_back())
      writes.push_back(removal{tokens->back().id, anything{}});
    return std::exchange(writes, {});
  };
  auto first = take();
  const auto stored = co_await store_.commit(std::move(first));
  while (stored && !tokens->empty()) {
    auto rest = take();
    if (auto more = co_await store_.commit(std::move(rest)); !more) {
      co_return std::unexpected(more.error());
    }
  }
  if (stored) co_return result<>{};
  if (stored.error().code == errc::not_found) co_return no_network(name);
  if (stored.error().field == "peers") {
    co_return fail(errc::conflict, "network " + name.text() + " still has peers; remove them first",
                   "network");
  }
  co_return std::unexpected(stored.error());
}

}  // namespace peerage
