#include <algorithm>
#include <utility>

#include "base/base64.h"
#include "control/control.h"
#include "control/list_all.h"
#include "crypto/sha256.h"
#include "log/log.h"

namespace peerage {
namespace {

// A token's text: "prg_", its id, "_", its secret. The id finds it in the store without a search.
constexpr std::string_view token_prefix = "prg_";
constexpr std::size_t id_size = 10;
constexpr std::size_t secret_size = 40;  // 200 bits
const mark_name bootstrap_mark{"bootstrap"};
// Whoever removes an admin token writes it as it was when the tokens were listed, so that the last
// two can't be removed at once.
const mark_name admin_removals{"admin-removals"};
constexpr int attempts = 16;
constexpr std::uint32_t most_tokens = 10'000;  // of one network
constexpr std::chrono::minutes sweep_every{10};
constexpr std::chrono::hours shown_after_its_end{24};

std::unexpected<error> no_network(const network_name& name) {
  return fail(errc::not_found, "there is no network " + name.text(), "network");
}

std::unexpected<error> not_a_token() {
  return fail(errc::denied, "the token is not valid here: unknown, revoked or expired");
}

std::unexpected<error> no_token(const token_id& id) {
  return fail(errc::not_found, "there is no token " + id.text(), "id");
}

/// A token of one network reaches its own tokens, and none that reaches further.
bool reaches(const principal& who, const token& what) {
  return !who.network || (who.network == what.network && who.network_id == what.network_id);
}

/// Whether the token can do everything, in every network, at that time.
bool is_admin(const token& what, wall_time now) {
  return !what.network && std::ranges::find(what.scopes, scope::admin) != what.scopes.end() &&
         (!what.expires_at || *what.expires_at > now);
}

bool lasts_as_long(const token& what, const token& as) {
  if (!what.expires_at) return true;
  return as.expires_at && *what.expires_at >= *as.expires_at;
}

}  // namespace

task<result<new_token>> control::create_token(const principal& who, token_request wanted) {
  if (who.network && !wanted.network) {
    co_return fail(errc::denied,
                   "this token is of network " + who.network->text() +
                       " alone, and makes tokens of that network only; name it",
                   "network");
  }
  new_token made;
  if (wanted.network) {
    if (!sees(who, *wanted.network)) co_return no_network(*wanted.network);
    auto found = co_await get_as<network>(store_, *wanted.network);
    if (!found) co_return std::unexpected(found.error());
    if (!*found || !belongs(who, (*found)->value)) co_return no_network(*wanted.network);
    made.what.network_id = (*found)->value.id;
  }
  const std::string id = random_label(id_size, random_);
  std::string secret = std::string(token_prefix) + id + "_" + random_label(secret_size, random_);
  made.what.id = *token_id::parse(id);
  made.what.name = std::move(wanted.name);
  made.what.network = wanted.network;
  made.what.scopes = std::move(wanted.scopes);
  made.what.created_at = clock_.now();
  if (wanted.expires_in) made.what.expires_at = made.what.created_at + *wanted.expires_in;
  made.what.max_peers = wanted.max_peers;
  made.what.max_ttl = wanted.max_ttl;
  if (auto sound = check_token(made.what); !sound) {
    co_return std::unexpected(std::move(sound.error()));
  }
  if (auto bounded = may_outlast(who, made.what.expires_at); !bounded) {
    co_return std::unexpected(std::move(bounded.error()));
  }
  made.what.hash = sha256(secret);
  made.secret = secret_text(std::move(secret));
  transaction writes;
  writes.push_back(peerage::put{made.what, absent{}, {}, most_tokens});
  const auto stored = co_await store_.commit(std::move(writes));
  if (stored) co_return made;
  if (stored.error().field == "network") co_return no_network(*wanted.network);
  if (stored.error().field == "max_tokens") {
    co_return fail(errc::conflict,
                   "network " + wanted.network->text() + " has the " + std::to_string(most_tokens) +
                       " tokens that it may have; remove some",
                   "network");
  }
  co_return std::unexpected(stored.error());
}

task<result<std::vector<stored<token>>>> control::stored_tokens() {
  listing what = all_tokens{};
  co_return co_await list_all<token>(store_, std::move(what));
}

task<result<std::vector<token>>> control::list_tokens(const principal& who) {
  auto found = co_await stored_tokens();
  if (!found) co_return std::unexpected(found.error());
  std::vector<token> all;
  for (auto& each : *found) {
    if (!reaches(who, each.value)) continue;
    if (const wall_time* used = uses_.find(each.value.id)) each.value.last_used_at = *used;
    all.push_back(std::move(each.value));
  }
  co_return all;
}

/// What the removal of an admin token writes beside it. errc::conflict with field "id" where it is
/// the last one, unless `force`.
task<result<write>> control::last_admin_guard(token_id id, bool force) {
  // Before the tokens: who has removed one meanwhile has changed it.
  const auto seen = co_await get_as<mark>(store_, admin_removals);
  if (!seen) co_return std::unexpected(seen.error());
  const expectation as_seen = *seen ? expectation((*seen)->revision) : expectation(absent{});
  const write guard = peerage::put{mark{admin_removals.text, id.text()}, as_seen};
  if (force) co_return guard;
  const auto all = co_await stored_tokens();
  if (!all) co_return std::unexpected(all.error());
  const wall_time now = clock_.now();
  const auto going = std::ranges::find(*all, id, [](const auto& each) { return each.value.id; });
  if (going == all->end()) co_return guard;
  const bool another = std::ranges::any_of(*all, [&](const stored<token>& each) {
    return each.value.id != id && is_admin(each.value, now) &&
           lasts_as_long(each.value, going->value);
  });
  if (another) co_return guard;
  const std::string which = going->value.expires_at ? "that lasts so long" : "that does not expire";
  co_return fail(errc::conflict,
                 "token " + id.text() + " is the last one with the scope admin " + which +
                     "; without it nobody could make another through the API",
                 "id");
}

task<result<>> control::remove_token(const principal& who, token_id id, bool force) {
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const auto found = co_await get_as<token>(store_, id);
    // One that can't be read opens nothing, and is removed as it is.
    const bool unreadable = !found && found.error().code == errc::corrupt && !who.network;
    if (!found && !unreadable) co_return std::unexpected(found.error());
    if (found && (!*found || !reaches(who, (*found)->value))) {
      tokens_.forget(id);
      co_return no_token(id);
    }
    transaction writes;
    writes.push_back(removal{id, present{}});
    const bool admin = found && is_admin((*found)->value, clock_.now());
    if (admin) {
      auto guard = co_await last_admin_guard(id, force);
      if (!guard) co_return std::unexpected(std::move(guard.error()));
      writes.push_back(*std::move(guard));
    }
    const auto stored = co_await store_.commit(std::move(writes));
    tokens_.forget(id);
    if (stored) co_return result<>{};
    if (stored.error().code == errc::not_found && !admin) co_return no_token(id);
    // Another admin token was removed meanwhile, or this one: look again.
    const bool moved_on =
        stored.error().code == errc::conflict || stored.error().code == errc::not_found;
    if (!moved_on) co_return std::unexpected(stored.error());
  }
  co_return fail(errc::unavailable, "too many admin tokens are removed at once; try again");
}

task<result<principal>> control::authenticate(std::string_view secret) {
  const std::size_t size = token_prefix.size() + id_size + 1 + secret_size;
  if (secret.size() != size || !secret.starts_with(token_prefix)) co_return not_a_token();
  auto id = token_id::parse(secret.substr(token_prefix.size(), id_size));
  if (!id) co_return not_a_token();
  const auto hash = sha256(secret);
  // What is kept is as old as the question: a revocation is known so long after it was stored.
  const steady_time asked = clock_.steady();
  std::optional<token> read = tokens_.find(*id, asked);
  if (!read) {
    auto found = co_await get_as<token>(store_, *id);
    if (!found) co_return std::unexpected(found.error());
    if (!*found) co_return not_a_token();
    read = std::move((*found)->value);
    tokens_.keep(*id, *read, asked);
  }
  token& known = *read;
  if (!equal_in_constant_time(known.hash, hash)) co_return not_a_token();
  if (known.expires_at && *known.expires_at <= clock_.now()) co_return not_a_token();
  auto in_place = co_await in_its_network(known);
  if (!in_place) co_return std::unexpected(in_place.error());
  if (!*in_place) co_return not_a_token();
  uses_.note(known.id, clock_.now());
  co_return principal{known.id,      known.network,    std::move(known.scopes), known.max_peers,
                      known.max_ttl, known.expires_at, known.network_id};
}

/// Whether the token's network is there, and is the one that the token was made for.
task<result<bool>> control::in_its_network(token what) {
  if (!what.network) co_return true;
  auto in = co_await find_network(*what.network);
  if (!in) co_return std::unexpected(in.error());
  co_return *in&& belongs(what, **in);
}

task<bool> control::still_good(token_id id) {
  auto found = co_await get_as<token>(store_, std::move(id));
  if (!found) co_return true;  // the store can't be read, and the token was good
  if (!*found) co_return false;
  const token& known = (*found)->value;
  if (known.expires_at && *known.expires_at <= clock_.now()) co_return false;
  const auto in_place = co_await in_its_network(known);
  co_return !in_place || *in_place;
}

/// Removes tokens whose network is gone: of the network of that name, or of all. Tokens are read
/// before networks, so each was stored beside a network of its own, and one that has none now has
/// lost it.
task<result<>> control::sweep_tokens(std::optional<network_name> network) {
  const principal everyone{};
  auto all = co_await stored_tokens();
  if (!all) co_return std::unexpected(all.error());
  std::optional<wall_time> past;
  if (!network) past = vouched_.at(clock_.now(), clock_.steady(), board_.size());
  const auto over = [past](const token& each) {
    return past && each.expires_at && *each.expires_at + shown_after_its_end < *past;
  };
  std::erase_if(*all, [&](const stored<token>& each) {
    return !over(each.value) && (!each.value.network || (network && each.value.network != network));
  });
  if (all->empty()) co_return result<>{};
  const auto networks = co_await list_networks(everyone);
  if (!networks) co_return std::unexpected(networks.error());
  std::erase_if(*all, [&](const stored<token>& each) {
    return !over(each.value) && std::ranges::any_of(*networks, [&](const auto& one) {
      return belongs(each.value, one);
    });
  });
  while (!all->empty()) {
    transaction writes;
    for (; !all->empty() && writes.size() < store_.most_removals(); all->pop_back()) {
      tokens_.forget(all->back().value.id);
      writes.push_back(removal{all->back().value.id, anything{}});
    }
    auto removed = co_await store_.commit(std::move(writes));
    if (!removed) co_return std::unexpected(removed.error());
  }
  co_return result<>{};
}

task<> control::sweep_loop() {
  for (;;) {
    co_await clock_.wait_until(clock_.steady() + sweep_every);
    const auto swept = co_await sweep_tokens(std::nullopt);
    if (!swept) {
      log::warning("tokens of removed networks, and expired ones, can't be removed",
                   {{"error", swept.error().message}});
    }
  }
}

task<result<bool>> control::bootstrapped() {
  auto found = co_await get_as<mark>(store_, bootstrap_mark);
  if (!found) co_return std::unexpected(found.error());
  co_return found->has_value();
}

task<result<>> control::mark_bootstrapped() {
  transaction writes;
  writes.push_back(peerage::put{mark{bootstrap_mark.text, to_rfc3339(clock_.now())}, absent{}});
  const auto stored = co_await store_.commit(std::move(writes));
  // Another process was as quick: there is an admin token, and that is what matters.
  if (stored || stored.error().code == errc::conflict) co_return result<>{};
  co_return std::unexpected(stored.error());
}

}  // namespace peerage
