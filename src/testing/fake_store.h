// A store in memory that keeps every promise of ports/store.h, and fails when it is told to.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "async/signal.h"
#include "ports/clock.h"
#include "ports/store.h"

namespace peerage::fakes {

class fake_store : public store {
 public:
  task<result<revision>> commit(transaction writes) override;
  task<result<std::optional<stored<record>>>> get(record_key key) override;
  task<result<std::optional<stored<record>>>> find_peer(gateway_name gateway,
                                                        public_key key) override;
  task<result<page>> list(page_query query) override;
  std::size_t most_removals() const override { return 32; }
  task<result<followed>> follow(gateway_name gateway, std::string position,
                                steady_duration wait) override;
  task<result<assigned>> assignments(gateway_name gateway, std::vector<public_key> keys) override;
  task<result<>> claim(gateway_name gateway, claimant who) override;
  task<> release(gateway_name gateway) override;
  task<result<epoch>> identity() override;
  bool sweepable() const override { return sweep_finds.has_value(); }
  task<result<sweep_report>> sweep(bool repair) override;

  std::optional<sweep_report> sweep_finds;  // where set, it can be swept
  std::size_t sweeps = 0;

  enum class trouble {
    none,
    refuses,         // nothing stored, and says so
    loses_answer,    // stored, but the answer is lost
    loses_question,  // not stored, and nobody knows
  };
  std::deque<trouble> next_commits;  // one for each commit to come
  bool away = false;                 // everything is errc::unavailable
  std::optional<error> claims_fail;  // claim() does
  std::size_t lose_questions = 0;    // so many of assignments() are lost
  std::optional<error> failing;      // where set, commit(), get() and list() end so
  std::size_t commits = 0;
  std::size_t reads = 0;        // get() and list()
  std::size_t whole_reads = 0;  // answers of follow() that were whole
  std::string id = "fake-epoch";
  clock* time = nullptr;  // where set, follow() gives up after `wait`; otherwise it waits for ever

  /// Without looking at anything.
  void put_raw(const transaction& writes);

  /// Forgets every peer behind everybody's back, and who follows can't tell what changed.
  void lose_peers();

 private:
  using table = std::map<std::string, stored<record>>;
  result<> check(const write& one, const table& now) const;
  result<> check_peer(const peer& one, const table& now) const;
  static result<> check_network(const put& wanted, const table& now);

  struct changed {
    std::uint64_t at;
    gateway_name gateway;
    public_key key;
  };
  void note(const record& of, std::uint64_t at);
  void wake();
  followed changes(const gateway_name& gateway, const std::string& position);
  std::vector<prefix> all_routes_of(const network_name& name) const;
  std::optional<prefix> range_of(const network_name& network) const;

  std::vector<changed> log_;
  std::uint64_t log_begins_ = 0;  // what came before can't be told any more
  std::set<std::shared_ptr<signal>> waiting_;
  std::map<gateway_name, claimant> claims_;
  table records_;  // by kind and key
  std::uint64_t last_ = 0;
};

}  // namespace peerage::fakes
