#include <utility>

#include "control/control.h"
#include "control/list_all.h"
#include "log/log.h"
#include "plan/ranges.h"

namespace peerage {
namespace {

// The list of networks as one word: whoever adds one says which list it saw, so that two that
// overlap can't be added at once.
const mark_name ledger{"networks"};
constexpr int attempts = 16;
constexpr std::size_t id_size = 20;  // 100 bits

std::unexpected<error> no_network(const network_name& name) {
  return fail(errc::not_found, "there is no network " + name.text(), "network");
}

std::optional<prefix> random_network(const randomness& from, const std::vector<prefix>& ranges) {
  std::array<std::uint8_t, 8> bytes{};
  from(bytes);
  std::uint64_t random = 0;
  for (const std::uint8_t byte : bytes) random = random << 8 | byte;
  return network_within(ranges, random);
}

/// The ranges of a family, in words.
std::string text_of(const std::vector<prefix>& ranges, family of) {
  std::string text;
  for (const prefix& each : ranges) {
    if (each.family() == of) text += (text.empty() ? "" : ", ") + each.text();
  }
  return text.empty() ? "none" : text;
}

/// A range that is the host's own, or the Internet's, would be taken from all who use it.
result<> check_within(const prefix& wanted, const std::vector<prefix>& ranges) {
  if (lies_within(wanted, ranges)) return {};
  const bool six = wanted.family() == family::ipv6;
  return fail(errc::invalid,
              "must lie within what networks may be taken from here (api.network_ranges): " +
                  text_of(ranges, wanted.family()),
              six ? "ipv6" : "ipv4");
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

task<result<std::optional<network>>> control::find_network(network_name name) {
  const steady_time asked = clock_.steady();
  if (auto known = networks_.find(name, asked)) co_return known;
  auto found = co_await get_as<network>(store_, name);
  if (!found) co_return std::unexpected(found.error());
  if (!*found) co_return std::optional<network>{};
  networks_.keep(name, (*found)->value, asked);
  co_return std::move((*found)->value);
}

task<result<network>> control::network_for(const principal& who, network_name name) {
  if (!sees(who, name)) co_return no_network(name);
  auto found = co_await find_network(name);
  if (!found) co_return std::unexpected(found.error());
  if (!*found || !belongs(who, **found)) co_return no_network(name);
  co_return std::move(**found);
}

/// The same for calls that only need the name: the peers of a network whose record can't be read
/// are seen and removed all the same, by tokens of every network.
task<result<network>> control::network_to_look_at(const principal& who, network_name name) {
  auto found = co_await network_for(who, name);
  if (found || found.error().code != errc::corrupt || who.network) co_return found;
  network unknown;
  unknown.name = std::move(name);
  co_return unknown;
}

task<result<network>> control::show_network(const principal& who, network_name name) {
  co_return co_await network_for(who, std::move(name));
}

task<result<std::vector<network>>> control::list_networks(const principal& who) {
  listing what = all_networks{};
  auto found = co_await list_all<network>(store_, std::move(what));
  if (!found) co_return std::unexpected(std::move(found.error()));
  std::vector<network> all;
  for (auto& [one, at] : *found)
    if (belongs(who, one)) all.push_back(std::move(one));
  co_return all;
}

task<result<network>> control::create_network(const principal& who, network_request wanted) {
  if (who.network) {
    // Its own name too: with the name it would choose ranges and routes, which are the operator's.
    co_return fail(errc::denied, "this token is of network " + who.network->text() +
                                     " alone; networks are created with a token of every network");
  }
  network made;
  made.name = wanted.name;
  made.id = random_label(id_size, random_);
  made.ipv4 = wanted.ipv4;
  made.dns = wanted.dns;
  for (const auto& each : {wanted.ipv4, wanted.ipv6}) {
    if (!each) continue;
    if (auto fits = check_within(*each, network_ranges_); !fits) {
      co_return std::unexpected(fits.error());
    }
  }
  for (int attempt = 0; attempt < attempts; ++attempt) {
    auto seen = co_await get_as<mark>(store_, ledger);
    if (!seen) co_return std::unexpected(seen.error());
    const principal everyone{};
    auto others = co_await list_networks(everyone);
    if (!others) co_return std::unexpected(others.error());

    const auto ipv6 = wanted.ipv6 ? wanted.ipv6 : random_network(random_, network_ranges_);
    if (!ipv6) {
      co_return fail(errc::invalid,
                     "is needed: api.network_ranges has no range of IPv6 to take one from", "ipv6");
    }
    made.ipv6 = *ipv6;
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
  if (who.network) {
    auto own = co_await network_for(who, name);
    if (!own) co_return std::unexpected(own.error());
  }
  transaction writes;
  writes.push_back(removal{name, present{}});
  const auto stored = co_await store_.commit(std::move(writes));
  networks_.forget(name);
  full_.forget(name);
  const bool gone = stored || stored.error().code == errc::not_found;
  if (gone) {
    // From the commit on its tokens open nothing. What this leaves, sweep_loop() finds.
    auto swept = co_await sweep_tokens(name);
    if (!swept) {
      log::warning("tokens of a removed network are left to the next sweep",
                   {{"network", name.text()}, {"error", swept.error().message}});
    }
  }
  if (stored) co_return result<>{};
  if (gone) co_return no_network(name);
  if (stored.error().field == "peers") {
    co_return fail(errc::conflict, "network " + name.text() + " still has peers; remove them first",
                   "network");
  }
  co_return std::unexpected(stored.error());
}

}  // namespace peerage
