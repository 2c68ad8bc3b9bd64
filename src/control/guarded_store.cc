#include "control/guarded_store.h"

#include <utility>

#include "log/log.h"

namespace peerage {
namespace {

constexpr seconds log_every{10};

/// One record that can't be read is told as that, with the same message: it can be removed.
std::unexpected<error> as_corrupt_where(errc code, std::unexpected<error> general) {
  if (code == errc::corrupt) general.error().code = code;
  return general;
}

}  // namespace

std::unexpected<error> guarded_store::told(error from, bool writing) {
  const bool of_record = from.code == errc::conflict || from.code == errc::not_found;
  if (of_record && !from.field.empty()) return std::unexpected(std::move(from));
  const steady_time now = clock_.steady();
  if (!logged_at_ || now >= *logged_at_ + log_every) {
    logged_at_ = now;
    log::warning("the store failed",
                 {{"code", std::string(name_of(from.code))}, {"error", from.message}});
  }
  if (from.code == errc::outcome_unknown || (writing && from.code == errc::timeout)) {
    return fail(errc::outcome_unknown, "the store's answer was lost");
  }
  if (from.code == errc::full && from.field == "disk") {
    return fail(errc::unavailable,
                "the server's disk is full, so nothing new is stored; removals still work");
  }
  return fail(errc::unavailable, "the store can't do it now; nothing was changed");
}

task<result<revision>> guarded_store::commit(transaction writes) {
  auto done = co_await inner_.commit(std::move(writes));
  if (!done) co_return told(std::move(done.error()), true);
  co_return done;
}

task<result<std::optional<stored<record>>>> guarded_store::get(record_key key) {
  auto found = co_await inner_.get(std::move(key));
  if (!found) {
    const errc code = found.error().code;
    co_return as_corrupt_where(code, told(std::move(found.error())));
  }
  co_return found;
}

task<result<std::optional<stored<record>>>> guarded_store::find_peer(gateway_name gateway,
                                                                     public_key key) {
  auto found = co_await inner_.find_peer(std::move(gateway), key);
  if (!found) {
    const errc code = found.error().code;
    co_return as_corrupt_where(code, told(std::move(found.error())));
  }
  co_return found;
}

task<result<page>> guarded_store::list(page_query query) {
  auto found = co_await inner_.list(std::move(query));
  if (!found) co_return told(std::move(found.error()));
  co_return found;
}

task<result<followed>> guarded_store::follow(gateway_name gateway, std::string position,
                                             steady_duration wait) {
  return inner_.follow(std::move(gateway), std::move(position), wait);
}

task<result<assigned>> guarded_store::assignments(gateway_name gateway,
                                                  std::vector<public_key> keys) {
  return inner_.assignments(std::move(gateway), std::move(keys));
}

task<result<>> guarded_store::claim(gateway_name gateway, claimant who) {
  return inner_.claim(std::move(gateway), std::move(who));
}

task<> guarded_store::release(gateway_name gateway) {
  return inner_.release(std::move(gateway));
}

task<result<epoch>> guarded_store::identity() {
  auto found = co_await inner_.identity();
  if (!found) co_return told(std::move(found.error()));
  co_return found;
}

}  // namespace peerage
