// A store in memory that keeps every promise of ports/store.h, and fails when it is told to.
#pragma once

#include <deque>
#include <map>

#include "ports/store.h"

namespace peerage::fakes {

class fake_store final : public store {
 public:
  task<result<revision>> commit(transaction writes) override;
  task<result<std::optional<stored<record>>>> get(record_key key) override;
  task<result<std::optional<stored<record>>>> find_peer(gateway_name gateway,
                                                        public_key key) override;
  task<result<page>> list(page_query query) override;
  task<result<epoch>> identity() override;

  enum class trouble {
    none,
    refuses,         // nothing stored, and says so
    loses_answer,    // stored, but the answer is lost
    loses_question,  // not stored, and nobody knows
  };
  std::deque<trouble> next_commits;  // one for each commit to come
  bool away = false;                 // everything is errc::unavailable
  std::size_t commits = 0;

 private:
  using table = std::map<std::string, stored<record>>;
  result<> check(const write& one, const table& now) const;
  result<> check_peer(const peer& one, const table& now) const;

  table records_;  // by kind and key
  std::uint64_t last_ = 0;
};

}  // namespace peerage::fakes
