// What gateways register, and how far it is believed: plan/registration.h.
#include <algorithm>
#include <utility>

#include "control/control.h"
#include "control/list_all.h"
#include "log/log.h"

namespace peerage {
namespace {

const mark_name accepted_mark{"accepted-gateways"};
constexpr unsigned most_attempts = 16;
constexpr std::size_t most_accepted = 10'000;

std::unexpected<error> no_gateway(const gateway_name& name) {
  return fail(errc::not_found, "there is no gateway " + name.text(), "gateway");
}

const stored<gateway>* find_stored(const std::vector<stored<gateway>>& all,
                                   const gateway_name& name) {
  const auto found =
      std::ranges::find(all, name, [](const stored<gateway>& each) { return each.value.name; });
  return found == all.end() ? nullptr : &*found;
}

void accept(std::vector<accepted_gateway>& all, accepted_gateway one) {
  const auto at = std::ranges::lower_bound(all, one.name, {}, &accepted_gateway::name);
  if (at != all.end() && at->name == one.name) {
    *at = std::move(one);
  } else {
    all.insert(at, std::move(one));
  }
}

/// Whether it is no longer what was read a moment ago.
bool moved_on(const error& from) {
  return from.field != "peers" && (from.code == errc::conflict || from.code == errc::not_found);
}

}  // namespace

/// Those whose record can be read.
task<result<std::vector<stored<gateway>>>> control::registered_gateways() {
  listing what = all_gateways{};
  co_return co_await list_all<gateway>(store_, std::move(what));
}

task<result<control::acceptances>> control::read_accepted() {
  acceptances made;
  if (!check_registrations_) co_return made;
  auto found = co_await get_as<mark>(store_, accepted_mark);
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (*found) {
    made.all = parse_accepted((*found)->value.value);
    made.expected = (*found)->revision;
  }
  co_return made;
}

write control::write_of(const acceptances& all) {
  return peerage::put{mark{accepted_mark.text, format_accepted(all.all)}, all.expected};
}

/// Whether no peer has the key, on any gateway.
task<result<bool>> control::is_no_peers(public_key key) {
  // Others read the gateways anew meanwhile.
  const std::vector<accepted_gateway> all = accepted_;
  for (const accepted_gateway& each : all) {
    gateway_name on = each.name;
    const auto found = co_await store_.find_peer(std::move(on), key);
    if (!found) co_return std::unexpected(found.error());
    if (*found) co_return false;
  }
  co_return true;
}

/// Accepts those that register for the first time, and new keys that nobody else has. False where
/// another process has changed the list meanwhile.
task<result<bool>> control::accept_new(acceptances& known,
                                       const std::vector<stored<gateway>>& registered) {
  // A fleet from before there were acceptances has believed them all so far.
  const bool first = std::holds_alternative<absent>(known.expected);
  acceptances next = known;
  for (const auto& [each, at] : registered) {
    const accepted_gateway* mine = find_accepted(next.all, each.name);
    if (mine && mine->public_key == each.public_key) continue;
    if (!mine && next.all.size() >= most_accepted) continue;
    accepted_gateway wanted = mine ? *mine : accepted_from(each);
    wanted.public_key = each.public_key;
    const auto refused = refused_keys_.find(each.name);
    if (refused != refused_keys_.end() && refused->second == each.public_key) continue;
    if (clashes(next.all, wanted)) continue;
    if (!first) {
      const auto free = co_await is_no_peers(each.public_key);
      if (!free) co_return std::unexpected(free.error());
      if (!*free) refused_keys_[each.name] = each.public_key;
      if (!*free) continue;
    }
    accept(next.all, std::move(wanted));
  }
  if (next.all == known.all) co_return true;
  transaction writes;
  writes.push_back(write_of(next));
  const auto done = co_await store_.commit(std::move(writes));
  if (!done && done.error().code == errc::conflict) co_return false;
  if (!done) co_return std::unexpected(done.error());
  known = std::move(next);
  known.expected = *done;
  co_return true;
}

task<result<>> control::read_gateways() {
  for (unsigned attempt = 0; attempt < most_attempts; ++attempt) {
    // Read first, so that what is accepted and not in the list is indeed not there.
    auto known = co_await read_accepted();
    if (!known) co_return std::unexpected(std::move(known.error()));
    auto registered = co_await registered_gateways();
    if (!registered) co_return std::unexpected(std::move(registered.error()));
    if (check_registrations_) {
      accepted_ = known->all;
      const auto done = co_await accept_new(*known, *registered);
      if (done && !*done) continue;
      // Else the new ones wait; those that are known are served all the same.
      if (!done) log::warning("a gateway could not be accepted", {{"error", done.error().message}});
      accepted_ = std::move(known->all);
    }
    std::vector<vouched_gateway> all;
    for (const auto& [each, at] : *registered) all.push_back(judged(each));
    for (const accepted_gateway& each : accepted_) {
      if (!find_stored(*registered, each.name)) all.push_back(vouch(nullptr, &each));
    }
    board_.replace(std::move(all));
    co_return result<>{};
  }
  co_return fail(errc::unavailable, "the gateways are changed by others all the time; try again");
}

vouched_gateway control::judged(const gateway& registered) const {
  if (!check_registrations_) return {registered};
  return vouch(&registered, find_accepted(accepted_, registered.name));
}

/// As far as it is believed, and known here; the store is asked where it is not.
task<result<gateway>> control::gateway_of(gateway_name name) {
  if (const gateway* known = board_.find(name)) co_return *known;
  if (auto read = co_await read_gateways(); !read) co_return std::unexpected(read.error());
  if (const gateway* known = board_.find(name)) co_return *known;
  co_return fail(errc::not_found, "its gateway is not registered", "gateway");
}

task<result<gateway_info>> control::show_gateway(gateway_name name) {
  if (auto read = co_await read_gateways(); !read) co_return std::unexpected(read.error());
  for (gateway_info& each : known_gateways()) {
    if (each.what.name == name) co_return std::move(each);
  }
  co_return no_gateway(name);
}

task<result<gateway_info>> control::accept_gateway(gateway_name name) {
  for (unsigned attempt = 0; attempt < most_attempts; ++attempt) {
    auto known = co_await read_accepted();
    if (!known) co_return std::unexpected(std::move(known.error()));
    const auto registered = co_await registered_gateways();
    if (!registered) co_return std::unexpected(registered.error());
    const stored<gateway>* one = find_stored(*registered, name);
    const accepted_gateway* mine = find_accepted(known->all, name);
    if (!one && !mine) co_return no_gateway(name);
    if (!one) {
      co_return fail(errc::conflict,
                     "the registration of gateway " + name.text() +
                         " is gone or can't be read; start it again, or remove it",
                     "gateway");
    }
    accepted_gateway wanted = accepted_from(one->value);
    if (mine) wanted.number = mine->number;
    accepted_ = known->all;
    const bool new_key = !mine || mine->public_key != wanted.public_key;
    const auto free = new_key ? co_await is_no_peers(wanted.public_key) : result<bool>(true);
    if (!free) co_return std::unexpected(free.error());
    if (!*free || clashes(known->all, wanted)) {
      co_return fail(errc::conflict,
                     "gateway " + name.text() +
                         " has registered the number or public key of another gateway, or the "
                         "public key of a peer",
                     "gateway");
    }
    refused_keys_.erase(name);
    if (mine && *mine == wanted) break;
    accept(known->all, std::move(wanted));
    transaction writes;
    writes.push_back(write_of(*known));
    const auto done = co_await store_.commit(std::move(writes));
    if (done) break;
    if (done.error().code != errc::conflict) co_return std::unexpected(done.error());
  }
  co_return co_await show_gateway(std::move(name));
}

task<result<>> control::remove_gateway(gateway_name name) {
  for (;;) {
    auto known = co_await read_accepted();
    if (!known) co_return std::unexpected(std::move(known.error()));
    const auto registered = co_await registered_gateways();
    if (!registered) co_return std::unexpected(registered.error());
    const stored<gateway>* one = find_stored(*registered, name);
    const bool accepted = find_accepted(known->all, name) != nullptr;
    if (!one && !accepted) co_return no_gateway(name);
    if (one && !one->value.draining) {
      co_return fail(errc::conflict,
                     "gateway " + name.text() + " takes new peers; drain it first, then remove it",
                     "gateway");
    }
    if (bus_.connected() && board_.heard(name, clock_.steady())) {
      co_return fail(errc::conflict,
                     "gateway " + name.text() + " runs: move or remove its peers, then stop its" +
                         " daemon; one that runs does not learn that it was removed",
                     "gateway");
    }
    // One that can't be read is removed as it is.
    expectation as_read = anything{};
    if (one) as_read = one->revision;
    transaction writes;
    writes.push_back(removal{name, as_read});
    if (accepted) {
      std::erase_if(known->all, [&](const auto& each) { return each.name == name; });
      writes.push_back(write_of(*known));
    }
    const auto stored = co_await store_.commit(std::move(writes));
    if (stored) break;
    if (stored.error().field == "peers") {
      co_return fail(errc::conflict,
                     "gateway " + name.text() + " still has peers; move or remove them first",
                     "gateway");
    }
    if (!moved_on(stored.error())) co_return std::unexpected(stored.error());
  }
  std::erase_if(accepted_, [&](const auto& each) { return each.name == name; });
  refused_keys_.erase(name);
  board_.remove(name);
  co_return result<>{};
}

task<result<gateway_info>> control::drain_gateway(gateway_name name, bool drain) {
  for (;;) {
    const auto registered = co_await registered_gateways();
    if (!registered) co_return std::unexpected(registered.error());
    const stored<gateway>* one = find_stored(*registered, name);
    if (!one && (!find_accepted(accepted_, name) || drain)) break;
    if (!one) {
      co_return fail(errc::conflict,
                     "the registration of gateway " + name.text() +
                         " is gone or can't be read, so it takes no new peers",
                     "gateway");
    }
    if (one->value.draining == drain) break;
    gateway changed = one->value;
    changed.draining = drain;
    transaction writes;
    writes.push_back(peerage::put{std::move(changed), one->revision});
    const auto stored = co_await store_.commit(std::move(writes));
    if (stored) break;
    // The gateway registered again or was removed meanwhile: look again.
    if (!moved_on(stored.error())) co_return std::unexpected(stored.error());
  }
  co_return co_await show_gateway(std::move(name));
}

}  // namespace peerage
