// The store as the enrolment service uses it: what the store can't do is never told as a fault of
// the caller. Used by control alone, on the loop.
//
// errc::conflict and errc::not_found that name a field, and errc::outcome_unknown, pass. Every
// other error (denied, corrupt, full, …) becomes errc::unavailable with a general message; the
// original, which may name files, addresses and keys, goes to the log, at most once in 10 s.
#pragma once

#include "ports/clock.h"
#include "ports/store.h"

namespace peerage {

class guarded_store final : public store {
 public:
  /// Both outlive it.
  guarded_store(store& inner, clock& time) : inner_(inner), clock_(time) {}

  task<result<revision>> commit(transaction writes) override;
  task<result<std::optional<stored<record>>>> get(record_key key) override;
  task<result<std::optional<stored<record>>>> find_peer(gateway_name gateway,
                                                        public_key key) override;
  task<result<page>> list(page_query query) override;
  std::size_t most_removals() const override { return inner_.most_removals(); }
  task<result<followed>> follow(gateway_name gateway, std::string position,
                                steady_duration wait) override;
  task<result<assigned>> assignments(gateway_name gateway, std::vector<public_key> keys) override;
  task<result<>> claim(gateway_name gateway, claimant who) override;
  task<> release(gateway_name gateway) override;
  task<result<epoch>> identity() override;
  bool sweepable() const override { return inner_.sweepable(); }
  task<result<sweep_report>> sweep(bool repair) override { return inner_.sweep(repair); }

 private:
  std::unexpected<error> told(error from, bool writing = false);

  store& inner_;
  clock& clock_;
  std::optional<steady_time> logged_at_;
};

}  // namespace peerage
