// The simulated store as a process sees it: ports/store.h with Consul's weaknesses. What is read is
// as it was at some moment between question and answer, lists in two looks, whole listings in
// several; follow() wakes early, repeats, or answers whole; writes lose their answers, or come
// late.
#pragma once

#include <functional>

#include "tests/sim/calls.h"
#include "tests/sim/clock.h"
#include "tests/sim/store_state.h"

namespace peerage::sim {

/// The store itself, which outlives every process.
struct store_world {
  store_world(const true_time& truth, open_calls& all) : time(truth), calls(all) {}
  store_state now;
  const true_time& time;
  open_calls& calls;
  bool joining = false;   // the next commit shares the index of the last one, where it can
  unsigned mischief = 0;  // percent of follow()'s answers that are odder than they need be
  bool lies = false;      // the next whole listing is empty
  /// Told of every commit that is done: whose it was, and what became of which peers.
  std::function<void(const std::string&, const committed&)> on_commit;

  result<revision> commit(const std::string& who, const transaction& writes);
};

class sim_store final : public store {
 public:
  sim_store(asio::any_io_executor loop, store_world& in, std::string process)
      : loop_(std::move(loop)), in_(in), process_(std::move(process)) {}

  task<result<revision>> commit(transaction writes) override;
  task<result<std::optional<stored<record>>>> get(record_key key) override;
  task<result<std::optional<stored<record>>>> find_peer(gateway_name gateway,
                                                        public_key key) override;
  task<result<page>> list(page_query query) override;
  std::size_t most_removals() const override { return 8; }
  task<result<followed>> follow(gateway_name gateway, std::string position,
                                steady_duration wait) override;
  task<result<assigned>> assignments(gateway_name gateway, std::vector<public_key> keys) override;
  task<result<>> claim(gateway_name gateway, claimant who) override;
  task<> release(gateway_name gateway) override;
  task<result<epoch>> identity() override;

 private:
  template <class T>
  std::shared_ptr<call_for<T>> begin(std::string text);

  asio::any_io_executor loop_;
  store_world& in_;
  std::string process_;
};

}  // namespace peerage::sim
